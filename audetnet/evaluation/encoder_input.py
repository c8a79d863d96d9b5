"""The input of a model's encoder for frames without augmentation."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from audetnet.data.augment import to_unit_range
from audetnet.data.batches import Batch, Batches
from audetnet.data.neutral_frames import Indices
from audetnet.networks.code import Code
from audetnet.networks.model import AUDetNet


@dataclass(frozen=True)
class EncoderInput:
    """Normalised pixels (b, 3, H, W), or outputs of the encoder's frozen stem, float32
    (b, C, h, w).
    """

    values: Tensor
    from_stem: bool

    @classmethod
    def of_batch(cls, model: AUDetNet, batch: Batch) -> "EncoderInput":
        """For all frames of a batch."""
        return cls._of(model, batch.stem, lambda: batch.frames)

    @classmethod
    def of_rows(cls, model: AUDetNet, batches: Batches, rows: Indices) -> "EncoderInput":
        """For some frames of a set."""
        return cls._of(model, batches.stem_outputs(rows), lambda: batches.frames(rows))

    @classmethod
    def _of(
        cls, model: AUDetNet, stem: Tensor | None, frames: Callable[[], Tensor]
    ) -> "EncoderInput":
        """The stem's outputs if they are precomputed; otherwise the images, which are read only
        then.
        """
        if stem is not None:
            return cls(stem.float(), from_stem=True)
        return cls(model.pixels.encoder_input(to_unit_range(frames())), from_stem=False)

    def code(self, model: AUDetNet, rest: Tensor | None = None) -> Code:
        """The code; ``rest`` (b, C, h, w): each person's features at rest, for a
        [person_reference].
        """
        whole = model.encoder(self.values, rest, from_stem=self.from_stem)
        return Code(whole, model.z1_channels)
