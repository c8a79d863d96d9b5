"""All options of a run, frozen and typed.

Block types are not defined here, only the General blocks and the structure of a network section.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

from audetnet.config.binding import Channels, Range, Side
from audetnet.config.language import Where

ENCODER, PREDICTOR, DECODER = MAIN_SECTIONS = ("Encoder", "AUPredictor", "Decoder")
"""The sections that every cfg must have."""
CRITIC = "Discriminator"
"""The last word in the names of all other network sections."""
BatchSize = Annotated[int, Range(2, most=100_000)]
Count = Annotated[int, Range(1, most=1_000_000)]
"""A number of epochs or batches."""
Frames = Annotated[int, Range(1, most=100_000_000)]
"""The frames of an epoch are kept in memory as indices of eight bytes."""
Rate = Annotated[float, Range(0, most=1, open=True)]
"""Adam changes each weight by about the learning rate per step."""
Beta = Annotated[float, Range(0, below=1)]
Weight = Annotated[float, Range(0, most=1_000_000)]
"""Weight of a loss term: float32 loses terms that are 10^7 times smaller than another."""
Mean = Annotated[float, Range(0, most=255)]
Deviation = Annotated[float, Range(0.001, most=255)]
"""Standard deviation of pixels, in units of 0-1 or 0-255."""
Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The first block of {General}."""

    batch_size: BatchSize
    max_epochs: Count
    max_test_iters: Count | None = None
    train_main_net_every_n_batches: Count = 1
    learning_rate_scheduler: Literal["Linear"] | None = None
    decay_lr_over_last_n_epochs: Count | None = None

    def learning_rate_factor(self, epoch: int) -> float:
        """The factor of the base learning rate in an epoch, counted from 1."""
        if self.learning_rate_scheduler is None or self.decay_lr_over_last_n_epochs is None:
            return 1.0
        return min(1.0, (self.max_epochs + 1 - epoch) / self.decay_lr_over_last_n_epochs)


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The second block of {General}."""

    regress_au_intensities: bool
    balance_dataset_with_momu: bool
    epoch_size: Frames | None = None
    sampling_size: Frames | None = None
    mean: tuple[Mean, Mean, Mean] | None = None
    std: tuple[Deviation, Deviation, Deviation] | None = None
    image_size: Side | tuple[Side, Side] | None = None
    au_names: tuple[str, ...] | None = None
    validation_subjects: tuple[str, ...] | None = None
    balance_subjects: bool = False
    balance_over: tuple[str, str] | None = None
    """An AU and a column of factors.csv: epochs are even over their cells."""
    stem_views: Annotated[int, Range(1, most=1000)] | None = None
    """How many views of a training frame the frozen stem sees; None: it runs on every batch."""
    person_reference: Literal["z1"] | None = None
    """z1: results are also reported with each person's neutral z1 subtracted."""

    @property
    def frame_size(self) -> tuple[int, int] | None:
        """(height, width) to resize frames to; None: they keep their size."""
        if isinstance(self.image_size, int):
            return self.image_size, self.image_size
        return self.image_size

    @property
    def pixel_range(self) -> float:
        """The value of a white pixel in units of mean and std: 255 if any of them exceeds 1, else
        1.
        """
        return 255.0 if max([*(self.mean or ()), *(self.std or ())], default=0.0) > 1 else 1.0

    @property
    def normalisation(self) -> tuple[Triple, Triple]:
        """Mean and standard deviation per channel, in units of ``pixel_range``; by default half of
        it.
        """
        half = self.pixel_range / 2
        return self.mean or (half, half, half), self.std or (half, half, half)


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """The third block of {General}. The lambdas stand for blocks of {Objectives}."""

    au_regression_loss_function: str
    reconstruction_loss_function: str = "L1"
    gradient_loss_lambda_discr: Weight | None = None
    gradient_loss_lambda_img_discr: Weight | None = None
    discriminator_loss_lambda: Weight | None = None
    img_discriminator_loss_lambda: Weight | None = None
    reconstruction_loss_lambda: Weight | None = None


@dataclass(frozen=True, kw_only=True)
class NetOptions:
    """The [net] block that opens a network."""

    learning_rate: Rate
    beta1: Beta
    beta2: Beta
    channels: Channels


@dataclass(frozen=True, kw_only=True)
class BlockOptions:
    """One block of a network: its builder, typed arguments, and references to other blocks."""

    type: str
    where: Where
    builder: Callable[..., Any]
    arguments: Mapping[str, Any]
    references: tuple[tuple[str, int], ...]
    """(key, block reference) in order; empty for a block that reads its predecessor."""


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """One network section."""

    name: str
    where: Where
    net: NetOptions
    net_where: Where
    blocks: tuple[BlockOptions, ...]


CriticInput = Literal["codes", "images", "z1", "z2"]
"""What a critic reads."""
CriticOutput = Literal["score", "AUs", "people"]
"""What a critic outputs for a sample: a score (the mean of its outputs), or one output per AU, or
per person of the training frames.
"""


class Objective(Protocol):
    """The part of an objective that reading a cfg needs."""

    critic_input: ClassVar[CriticInput]
    critic_output: ClassVar[CriticOutput]
    needs_z2: ClassVar[bool]
    weight: float

    @property
    def critic_section(self) -> str | None: ...

    @property
    def variant(self) -> str: ...

    @property
    def gradients(self) -> str: ...

    def fault(self, encoder: Any) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class ObjectiveOptions:
    """One block of {Objectives}, or the block that a lambda stands for."""

    type: str
    where: Where
    arguments: Mapping[str, Any]
    objective: Objective


def network_name(section: str) -> str:
    """The name of a section's network in checkpoints, logs and code."""
    return {PREDICTOR: "predictor"}.get(section, section.lower().replace(" ", "_"))


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole cfg file. ``places`` maps option classes to the locations of the General blocks;
    ``networks`` maps sections to networks, the three main ones first.
    """

    path: Path
    text: str
    training: TrainingOptions
    data: DataOptions
    loss: LossOptions
    places: Mapping[type, Where]
    networks: Mapping[str, NetworkOptions]
    objectives: tuple[ObjectiveOptions, ...]
    has_objectives_section: bool
    """Whether there is an {Objectives} section; otherwise the lambdas define the objectives."""
    warnings: tuple[str, ...]

    def resolved(self) -> dict[str, Any]:
        """Every option with its value, including defaults, as plain data to record with the run."""
        return {
            "training": asdict(self.training),
            "data": asdict(self.data),
            "loss": asdict(self.loss),
            "networks": {
                network.name: {
                    "net": asdict(network.net),
                    "blocks": [{"type": block.type, **block.arguments} for block in network.blocks],
                }
                for network in self.networks.values()
            },
            "objectives": [
                {"type": objective.type, **objective.arguments} for objective in self.objectives
            ],
        }
