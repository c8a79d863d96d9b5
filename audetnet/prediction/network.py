"""Encoder and AUPredictor as one function of crops."""

from torch import Tensor, nn

from audetnet.data.augment import to_unit_range
from audetnet.evaluation.at_rest import reference_block
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.model import AUDetNet


class AUNetwork(nn.Module):
    """What predicts, and what is exported."""

    def __init__(self, model: AUDetNet, head: AUHead) -> None:
        super().__init__()
        self.model, self._head = model, head

    def forward(self, crops: Tensor, rest: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 (B, H, W, 3) to intensities 0-5 or probabilities 0-1 (B, A), and to z1 (B, Z1) and
        z2 (B, Z2), means over their positions. ``rest`` (B, C, h, w): taken off at a
        [person_reference], or off z1.
        """
        pixels = to_unit_range(crops.permute(0, 3, 1, 2))
        if rest is None or self.takes_rest:
            code = self.model.encode(pixels, rest)
        else:
            code = self.model.encode(pixels)
            code = Code.of(code.z1 - rest, code.z2)
        said = self._head.predictions(self._head.scores(self.model.predict(code)))
        pooled = code.pooled()
        return said, pooled.z1, pooled.z2

    @property
    def takes_rest(self) -> bool:
        """Whether it has a [person_reference]."""
        return reference_block(self.model) is not None
