from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from facewise.errors import TrainingError
from facewise.training.losses import ArcFace, SampledClassWeights, build_loss

CLASSES, SIZE = 40, 6
OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=5e-4),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, amsgrad=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05, initial_accumulator_value=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9),
}


def batches(count, size=8):
    generator = torch.Generator().manual_seed(4)
    for _ in range(count):
        yield (
            torch.randn(size, SIZE, generator=generator),
            torch.randint(CLASSES, (size,), generator=generator),
        )


def sampled(rate, optimiser="sgd"):
    torch.manual_seed(1)
    loss = ArcFace(CLASSES, SIZE)  # `sample_rate=1` would not sample
    loss.class_weights = SampledClassWeights(CLASSES, SIZE, sample_rate=rate)
    optimizer = OPTIMISERS[optimiser](loss.parameters())
    loss.attach(optimizer)
    return loss, optimizer


def train(loss, optimizer, steps):
    values = []
    for embeddings, labels in steps:
        optimizer.zero_grad()
        value = loss(embeddings, labels)
        value.backward()
        optimizer.step()
        values.append(value.item())
    return values


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_all_classes_sampled_is_full_softmax(optimiser):
    loss, optimizer = sampled(1.0, optimiser)
    full = ArcFace(CLASSES, SIZE)
    full.class_weights.weight.data = loss.class_weights.weight.clone()
    values = train(loss, optimizer, batches(6))
    expected = train(full, OPTIMISERS[optimiser](full.parameters()), batches(6))
    assert values == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(
        loss.class_weights.weight, full.class_weights.weight.detach(), rtol=1e-5, atol=1e-6
    )


def by_hand(embeddings, weight, labels, classes):
    """ArcFace's loss over some of the classes."""
    total = 0.0
    for x, y in zip(embeddings, labels, strict=True):
        logits = []
        for j in classes:
            theta = math.acos(x @ weight[j] / np.linalg.norm(x) / np.linalg.norm(weight[j]))
            value = math.cos(theta)
            if j == y:
                beyond = theta > math.pi - 0.5
                value = value - 0.5 * math.sin(0.5) if beyond else math.cos(theta + 0.5)
                target = 64 * value
            logits.append(64 * value)
        top = max(logits)
        total += top + math.log(sum(math.exp(v - top) for v in logits)) - target
    return total / len(labels)


def test_the_loss_is_the_softmax_over_the_sampled_classes():
    loss, _ = sampled(0.5)
    embeddings, labels = next(batches(1))
    weight = loss.class_weights.weight.double().numpy()
    copy_of = copy.deepcopy(loss.class_weights)
    rows, targets = copy_of(labels)
    classes = [int((copy_of.weight == row).all(dim=1).nonzero()) for row in rows]
    assert len(set(classes)) == 20
    assert set(labels.tolist()) <= set(classes)
    assert [classes[target] for target in targets] == labels.tolist()
    value = loss(embeddings, labels)
    expected = by_hand(embeddings.double().numpy(), weight, labels.tolist(), classes)
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_step_equals_one_that_knows_only_the_sampled_rows(optimiser):
    """Each row's momentum and squares are its own, and rest while it is not sampled."""
    loss, optimizer = sampled(0.3, optimiser)
    memory = loss.class_weights
    before = memory.weight.clone()
    rows = {j: torch.nn.Parameter(before[j].clone()) for j in range(CLASSES)}
    alone = {j: OPTIMISERS[optimiser]([rows[j]]) for j in rows}
    counts = dict.fromkeys(rows, 0)
    for step, (embeddings, labels) in enumerate(batches(5)):
        loss(embeddings, labels).backward()
        index = memory._index.tolist()
        for j, gradient in zip(index, memory.sampled.grad.clone(), strict=True):
            if alone[j].state and "step" in alone[j].state[rows[j]]:  # common to all rows
                alone[j].state[rows[j]]["step"].fill_(step)
            elif optimiser in {"adam", "adamw"}:
                # A row that comes late starts with the others' count: prime it with nothing.
                rows[j].grad = torch.zeros_like(rows[j])
                value = rows[j].detach().clone()
                alone[j].step()
                rows[j].data.copy_(value)
                alone[j].state[rows[j]]["step"].fill_(step)
            rows[j].grad = gradient
            alone[j].step()
            counts[j] += 1
        optimizer.step()
        expected = torch.stack([row.detach() for row in rows.values()])
        torch.testing.assert_close(memory.weight, expected, rtol=1e-5, atol=1e-6)
    untouched = [j for j in rows if counts[j] == 0]
    assert untouched
    assert torch.equal(memory.weight[untouched], before[untouched])


def test_gradients_of_several_batches_add_up():
    loss, optimizer = sampled(0.3)
    memory = loss.class_weights
    before = memory.weight.clone()
    expected = torch.zeros_like(before)
    for embeddings, labels in batches(3):
        probe = copy.deepcopy(memory)
        rows, targets = probe(labels)
        single = ArcFace(len(rows), SIZE)
        single.class_weights.weight.data = rows.detach().clone()
        single(embeddings, targets).backward()
        index = [int((before == row).all(dim=1).nonzero()) for row in rows]
        expected[index] += single.class_weights.weight.grad
        loss(embeddings, labels).backward()
    seen = memory._index
    torch.testing.assert_close(memory.sampled.grad, expected[seen], rtol=1e-5, atol=1e-5)
    assert (expected.abs().sum(dim=1) > 0).nonzero()[:, 0].tolist() == seen.tolist()
    torch.nn.utils.clip_grad_norm_(loss.parameters(), 1.0)  # sees them as it would a head's
    assert memory.sampled.grad.norm() == pytest.approx(1.0, rel=1e-4)
    optimizer.step()
    assert memory.sampled.shape == (0, SIZE)
    moved = (memory.weight != before).any(dim=1).nonzero()[:, 0]
    assert moved.tolist() == seen.tolist()


def test_a_skipped_step_changes_nothing():
    """As the scaler of float16 skips it when gradients overflow."""
    loss, optimizer = sampled(0.3)
    before = loss.class_weights.weight.clone()
    first, second = batches(2)
    loss(*first).backward()
    optimizer.zero_grad()
    assert torch.equal(loss.class_weights.weight, before)
    loss(*second).backward()
    assert len(loss.class_weights.sampled) == 12
    optimizer.step()
    assert (loss.class_weights.weight != before).any(dim=1).sum() == 12


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_resumed_run_goes_on_exactly(optimiser):
    steps = list(batches(6))
    loss, optimizer = sampled(0.3, optimiser)
    whole = train(loss, optimizer, steps)
    loss, optimizer = sampled(0.3, optimiser)
    assert train(loss, optimizer, steps[:3]) == whole[:3]
    saved = copy.deepcopy((loss.state_dict(), optimizer.state_dict()))
    loss, optimizer = sampled(0.3, optimiser)
    loss.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    assert train(loss, optimizer, steps[3:]) == whole[3:]


def test_the_state_is_the_same_in_the_middle_of_a_step():
    loss, _ = sampled(0.3)
    before = loss.state_dict()
    loss(*next(batches(1))).backward()
    assert loss.state_dict().keys() == before.keys()
    assert "class_weights.sampled" not in before
    loss.load_state_dict(before)


def test_the_seed_decides_what_is_sampled():
    labels = torch.tensor([3, 3, 7])
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(0)
        weights = SampledClassWeights(CLASSES, SIZE, sample_rate=0.2, seed=seed)
        with torch.no_grad():
            drawn.append([weights(labels)[0] for _ in range(2)])
    assert torch.equal(drawn[0][0], drawn[1][0])
    assert not torch.equal(drawn[0][0], drawn[2][0])
    assert not torch.equal(drawn[0][0], drawn[0][1])


def test_every_other_class_is_as_likely():
    weights = SampledClassWeights(CLASSES, 1, sample_rate=0.25)
    weights.weight.copy_(torch.arange(CLASSES)[:, None])
    counts = torch.zeros(CLASSES)
    with torch.no_grad():
        for _ in range(2000):
            counts[weights(torch.tensor([5, 9]))[0][:, 0].long()] += 1
    assert (counts[[5, 9]] == 2000).all()
    others = np.delete(counts.numpy(), [5, 9]) / 2000
    np.testing.assert_allclose(others, 8 / 38, atol=0.04)


def test_a_batch_with_more_people_than_places_takes_them_all():
    loss, optimizer = sampled(0.01)
    embeddings, labels = torch.randn(20, SIZE), torch.arange(20)
    loss(embeddings, labels).backward()
    assert len(loss.class_weights.sampled) == 20
    optimizer.step()


def test_evaluation_takes_all_classes():
    loss, _ = sampled(0.2)
    full = ArcFace(CLASSES, SIZE)
    full.class_weights.weight.data = loss.class_weights.weight.clone()
    embeddings, labels = next(batches(1))
    assert loss.eval()(embeddings, labels).item() == full(embeddings, labels).item()


@pytest.mark.parametrize(
    "name",
    ["adaface", "combined", "cosface", "curricularface", "magface", "normface", "sphereface",
     "subcenter-arcface"],
)  # fmt: skip
def test_every_margin_loss_can_sample(name):
    torch.manual_seed(0)
    loss = build_loss(name, num_classes=CLASSES, embedding_size=SIZE, sample_rate=0.3)
    optimizer = torch.optim.SGD(loss.parameter_groups()["head"], lr=0.1, momentum=0.9)
    loss.attach(optimizer)
    before = loss.class_weights.weight.clone()
    embeddings = 10 * torch.randn(8, SIZE)
    value = loss(embeddings, torch.arange(8))
    value.backward()
    optimizer.step()
    assert torch.isfinite(value)
    moved = (loss.class_weights.weight != before).flatten(1).any(dim=1)
    assert 8 <= moved.sum() <= 12
    assert moved[:8].all()


def test_training_without_the_optimiser_is_refused():
    loss = build_loss("arcface", num_classes=CLASSES, embedding_size=SIZE, sample_rate=0.3)
    with pytest.raises(TrainingError, match=r"call loss.attach\(optimizer\) first"):
        loss(*next(batches(1)))
    other = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(TrainingError, match="does not hold the parameters of the loss"):
        loss.attach(other)


def test_a_scaler_of_gradients_changes_nothing():
    values = []
    for enabled in (False, True):
        loss, optimizer = sampled(0.3)
        scaler = torch.amp.GradScaler("cpu", enabled=enabled, init_scale=1024.0)
        values.append([])
        for embeddings, labels in batches(4):
            optimizer.zero_grad()
            value = loss(embeddings, labels)
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()
            values[-1].append(value.item())
    assert values[0] == pytest.approx(values[1], rel=1e-6)
