from __future__ import annotations

import hashlib
from collections import Counter

import pytest
import torch
from torch import nn

from facewise.embedding.inception_resnet_v1 import InceptionResnetV1

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@pytest.fixture
def oracle():
    package = pytest.importorskip("facenet_pytorch", reason="the predecessor is not installed")
    return package.InceptionResnetV1


def layout_hash(network):
    lines = [f"{k} {tuple(v.shape)}" for k, v in sorted(network.state_dict().items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_layers_are_those_published_for_the_vggface2_file():
    # Counted by others on facenet-pytorch's InceptionResnetV1(pretrained="vggface2"): 27,910,327
    # parameters, 132 Conv2d, 111 BatchNorm2d, 1 BatchNorm1d, 2 Linear.
    network = InceptionResnetV1(num_classes=8631)
    kinds = Counter(type(m) for m in network.modules())
    assert sum(p.numel() for p in network.parameters()) == 27_910_327
    assert kinds[nn.Conv2d] == 132
    assert kinds[nn.BatchNorm2d] == 111
    assert kinds[nn.BatchNorm1d] == 1
    assert kinds[nn.Linear] == 2
    assert network.logits.weight.shape == (8631, 512)


def test_names_and_shapes_are_those_of_the_predecessor():
    # sha256 over "key shape" lines of facenet-pytorch 2.6.0's InceptionResnetV1().state_dict().
    assert (
        layout_hash(InceptionResnetV1())
        == "c0638fa983a7cf513cd2dfb4310e1e627f43ae2e6bcbe857010cd3b37e3c5b1c"
    )


@torch.inference_mode()
def test_embeddings_equal_golden_values(filled, noise):
    # facenet-pytorch 2.6.0 with the same weights and input (float32, torch 2.14).
    embeddings = filled(InceptionResnetV1())(noise((2, 3, 160, 160)))
    golden = torch.tensor([0.018695, -0.047304, 0.011684, 0.018617, 0.002284, -0.019677])
    torch.testing.assert_close(embeddings[1, :6], golden, rtol=0, atol=2e-6)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))


@torch.inference_mode()
def test_logits_equal_golden_values(filled, noise):
    # As above, with num_classes=5 and classify=True.
    logits = filled(InceptionResnetV1(5, classify=True))(noise((2, 3, 160, 160)))
    golden = torch.tensor([1.757661, -1.015297, -1.593314, 0.875202, 0.997310])
    torch.testing.assert_close(logits[1], golden, rtol=0, atol=2e-5)


def test_logits_exist_only_when_classes_are_given():
    assert not hasattr(InceptionResnetV1(), "logits")
    assert not any(key.startswith("logits") for key in InceptionResnetV1().state_dict())
    assert InceptionResnetV1(7).logits.out_features == 7


def test_classify_without_classes_is_refused():
    with pytest.raises(ValueError, match="num_classes"):
        InceptionResnetV1(classify=True)


@torch.inference_mode()
def test_classify_can_be_switched_later(filled, noise):
    network = filled(InceptionResnetV1(5))
    image = noise((1, 3, 75, 75))
    embedding = network(image)
    network.classify = True
    assert embedding.shape == (1, 512)
    assert network(image).shape == (1, 5)


def test_dropout_acts_in_training_only(noise):
    network = InceptionResnetV1(dropout_prob=0.3)
    assert network.dropout.p == 0.3
    features = torch.ones(1, 10_000)
    kept = network.train().dropout(features)
    assert 0.25 < (kept == 0).float().mean() < 0.35
    assert network.eval().dropout(features) is features


@pytest.mark.oracle
def test_starts_from_the_weights_of_the_predecessor(oracle):
    torch.manual_seed(3)
    theirs = oracle(classify=True, num_classes=11)
    torch.manual_seed(3)
    ours = InceptionResnetV1(11, classify=True)
    theirs_state, ours_state = theirs.state_dict(), ours.state_dict()
    assert list(ours_state) == list(theirs_state)
    assert all(torch.equal(ours_state[key], theirs_state[key]) for key in theirs_state)


@pytest.mark.oracle
@pytest.mark.parametrize("classify", [False, True])
@torch.inference_mode()
def test_outputs_equal_the_predecessor(oracle, filled, noise, classify):
    theirs = filled(oracle(classify=classify, num_classes=11))
    ours = InceptionResnetV1(11 if classify else None, classify).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    images = noise((2, 3, 160, 160), seed=5)
    torch.testing.assert_close(ours(images), theirs(images), rtol=0, atol=1e-5)


@pytest.mark.oracle
def test_trains_like_the_predecessor(oracle, filled, noise):
    theirs = filled(oracle(dropout_prob=0.4)).train()
    ours = filled(InceptionResnetV1(dropout_prob=0.4)).train()
    results = []
    for network in (theirs, ours):
        torch.manual_seed(0)  # the same dropout mask
        embeddings = network(noise((3, 3, 96, 96)))
        embeddings[:, 0].sum().backward()
        results.append((embeddings.detach(), network.conv2d_1a.conv.weight.grad))
    for theirs_value, ours_value in zip(*results, strict=True):
        torch.testing.assert_close(ours_value, theirs_value, rtol=1e-4, atol=1e-6)


@pytest.mark.oracle
def test_batch_norms_have_the_settings_of_the_predecessor(oracle):
    def settings(network):
        return {
            name: (m.eps, m.momentum, m.affine, m.track_running_stats)
            for name, m in network.named_modules()
            if isinstance(m, BATCH_NORMS)
        }

    assert settings(InceptionResnetV1()) == settings(oracle())
    assert len(settings(InceptionResnetV1())) == 112
