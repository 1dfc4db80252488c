"""Every margin loss against its formula in plain float64, and its gradient against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facewise.errors import TrainingError
from facewise.training.losses import ArcFace, CosFace, MarginSoftmax, build_loss

CLASSES, SIZE = 6, 5


def psi(phi):
    k = math.floor(phi / math.pi)
    return (-1) ** k * math.cos(phi) - 2 * k


def arc(theta, m):
    return math.cos(theta + m) if theta <= math.pi - m else math.cos(theta) - m * math.sin(m)


def ada_quality(norms):
    """z of a first training step."""
    clipped = np.clip(norms, 1e-3, 100)
    mean = 0.99 * 20 + 0.01 * clipped.mean()
    std = 0.99 * 100 + 0.01 * clipped.std(ddof=1)
    return np.clip(0.333 * (clipped - mean) / (std + 1e-3), -1, 1)


def ada(theta, norm, z):
    turned = min(max(theta - 0.4 * z, 1e-3), math.pi - 1e-3)
    return math.cos(turned) - (0.4 * z + 0.4)


def mag_margin(norm):
    a = min(max(norm, 10.0), 110.0)
    return (0.8 - 0.45) / (110 - 10) * (a - 10) + 0.45


def mag_penalty(norm):
    a = min(max(norm, 10.0), 110.0)
    return 35 * (1 / a + a / 110**2)


TARGETS = {
    "normface": lambda theta, norm, z: math.cos(theta),
    "arcface": lambda theta, norm, z: arc(theta, 0.5),
    "cosface": lambda theta, norm, z: math.cos(theta) - 0.35,
    "combined": lambda theta, norm, z: psi(1.2 * theta + 0.3) - 0.2,
    "sphereface": lambda theta, norm, z: psi(4 * theta),
    "adaface": ada,
    "magface": lambda theta, norm, z: arc(theta, mag_margin(norm)),
    "curricularface": lambda theta, norm, z: arc(theta, 0.5),
    "subcenter-arcface": lambda theta, norm, z: arc(theta, 0.5),
}
OPTIONS = {"combined": {"margin1": 1.2}, "sphereface": {"annealing": False}}
SCALES = {"normface": 30.0}


def reference(name, embeddings, weight, labels, z, t):
    """The mean loss, number by number; z and t are what has no gradient."""
    total = 0.0
    for x, y, quality in zip(embeddings, labels, z, strict=True):
        norm = math.sqrt(sum(x * x))
        centers = weight.reshape(CLASSES, -1, SIZE)
        cosines = [max(w @ x / norm / math.sqrt(w @ w) for w in c) for c in centers]
        theta = math.acos(cosines[y])
        values = list(cosines)
        if name == "curricularface":
            values = [c * (t + c) if c > math.cos(theta + 0.5) else c for c in cosines]
        values[y] = TARGETS[name](theta, norm, quality)
        scale = norm if name == "sphereface" else SCALES.get(name, 64.0)
        logits = [scale * value for value in values]
        top = max(logits)
        total += top + math.log(sum(math.exp(v - top) for v in logits)) - logits[y]
        if name == "magface":
            total += mag_penalty(norm)
    return total / len(labels)


def slopes(function, array, step=1e-6):
    """The gradient by central differences."""
    result = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        for sign in (1, -1):
            moved = array.copy()
            moved[place] += sign * step
            result[place] += sign * function(moved) / (2 * step)
    return result


def batch(rng):
    """Eight pictures: norms inside MagFace's limits and beyond, one angle beyond pi - m."""
    labels = np.array([0, 0, 1, 2, 3, 4, 5, 5])
    embeddings = rng.normal(size=(8, SIZE))
    embeddings *= (np.array([3, 12, 20, 30, 45, 60, 90, 130]) / np.linalg.norm(embeddings, axis=1))[
        :, None
    ]
    return embeddings, labels


def prepared(name, rng):
    embeddings, labels = batch(rng)
    loss = build_loss(
        name, num_classes=CLASSES, embedding_size=SIZE, **OPTIONS.get(name, {})
    ).double()
    weight = rng.normal(size=tuple(loss.class_weights.weight.shape))
    center = weight.reshape(CLASSES, -1, SIZE)[labels[0]]
    embeddings[0] = -3 * center.mean(0) + 0.1  # nearly opposite
    loss.class_weights.weight.data = torch.from_numpy(weight.copy())
    return loss, embeddings, labels, weight


@pytest.mark.parametrize("name", TARGETS)
def test_value_and_gradients_are_those_of_the_formula(name, rng):
    loss, embeddings, labels, weight = prepared(name, rng)
    z = ada_quality(np.linalg.norm(embeddings, axis=1))
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    t = 0.0
    if name == "curricularface":
        rows = weight / np.linalg.norm(weight, axis=1, keepdims=True)
        loss.t.fill_(0.3)
        t = 0.99 * 0.3 + 0.01 * (unit * rows[labels]).sum(axis=1).mean()

    vectors = torch.from_numpy(embeddings).requires_grad_()
    value = loss(vectors, torch.from_numpy(labels))
    value.backward()

    def formula(e, w):
        return reference(name, e, w, labels, z, t)

    assert value.item() == pytest.approx(formula(embeddings, weight), rel=1e-6)
    np.testing.assert_allclose(
        vectors.grad, slopes(lambda e: formula(e, weight), embeddings), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        loss.class_weights.weight.grad,
        slopes(lambda w: formula(embeddings, w), weight),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "theirs", "options"),
    [
        ("arcface", "ArcFaceLoss", {"margin": math.degrees(0.5)}),
        ("cosface", "CosFaceLoss", {}),
        ("sphereface", "SphereFaceLoss", {}),
        ("normface", "NormalizedSoftmaxLoss", {"temperature": 1 / 30}),
        ("subcenter-arcface", "SubCenterArcFaceLoss", {"margin": math.degrees(0.5)}),
    ],
)
def test_equals_pytorch_metric_learning(name, theirs, options, rng):
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    loss, embeddings, labels, weight = prepared(name, rng)
    other = getattr(losses, theirs)(num_classes=CLASSES, embedding_size=SIZE, **options)
    other.W.data = torch.from_numpy(weight.reshape(-1, SIZE).T.copy())
    vectors, targets = torch.from_numpy(embeddings), torch.from_numpy(labels)
    assert loss(vectors, targets).item() == pytest.approx(other(vectors, targets).item(), rel=1e-9)


@pytest.mark.parametrize("name", TARGETS)
def test_the_target_falls_with_the_angle(name):
    loss = build_loss(name, num_classes=CLASSES, embedding_size=SIZE, **OPTIONS.get(name, {}))
    if name == "curricularface":
        return  # has no `with_margin` of its own: its target is ArcFace's
    theta = torch.linspace(0.01, math.pi - 0.01, 500)
    targets = loss.eval().with_margin(theta.cos(), torch.full((500,), 20.0))
    assert (targets.diff() < 1e-6).all()


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_gradients_stay_finite_on_and_opposite_a_center(name, sign):
    loss = build_loss(name, num_classes=CLASSES, embedding_size=SIZE)
    weight = torch.eye(SIZE)[torch.arange(CLASSES) % SIZE]
    whole = loss.class_weights.weight
    whole.data = weight.expand_as(whole) if whole.ndim == 2 else weight[:, None].repeat(1, 3, 1)
    vectors = (20 * sign * torch.eye(SIZE)).requires_grad_()
    loss(vectors, torch.arange(SIZE)).backward()
    assert torch.isfinite(vectors.grad).all()
    assert torch.isfinite(whole.grad).all()


@pytest.mark.parametrize("name", TARGETS)
def test_autocast_changes_nothing(name, rng):
    loss, embeddings, labels, _ = prepared(name, rng)
    loss = loss.float().eval()
    vectors = torch.from_numpy(embeddings).bfloat16().requires_grad_()
    targets = torch.from_numpy(labels)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(vectors, targets)
        value.backward()
    again = vectors.detach().float().requires_grad_()
    expected = loss(again, targets)
    expected.backward()
    assert value.dtype is torch.float32
    assert value.item() == expected.item()
    assert vectors.grad.dtype is torch.bfloat16
    torch.testing.assert_close(vectors.grad.float(), again.grad, rtol=0.01, atol=0.01)


def test_an_empty_picture_has_cosine_zero_and_no_gradient():
    loss = ArcFace(4, 3)
    vectors = torch.zeros(1, 3, requires_grad=True)
    value = loss(vectors, torch.tensor([1]))
    value.backward()
    # The right class: 64 cos(pi/2 + 0.5); the three others 0.
    right = 64 * math.cos(math.pi / 2 + 0.5)
    assert value.item() == pytest.approx(math.log(math.exp(right) + 3) - right, rel=1e-6)
    assert vectors.grad.abs().max() == 0


def test_combined_margins_hold_the_others():
    torch.manual_seed(0)
    vectors, labels = torch.randn(16, 8), torch.arange(16) % 4
    pairs = [
        (ArcFace(4, 8, margin=0.4), (1.0, 0.4, 0.0)),
        (CosFace(4, 8, margin=0.3), (1.0, 0.0, 0.3)),
        (build_loss("sphereface", num_classes=4, embedding_size=8, margin=1.7, annealing=False,
                    scale=64.0), (1.7, 0.0, 0.0)),
    ]  # fmt: skip
    for single, (m1, m2, m3) in pairs:
        combined = build_loss(
            "combined", num_classes=4, embedding_size=8, margin1=m1, margin2=m2, margin3=m3
        )
        combined.load_state_dict(single.class_weights.state_dict(prefix="class_weights."))
        assert combined(vectors, labels).item() == pytest.approx(
            single(vectors, labels).item(), rel=1e-5
        )


def test_sphereface_anneals_as_its_authors_do():
    loss = build_loss("sphereface", num_classes=4, embedding_size=3)
    cosine, norms = torch.tensor([0.6]), torch.tensor([1.0])
    for step in (0, 1, 2, 5000):
        loss.steps.fill_(step)
        plain = max(5.0, 1000 / (1 + 0.12 * step))
        expected = (plain * 0.6 + psi(4 * math.acos(0.6))) / (1 + plain)
        assert loss.with_margin(cosine, norms).item() == pytest.approx(expected, rel=1e-5)
        assert loss.steps == step + 1
    loss.eval()
    loss.with_margin(cosine, norms)
    assert loss.steps == 5001


def test_running_values_are_kept_and_not_moved_by_evaluation(rng):
    embeddings, labels = (torch.from_numpy(a) for a in batch(rng))
    norms = embeddings.norm(dim=1).clamp(max=100).numpy()
    ada = build_loss("adaface", num_classes=CLASSES, embedding_size=SIZE)
    ada(embeddings.float(), labels)
    assert ada.norm_mean.item() == pytest.approx(0.99 * 20 + 0.01 * norms.mean(), rel=1e-6)
    assert ada.norm_std.item() == pytest.approx(0.99 * 100 + 0.01 * norms.std(ddof=1), rel=1e-6)
    ada(embeddings[:1].float(), labels[:1])  # one picture has no deviation
    assert torch.isfinite(ada.norm_std)
    state = ada.state_dict()
    assert {"norm_mean", "norm_std"} <= set(state)
    before = ada.norm_mean.item()
    ada.eval()(embeddings.float(), labels)
    assert ada.norm_mean.item() == before
    curricular = build_loss("curricularface", num_classes=CLASSES, embedding_size=SIZE)
    curricular(embeddings.float(), labels)
    assert "t" in curricular.state_dict()
    assert curricular.t != 0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("arcface", {"margin": 28.6}, "margin: expected 0 to 1.5708, got 28.6"),
        ("cosface", {"scale": 0}, "scale: expected at least 1e-06, got 0"),
        ("sphereface", {"margin": 0.5}, "margin: expected at least 1, got 0.5"),
        ("magface", {"norms": (20.0, 10.0)}, "the lower limit before the upper"),
        ("adaface", {"momentum": 2.0}, "momentum: expected 0 to 1, got 2"),
        ("arcface", {"focal": float("nan")}, "focal: expected at least 0, got nan"),
        ("arcface", {"sample_rate": -0.1}, "sample_rate: expected 0 to 1, got -0.1"),
        ("subcenter-arcface", {"sub_centers": 0}, "sub_centers: expected at least 1, got 0"),
    ],
)
def test_options_out_of_range(name, options, message):
    with pytest.raises(TrainingError, match=message):
        build_loss(name, num_classes=4, embedding_size=8, **options)


def test_a_margin_is_all_that_a_new_loss_needs():
    class Tight(MarginSoftmax):
        def with_margin(self, cosine, norms):
            return cosine - 0.1

    torch.manual_seed(0)
    vectors, labels = torch.randn(6, 8), torch.arange(6) % 3
    tight, cosface = Tight(3, 8), CosFace(3, 8, margin=0.1)
    cosface.load_state_dict(tight.state_dict())
    assert tight(vectors, labels).item() == cosface(vectors, labels).item()
