"""All options of a run, frozen and typed.

This module knows the General blocks and what a network section consists of, no block type.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

from audetnet.config.binding import Channels, Range, Side
from audetnet.config.language import Where

ENCODER, PREDICTOR, DECODER = MAIN_SECTIONS = ("Encoder", "AUPredictor", "Decoder")
"""The sections that every cfg has."""
CRITIC = "Discriminator"
"""How the names of all other sections of networks end."""
BatchSize = Annotated[int, Range(2, most=100_000)]
Count = Annotated[int, Range(1, most=1_000_000)]
"""Of epochs or batches."""
Frames = Annotated[int, Range(1, most=100_000_000)]
"""An epoch's draws are kept in memory, eight bytes each."""
Rate = Annotated[float, Range(0, most=1, open=True)]
"""Adam moves each weight by about the rate at every step."""
Beta = Annotated[float, Range(0, below=1)]
Weight = Annotated[float, Range(0, most=1_000_000)]
"""Of a term of the loss: float32 tells its terms apart as long as none is 10^7 times another."""
Mean = Annotated[float, Range(0, most=255)]
Deviation = Annotated[float, Range(0.001, most=255)]
"""Of pixels in 0-1 or 0-255."""
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
        """What the base rate is multiplied by in an epoch, counted from 1; computed, never
        accumulated.
        """
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
    """How many views of a training frame a frozen stem sees; None: it sees every batch anew."""
    person_reference: Literal["z1"] | None = None
    """z1: results are also given with z1 minus what it is of the person at rest."""

    @property
    def frame_size(self) -> tuple[int, int] | None:
        """(height, width) that frames are resized to; None leaves them as they are."""
        if isinstance(self.image_size, int):
            return self.image_size, self.image_size
        return self.image_size

    @property
    def pixel_range(self) -> float:
        """The value of a white pixel in the units of mean and std: 255 where one of them exceeds 1,
        else 1.
        """
        return 255.0 if max([*(self.mean or ()), *(self.std or ())], default=0.0) > 1 else 1.0

    @property
    def normalisation(self) -> tuple[Triple, Triple]:
        """Mean and standard deviation per channel, in units of ``pixel_range``; half the range by
        default.
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
    """One block of a network: its builder, its typed arguments, and the blocks that it reads by
    name.
    """

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
"""What the network of an objective reads."""
CriticOutput = Literal["score", "AUs", "people"]
"""What it says of a sample: a score, the mean of all outputs, or an output for each AU of the data
or each person of the training frames.
"""


class Objective(Protocol):
    """What the cfg language must know of an objective."""

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
    """One block of {Objectives}, or what a lambda stands for."""

    type: str
    where: Where
    arguments: Mapping[str, Any]
    objective: Objective


def network_name(section: str) -> str:
    """The name of a section's network in checkpoints, logs and code."""
    return {PREDICTOR: "predictor"}.get(section, section.lower().replace(" ", "_"))


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole cfg file. ``places`` finds the lines of the General blocks by option class;
    ``networks`` holds the networks by section, the main three first.
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
    """Whether there is an {Objectives} section; else the lambdas say them."""
    warnings: tuple[str, ...]

    def resolved(self) -> dict[str, Any]:
        """Every option with its value, defaults included, as plain data for a record of the run."""
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
