"""One made-up thing of each kind that a newcomer may add, as docs/architecture.md says. Only
processes of made_up_runs.py import it.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from audetnet.config.binding import Range
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.measure import computes
from audetnet.disentangling.table import Findings, Row
from audetnet.evaluation.metrics import Array, metric
from audetnet.evaluation.people import estimate, mean_over_frames
from audetnet.labels import MAX_INTENSITY
from audetnet.networks.au_losses import AULoss, au_loss
from audetnet.networks.blocks.block import block
from audetnet.networks.shapes import Shape
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import Objective, Terms, objective
from audetnet.seeds import Purpose, numpy_generator


class Jitter(nn.Module):
    """Draws while it trains."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self._scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self._scale * torch.randn_like(x) if self.training else x


@block("jitter")
def jitter(source: Shape, *, scale: Annotated[float, Range(0, most=10)] = 1.0) -> nn.Module:
    return Jitter(scale)


@au_loss("Signed")
class Signed(AULoss):
    """Outputs are taught -1 to 1: an AU is active from 0 on, not from 0.5."""

    def targets(self, labels: Tensor) -> Tensor:
        unit = labels / MAX_INTENSITY if self.regress else self.active_labels(labels)
        return 2 * unit - 1

    @staticmethod
    def losses(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).abs()

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs

    def unit(self, scores: Tensor) -> Tensor:
        return (scores + 1) / 2


@metric("by_sign", "by sign", ("scores", "decisions"), shown=True)
def by_sign(scores: Array, decisions: Array) -> float:
    """Share of frames whose decision is what the score's sign says. NaN without frames."""
    return float(np.mean((scores >= 0) == decisions)) if len(scores) else float("nan")


@objective("small_code")
@dataclass(frozen=True, kw_only=True)
class SmallCode(Objective):
    """The mean square of the code."""

    power: Annotated[int, Range(1, most=9)] = 2

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        size = (forward.code.whole.abs() ** self.power).mean()
        return size, {"code_size": size}


ROW = Row(
    key="small_z1",
    number=10,
    title="size of z1",
    unit="mean square",
    chance="-",
    ideal="-",
    definition="of all channels.",
    headline=True,
)


@computes(ROW)
def size_of_z1(data: ColumnData) -> Findings:
    codes = data.test
    sizes = mean_over_frames((codes.z1**2).mean(axis=1), codes.person)
    generator = numpy_generator(data.seed, Purpose.DISENTANGLING)
    return Findings({ROW.key: estimate(sizes, len(codes.people), generator)})
