"""All options of a run, frozen and typed.

This module knows the General blocks and what a network section consists of, no block type.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from audetnet.config.binding import (
    Positive,
    Range,
    Weight,
)
from audetnet.config.language import Where

AULoss = Literal["MSE", "BCEWithLogits"]
ReconstructionLoss = Literal["L1", "L2"]
Rate = Annotated[float, Range(0, open=True)]
Beta = Annotated[float, Range(0, below=1)]
Triple = tuple[float, float, float]
Deviation = Annotated[float, Range(0, open=True)]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The first block of {General}."""

    batch_size: Annotated[int, Range(2)]
    max_epochs: Positive
    max_test_iters: Positive | None = None
    train_main_net_every_n_batches: Positive = 1
    learning_rate_scheduler: Literal["Linear"] | None = None
    decay_lr_over_last_n_epochs: Positive | None = None

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
    epoch_size: Positive | None = None
    sampling_size: Positive | None = None
    mean: Triple | None = None
    std: tuple[Deviation, Deviation, Deviation] | None = None
    image_size: Positive | tuple[Positive, Positive] | None = None
    au_names: tuple[str, ...] | None = None
    validation_subjects: tuple[str, ...] | None = None

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
    """The third block of {General}. The lambdas of an absent critic need not be given."""

    au_regression_loss_function: AULoss
    reconstruction_loss_function: ReconstructionLoss = "L1"
    gradient_loss_lambda_discr: Weight | None = None
    gradient_loss_lambda_img_discr: Weight | None = None
    discriminator_loss_lambda: Weight | None = None
    img_discriminator_loss_lambda: Weight | None = None
    reconstruction_loss_lambda: Weight


@dataclass(frozen=True, kw_only=True)
class NetOptions:
    """The [net] block that opens a network."""

    learning_rate: Rate
    beta1: Beta
    beta2: Beta
    channels: Positive


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class NetworkOptions:
    """One network section."""

    name: str
    where: Where
    net: NetOptions
    net_where: Where
    blocks: tuple[BlockOptions, ...]


@dataclass(frozen=True)
class Config:
    """A whole cfg file. ``places`` finds the lines of the General blocks by option class."""

    path: Path
    text: str
    training: TrainingOptions
    data: DataOptions
    loss: LossOptions
    places: Mapping[type, Where]
    encoder: NetworkOptions
    predictor: NetworkOptions
    decoder: NetworkOptions
    discriminator: NetworkOptions | None
    image_discriminator: NetworkOptions | None
    warnings: tuple[str, ...]

    def networks(self) -> Iterator[NetworkOptions]:
        """The networks that the file describes, in the order of the sections."""
        yield from (self.encoder, self.predictor, self.decoder)
        for critic in (self.discriminator, self.image_discriminator):
            if critic is not None:
                yield critic

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
                for network in self.networks()
            },
        }
