"""`TrainConfig`: everything that decides a training, checked, and written beside the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from facewise._files import replace_file
from facewise.errors import TrainingError
from facewise.training.extra import needed
from facewise.training.protocol_words import parsed
from facewise.training.settings import checked, plain, setting

CONFIG = "config.yaml"
"""The file in the folder of a run."""

CHANGEABLE = (
    "out",
    "workers",
    "checkpoint_every",
    "keep_every",
    "tensorboard",
    "projector",
    "device",
)
"""Settings that may differ when a run goes on: they change none of its figures, or the machine."""

DEFAULT_LR = {"sgd": 0.1, "adagrad": 0.01, "rmsprop": 1e-3, "adam": 1e-3, "adamw": 1e-3}
"""Learning rate by optimiser, where none is given and training begins anew."""

DEFAULT_CLIP = 1.0
"""Largest norm of the gradient, where none is given but weights are: with few people, steps
of the usual length soon destroy what a model has learnt from millions."""

DEFAULT_LOSS = {"embed": "arcface", "classify": "normface"}
"""By task, where none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A training. Every attribute is an option of `facewise train` and a key of its YAML file.

    Attributes:
        data: pictures to learn from: a folder with one of pictures for each person, a CSV file with
            the columns path and person, a people file of LFW's View 1, or a `.rec` file.
        data_form: which of them it is; "auto" goes by what is there.
        images: folder of the pictures that a CSV or people file names.
        at_least: people with fewer pictures are left out.
        aligned: the pictures are chips, cut as the backbone's spec says (`facewise align`).
        detector: finds the faces of pictures that are not aligned; None is the default detector.
        augment: options of `facewise.training.data.augment.Augmentation`; empty for none.
        task: "embed" learns vectors that tell strangers apart; "classify" learns the people of the
            data, and the run predicts their names.
        backbone: one of ours by architecture, or `timm:NAME`; None is that of the pretrained model,
            or mobilefacenet.
        embedding_size: length of the vectors; None is the backbone's own.
        input_size: side of the chips in pixels; None is the backbone's own.
        pretrained: weights to begin with: "imagenet" (timm), a model of the zoo, a file or a
            finished run; None begins anew.
        imprint: with `pretrained`, begin the weights of classes with the model's own mean vector of
            each person, where the loss has such weights, instead of chance.
        freeze: layers that do not learn, by name; or "head-only"; or the share of layers, such as
            "0.9": from the input on, or with "-0.9" from the output on.
        loss: a name of `facewise.training.losses.loss_names()`, or `pml:NAME` for one of
            pytorch-metric-learning; None is that of the task.
        loss_options: of the loss, such as margin and scale.
        sampler: "plain", "balanced" or "pk" (P people with K pictures each in a batch); "auto" is
            pk where the loss compares pictures of a batch, else plain.
        batch_size: pictures in a batch, of all processes together.
        pictures_each: of a person in a batch, with pk: K; batch_size is P times K.
        triplets: `.npy` file of the loss triplet-offline; drawn and written where it is missing;
            None is `triplets.npy` in the run's folder.
        triplet_count: triplets that are drawn; an epoch is all of them.
        epochs: passes over the data.
        max_steps: ends sooner, after so many steps; None does not.
        optimizer: of `facewise.training.optimisation`.
        lr: learning rate of the backbone; None is that of `DEFAULT_LR`, and a tenth of it where
            weights are given to begin with.
        head_lr: of the weights of classes; None is `lr`, or that of `DEFAULT_LR` if `lr` is None.
        centers_lr: of the centers of a center loss; None is its default.
        weight_decay: not of norms and biases.
        momentum: of SGD and RMSprop.
        schedule: how the rates fall.
        schedule_options: of the schedule, such as milestones and gamma of "step".
        warmup_epochs: the rates rise from 0 over so many epochs; parts of one count.
        accumulate: batches whose gradients make one step.
        clip: largest norm of the gradient, that of centers apart; 0 does not clip. None is
            `DEFAULT_CLIP` where weights are given to begin with, and else 0.
        ema: decay of the moving average of the weights, which is then what is measured and saved.
        precision: what the backbone computes in; losses are float32 always.
        compile: compile the backbone with `torch.compile`.
        device: "cpu", "cuda" or "auto", the best there is.
        workers: processes that load pictures, for each training process; 0 loads in it.
        seed: of everything random.
        evaluate: protocols, those of `facewise evaluate`: `FORM:PAIRS:IMAGES` (lfw, calfw, cplfw,
            agedb, csv), `lfw:PAIRS:IMAGES:THRESHOLD_PAIRS`, `cfp-ff:ROOT`, `cfp-fp:ROOT`,
            `bin:FILE`, `ijbb:ROOT`, `ijbc:ROOT`, `identification:GALLERY:PROBES`. The accuracy of
            the first decides which model is best; of an identification, the rank-1 rate.
        evaluate_aligned: their images are chips. Those of lfw and csv that `facewise align` lists
            as failures, in the folder of images, are pictures without a face.
        evaluate_every: epochs from one evaluation to the next.
        evaluate_steps: steps instead; None goes by epochs.
        patience: evaluations without a better figure after which it stops; None does not stop.
        checkpoint_every: steps from one checkpoint to the next; one is made at each epoch's end and
            evaluation besides. None makes those alone.
        keep_every: checkpoints whose step is a multiple of it are kept for good; None keeps the
            last two and the best.
        tensorboard: write its files.
        projector: vectors of so many pictures go to TensorBoard's projector; 0 none.
        out: folder of the run.
    """

    data: str = setting("", "Pictures to learn from: a folder of people, a CSV or .rec file.")
    data_form: Literal["auto", "folder", "csv", "lfw-view1", "recordio"] = setting(
        "auto", "The form of the data."
    )
    images: Path | None = setting(None, "Folder of the pictures that a list names.")
    at_least: int = setting(1, "Leave out people with fewer pictures.", least=1)
    aligned: bool = setting(False, "The pictures are chips already (facewise align).")
    detector: str | None = setting(None, "Finds the faces of pictures that are not aligned.")
    augment: Mapping[str, Any] = setting({}, "Augmentation, NAME=VALUE; repeatable.")
    task: Literal["embed", "classify"] = setting(
        "embed", "Learn to tell anyone apart, or to name these people."
    )
    backbone: str | None = setting(
        None,
        "An architecture of facewise, or timm:NAME. Default: that of --pretrained, or "
        "mobilefacenet.",
    )
    embedding_size: int | None = setting(None, "Length of the vectors.", least=2)
    input_size: int | None = setting(None, "Side of the chips in pixels.", least=16)
    pretrained: str | None = setting(
        None, "Begin with weights: imagenet, a model of the zoo, a file or a run."
    )
    imprint: bool = setting(
        True, "With --pretrained, begin the weights of classes with its vectors of the people."
    )
    freeze: tuple[str, ...] = setting(
        (), "Layers that do not learn, by name; head-only; or a share such as 0.9. Repeatable."
    )
    loss: str | None = setting(None, "Default: arcface, or normface for --task classify.")
    loss_options: Mapping[str, Any] = setting({}, "Of the loss, NAME=VALUE; repeatable.")
    sampler: Literal["auto", "plain", "balanced", "pk"] = setting(
        "auto", "How batches are drawn; auto is pk for losses that compare pictures."
    )
    batch_size: int = setting(
        64, "Pictures in a batch, of all processes together.", least=2, most=1 << 20
    )
    pictures_each: int = setting(4, "Pictures of a person in a batch, with pk.", least=2)
    triplets: Path | None = setting(None, "List of triplets (.npy) of the loss triplet-offline.")
    triplet_count: int = setting(10_000, "Triplets that are drawn where it is missing.", least=1)
    epochs: int = setting(20, "Passes over the data.", least=1)
    max_steps: int | None = setting(None, "End after so many steps.", least=1)
    optimizer: Literal["sgd", "adagrad", "rmsprop", "adam", "adamw"] = setting(
        "sgd", "What makes the steps."
    )
    lr: float | None = setting(
        None,
        "Learning rate of the backbone. Default: 0.1 with sgd, 0.01 with adagrad, 0.001 with the "
        "others; a tenth with pretrained weights.",
        above=0,
    )
    head_lr: float | None = setting(None, "Learning rate of the weights of classes.", above=0)
    centers_lr: float | None = setting(None, "Learning rate of centers.", above=0)
    weight_decay: float = setting(5e-4, "Not of norms and biases.", least=0)
    momentum: float = setting(0.9, "Of SGD and RMSprop.", least=0, below=1)
    schedule: Literal["constant", "step", "cosine", "polynomial"] = setting(
        "cosine", "How the learning rates fall."
    )
    schedule_options: Mapping[str, Any] = setting({}, "Of the schedule, NAME=VALUE; repeatable.")
    warmup_epochs: float = setting(0.0, "The rates rise over so many epochs first.", least=0)
    accumulate: int = setting(1, "Batches whose gradients make one step.", least=1)
    clip: float | None = setting(
        None,
        "Largest norm of the gradient, 0 for any. Default: 1 with pretrained weights.",
        least=0,
    )
    ema: float | None = setting(
        None, "Decay of the moving average of the weights.", above=0, below=1
    )
    precision: Literal["float32", "bfloat16", "float16"] = setting(
        "float32", "What the backbone computes in; losses are float32 always."
    )
    compile: bool = setting(False, "Compile the backbone with torch.compile.")
    device: Literal["auto", "cpu", "cuda"] = setting("auto", "Where it runs.")
    workers: int = setting(0, "Processes that load pictures.", least=0)
    seed: int = setting(0, "Of everything random.", least=0, most=(1 << 32) - 1)
    evaluate: tuple[str, ...] = setting(
        (),
        "Protocol to measure by: FORM:PAIRS:IMAGES (lfw, calfw, cplfw, agedb, csv), FORM:ROOT "
        "(cfp-ff, cfp-fp, ijbb, ijbc), bin:FILE or identification:GALLERY:PROBES. Repeatable; the "
        "first decides which model is best.",
    )
    evaluate_aligned: bool = setting(False, "The images of the protocols are chips already.")
    evaluate_every: int = setting(1, "Epochs from one evaluation to the next.", least=1)
    evaluate_steps: int | None = setting(None, "Steps instead.", least=1)
    patience: int | None = setting(
        None, "Stop after so many evaluations without a better figure.", least=1
    )
    checkpoint_every: int | None = setting(
        None, "Steps from one checkpoint to the next; each epoch ends with one besides.", least=1
    )
    keep_every: int | None = setting(
        None, "Keep checkpoints at multiples of so many steps; else the last two and the best.",
        least=1,
    )  # fmt: skip
    tensorboard: bool = setting(True, "Write files for TensorBoard.")
    projector: int = setting(500, "Pictures in TensorBoard's projector; 0 for none.", least=0)
    out: Path = setting(Path(), "Folder of the run.")

    def __post_init__(self) -> None:
        if not self.data:
            raise TrainingError("data: expected a folder of people, or a list of pictures")
        if self.out == Path():
            raise TrainingError("out: expected a folder for the run")
        if self.sampler == "pk" and self.batch_size % self.pictures_each:
            raise TrainingError(
                f"batch_size: expected a multiple of pictures_each ({self.pictures_each}) with the "
                f"sampler pk, got {self.batch_size}"
            )
        if self.patience is not None and not self.evaluate:
            raise TrainingError("patience: counts evaluations; name a protocol with evaluate")
        for word in self.evaluate:
            parsed(word)

    @property
    def loss_name(self) -> str:
        """The loss, that of the task where none is named."""
        return self.loss or DEFAULT_LOSS[self.task]

    @property
    def largest_gradient(self) -> float | None:
        """The norm that gradients are clipped to, or None."""
        if self.clip is None:
            return None if self.pretrained is None else DEFAULT_CLIP
        return self.clip or None

    @property
    def rates(self) -> tuple[float, float]:
        """The learning rates of the backbone and of the weights of classes."""
        usual = DEFAULT_LR[self.optimizer]
        lr = self.lr or (usual if self.pretrained is None else usual / 10)
        return lr, self.head_lr or self.lr or usual

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any], source: str = "settings") -> TrainConfig:
        """A configuration from plain values; what is missing has its default.

        Args:
            content: by the names of attributes.
            source: where they come from, for messages: a file, or "the command line".

        Raises:
            TrainingError: a key is unknown, a value is of another type or out of its range, or
                values contradict each other; names the key, what was expected and what came.
        """
        values = checked(cls, content, source)
        try:
            return cls(**values)
        except TrainingError as error:
            raise TrainingError(f"{source}: {error}") from None

    def to_mapping(self) -> dict[str, Any]:
        """All settings as plain values, which `from_mapping` takes."""
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}

    def save(self, path: Path) -> None:
        """Write all settings as YAML; the file is replaced whole.

        Raises:
            ExtraMissingError: PyYAML is not installed.
            OSError: it cannot be written.
        """
        yaml = needed("yaml", "training")
        text = yaml.safe_dump(self.to_mapping(), sort_keys=False, allow_unicode=True)
        replace_file(path, text.encode())


def read_yaml(path: Path) -> dict[str, Any]:
    """The settings of a YAML file, not yet checked.

    Raises:
        ExtraMissingError: PyYAML is not installed.
        TrainingError: the file cannot be read, is not YAML, or holds no settings.
    """
    yaml = needed("yaml", "training")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise TrainingError(f"{path}: expected lines `setting: value`")
    return content


def load_config(path: Path) -> TrainConfig:
    """Read a configuration, such as the `config.yaml` of a run.

    Raises:
        ExtraMissingError: PyYAML is not installed.
        TrainingError: as of `read_yaml` and `TrainConfig.from_mapping`; names file and key.
    """
    return TrainConfig.from_mapping(read_yaml(path), str(path))


def continued(begun: TrainConfig, asked: TrainConfig) -> TrainConfig:
    """The configuration of a run that goes on.

    Args:
        begun: what it was begun with.
        asked: what is asked for now, which may differ in `CHANGEABLE` settings only.

    Raises:
        TrainingError: another setting differs: the run would not be the same.
    """
    for each in fields(TrainConfig):
        before, now = getattr(begun, each.name), getattr(asked, each.name)
        if before != now and each.name not in CHANGEABLE:
            raise TrainingError(
                f"{each.name}: the run was begun with {before!r} and cannot go on with {now!r}; "
                "begin a new one in another folder (pretrained takes the weights of this one)"
            )
    changes = {name: getattr(asked, name) for name in CHANGEABLE}
    return dataclasses.replace(begun, **changes)
