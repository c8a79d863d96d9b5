"""Encoder and AUPredictor as one module, from crops to AUs."""

from torch import Tensor, nn

from audetnet.data.augment import to_unit_range
from audetnet.evaluation.at_rest import reference_block
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.model import AUDetNet


class AUNetwork(nn.Module):
    """The network used for prediction and export."""

    def __init__(self, model: AUDetNet, head: AUHead) -> None:
        super().__init__()
        self.model, self._head = model, head

    def forward(
        self, crops: Tensor, neutral: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 (B, H, W, 3) to intensities 0-5 or probabilities 0-1 (B, A), and to spatially
        averaged z1 (B, Z1) and z2 (B, Z2). ``neutral`` (B, C, h, w): subtracted at the
        [person_reference], or else from z1.
        """
        pixels = to_unit_range(crops.permute(0, 3, 1, 2))
        if neutral is None or self.has_person_reference:
            code = self.model.encode(pixels, neutral)
        else:
            code = self.model.encode(pixels)
            code = Code.of(code.z1 - neutral, code.z2)
        values = self._head.predictions(self._head.scores(self.model.predict(code)))
        pooled = code.pooled()
        return values, pooled.z1, pooled.z2

    @property
    def has_person_reference(self) -> bool:
        """Whether it has a [person_reference]."""
        return reference_block(self.model) is not None
