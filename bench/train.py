"""`python -m bench train`: what a step of training costs, beside the predecessors' ways."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import nn

from bench import plain_losses
from bench.children import Child
from bench.contest import Contender, Timed
from bench.hold import hold
from bench.record import Group, Record
from bench.triplets import hold_triplets
from facewise.training.losses import build_loss

_MINE = "facewise"
_PLAIN = "plain formula"
_DIMENSIONS = 512
_FULL = "all people"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=int, default=1_000_000, help="of the sampled softmax")
    parser.add_argument("--sample-rate", type=float, default=0.1)
    parser.add_argument("--batch", type=int, default=256, help="of the losses")
    parser.add_argument("--parts", nargs="+", default=list(_PARTS), choices=_PARTS)


def run(arguments: argparse.Namespace, record: Record) -> None:
    if arguments.quick:
        arguments.people, arguments.batch = 2_000, 16
    arguments.rounds = 2 if arguments.quick else arguments.rounds or 7
    record.settings = {
        name: getattr(arguments, name) for name in ("rounds", "people", "sample_rate", "batch")
    }
    for part in arguments.parts:
        _PARTS[part](arguments, record)


class Losses:
    """A judge that keeps the losses of contenders, and how far they are from the first one's."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._seen: dict[str, list[float]] = {}

    def see(self, timed: Timed) -> None:
        self._seen.setdefault(timed.contender.name, []).append(float(timed.output))

    def extras(self, name: str) -> Mapping[str, float | None]:
        pairs = zip(self._seen[name], self._seen.get(self._reference, ()), strict=False)
        return {"difference": max((abs(a - b) for a, b in pairs), default=None)}


def margins(arguments: argparse.Namespace, record: Record) -> None:
    """ArcFace's head and its step, as facerec writes it and as we do."""
    people = 200 if arguments.quick else 10_000
    group = Group(
        f"ArcFace: loss, gradient and step; {people:,} people, {_DIMENSIONS}-d, "
        f"{arguments.batch} faces",
        unit="step",
        reference=_PLAIN,
        columns=["difference"],
        notes=["The plain formula is the one of facerec's head: a one-hot matrix of all people."],
    )
    batches = list(_batches(people, arguments.batch, arguments.rounds))
    heads: dict[str, nn.Module] = {
        _PLAIN: plain_losses.OneHotArcFace(people, _DIMENSIONS),
        _MINE: build_loss("arcface", num_classes=people, embedding_size=_DIMENSIONS),
    }
    weights = torch.randn(people, _DIMENSIONS, generator=torch.Generator().manual_seed(1)) * 0.01
    contenders = []
    for name, head in heads.items():
        [weight] = head.parameters()
        weight.data.copy_(weights)
        step = partial(_step, head, torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9))
        contenders.append(Contender(name, "", name, step))
    hold(group, contenders, [[batch] for batch in batches], record, Losses(_PLAIN))


def sampled(arguments: argparse.Namespace, record: Record) -> None:
    """All people in each step, and a part of them; each in a process of its own."""
    weights = 2 * 4 * arguments.people * _DIMENSIONS
    group = Group(
        f"ArcFace with sampled people: {arguments.people:,} people, {_DIMENSIONS}-d, "
        f"{arguments.batch} faces",
        unit="step",
        reference=_FULL,
        columns=["memory"],
        notes=[
            f"Weights and momentum alone are {weights / 1e6:,.0f} MB on both sides.",
            "Each in a process of its own.",
        ],
    )
    ways = {_FULL: 1.0, f"{arguments.sample_rate:.0%} of them": arguments.sample_rate}
    with ExitStack() as stack:
        children = {
            name: stack.enter_context(
                Child(sampled_steps, arguments.people, _DIMENSIONS, arguments.batch, rate)
            )
            for name, rate in ways.items()
        }
        contenders = [Contender(n, "", n, child.ask) for n, child in children.items()]
        hold(group, contenders, [[i] for i in range(arguments.rounds)], record, Memory())


class Memory:
    """A judge of what processes say of their memory."""

    def __init__(self) -> None:
        self._said: dict[str, Mapping[str, float]] = {}

    def see(self, timed: Timed) -> None:
        self._said[timed.contender.name] = timed.output

    def extras(self, name: str) -> Mapping[str, float | None]:
        return self._said[name]


def sampled_steps(people: int, size: int, batch: int, rate: float) -> Iterator[Any]:
    """Steps of ArcFace, in a child; each gives the memory of the process in bytes."""
    from bench.memory import resident
    from facewise.training.freed_memory import keep_freed_memory

    keep_freed_memory()  # as the loop does; without, all people would look worse
    options = {} if rate == 1 else {"sample_rate": rate}
    loss = build_loss("arcface", num_classes=people, embedding_size=size, **options)
    optimizer = torch.optim.SGD(loss.parameters(), lr=0.1, momentum=0.9)
    loss.attach(optimizer)
    for each in _batches(people, batch, 10_000):
        _step(loss, optimizer, [each])
        yield {"memory": resident(largest=True)}


def backbone(arguments: argparse.Namespace, record: Record) -> None:
    """A whole step of MobileFaceNet, as PyTorch makes it by itself and as the loop does."""
    batch = 8 if arguments.quick else 64
    group = Group(
        f"MobileFaceNet and ArcFace: a step of {batch} chips, 4,000 people",
        unit="image",
        reference="float32, PyTorch alone",
        notes=[
            "The loop keeps freed memory, and in bfloat16 strided depthwise layers in float32.",
            "Chips lie in channels-last order on all sides.",
        ],
    )
    with ExitStack() as stack:
        contenders = []
        for precision in ("float32", "bfloat16"):
            for who, ours in (("PyTorch alone", False), (_MINE, True)):
                child = stack.enter_context(Child(backbone_steps, precision, ours, batch))
                name = f"{precision}, {who}"
                contenders.append(Contender(precision, who, name, child.ask))
        rounds = [[i] * batch for i in range(arguments.rounds)]
        hold(group, contenders, rounds, record, Nothing())


class Nothing:
    """A judge of times alone."""

    def see(self, timed: Timed) -> None:
        pass

    def extras(self, name: str) -> Mapping[str, float | None]:  # noqa: ARG002 - of a judge
        return {}


def backbone_steps(precision: str, ours: bool, batch: int) -> Iterator[Any]:
    """Steps of the network with its loss, in a child."""
    from facewise.training.backbones import build_backbone
    from facewise.training.depthwise import spare_depthwise
    from facewise.training.freed_memory import keep_freed_memory

    torch.manual_seed(0)
    network, _ = build_backbone("mobilefacenet")
    network = network.train().to(memory_format=torch.channels_last)
    if ours:
        keep_freed_memory()
        if precision == "bfloat16":
            spare_depthwise(network)
    loss = build_loss("arcface", num_classes=4_000, embedding_size=128)
    optimizer = torch.optim.SGD([*network.parameters(), *loss.parameters()], lr=0.01, momentum=0.9)
    chips = torch.randn(batch, 3, 112, 112).to(memory_format=torch.channels_last)
    labels = torch.arange(batch)
    while True:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            vectors = network(chips)
        loss(vectors.float(), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        yield None


def loader(arguments: argparse.Namespace, record: Record) -> None:
    """Loading alone, in turns with the step that it feeds."""
    from torch.utils.data import DataLoader

    from facewise.training.data.augment import Augmentation
    from facewise.training.data.dataset import ChipDataset
    from facewise.training.data.index import read_folder
    from facewise.zoo import get_spec

    batch = 8 if arguments.quick else 128
    index = read_folder(arguments.shared / "data/lfw-aligned-112")
    spec = get_spec("mobilefacenet.ms1m")
    step = "the step, bfloat16"
    group = Group(
        f"Loading alone: aligned chips of LFW, {batch} in a batch, beside a step of MobileFaceNet",
        unit="image",
        reference=step,
        notes=[
            "Two processes load, as many as there are cores; each round starts them anew.",
            "Each augmentation is made in half of the cases; flips always are among them.",
        ],
    )
    some = dict.fromkeys(("turn", "colour", "occlusion"), 0.5)
    ways = {
        "chips as they are": None,
        "turn, colour, occlusion": Augmentation(**some),
        "these, blur, low resolution, jpeg": Augmentation(
            **some, blur=0.5, low_resolution=0.5, jpeg=0.5
        ),
    }

    def load(augment: Augmentation | None, items: list[int]) -> None:
        data = ChipDataset(index, spec, aligned=True, augment=augment)
        source = DataLoader(data, batch_size=batch, num_workers=2, shuffle=True, drop_last=True)
        for _ in zip(range(len(items) // batch), source, strict=False):
            pass

    # Several batches a round, so that starting the processes matters less.
    many = batch * (2 if arguments.quick else 16)
    with Child(backbone_steps, "bfloat16", True, batch) as child:

        def learn(items: list[int]) -> None:
            for _ in range(len(items) // batch):
                child.ask()

        contenders = [Contender(step, "", step, learn)]
        contenders += [
            Contender("loader", name, "loader", partial(load, augment))
            for name, augment in ways.items()
        ]
        rounds = [[i] * many for i in range(arguments.rounds)]
        hold(group, contenders, rounds, record, Nothing())


def _batches(people: int, batch: int, count: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Unit vectors and whom they show."""
    chance = torch.Generator().manual_seed(0)
    for _ in range(count):
        vectors = torch.randn(batch, _DIMENSIONS, generator=chance)
        labels = torch.randint(people, (batch,), generator=chance)
        yield nn.functional.normalize(vectors), labels


def _step(head: nn.Module, optimizer: torch.optim.Optimizer, batches: list[Any]) -> float:
    [(vectors, labels)] = batches
    loss = head(vectors.clone().requires_grad_(), labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


_PARTS = {
    "margins": margins,
    "sampled": sampled,
    "backbone": backbone,
    "triplets": hold_triplets,
    "loader": loader,
}
