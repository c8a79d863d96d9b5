"""Distance correlation as a loss: it is 0 for independent variables, and needs no critic. Székely &
Rizzo 2014, "Partial distance correlation with methods for dissimilarities", Annals of Statistics
42(6): bias-corrected, so that independent variables give 0 on average at any batch size.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from audetnet.config.binding import OptionError
from audetnet.networks.code import Code, GradientTo
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import Objective, Terms, objective

Side = Literal["z1", "z2", "labels"]
MIN_FRAMES = 4
"""For fewer the bias-corrected distance correlation is undefined; such batches count as 0."""
_PAIRS = (("z1", "z2"), ("z2", "labels"))


@objective("distance_correlation")
@dataclass(frozen=True, kw_only=True)
class DistanceCorrelation(Objective):
    """The bias-corrected squared distance correlation of z1 and z2, or of z2 and the AU labels,
    over the whole batch (which works best with batches of 64 or more).

    By default only z2 gets the gradient: a gradient to both would reward either block for
    forgetting. Unknown labels are replaced by the AU's mean over the batch.
    """

    of: tuple[Side, Side]
    gradient_to: GradientTo = "z2"

    needs_z2 = True

    def __post_init__(self) -> None:
        if self.of not in _PAIRS:
            known = " or ".join(",".join(pair) for pair in _PAIRS)
            raise OptionError(f"of={','.join(self.of)}: expected {known}", "of")
        if "labels" in self.of and self.gradient_to != "z2":
            raise OptionError("of=z2,labels only has a gradient to z2", "gradient_to")

    @property
    def variant(self) -> str:
        return ",".join(self.of)

    @property
    def gradients(self) -> str:
        return f"{self.gradient_to} (of {self.variant})"

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        own = forward.code.with_gradient_to(self.gradient_to)
        codes = Code(forward.insert_own(own.whole, forward.all_codes.whole), own.z1_channels)
        sides = {"z1": codes.z1, "z2": codes.z2, "labels": _imputed_targets(forward)}
        value = squared_distance_correlation(*(sides[side].flatten(1) for side in self.of))
        loss = forward.whole_batch_loss(value)
        return loss, {f"distance_correlation_{'_'.join(self.of)}": loss}


def _imputed_targets(forward: Forward) -> Tensor:
    """The targets (B, A) of the whole batch, unknown ones replaced by the AU's mean."""
    targets = forward.head.targets(forward.all_labels)
    return torch.where(targets.isnan(), targets.nanmean(dim=0), targets).nan_to_num()


def squared_distance_correlation(x: Tensor, y: Tensor) -> Tensor:
    """Bias-corrected squared distance correlation of rows (B, D) and (B, E), at most 1; 0 on
    average if the two are independent, and 0 if one of them is constant.
    """
    if len(x) < MIN_FRAMES:
        return (x.sum() + y.sum()) * 0
    a, b = _centred(x), _centred(y)
    variances = (a * a).sum() * (b * b).sum()
    product = (a * b).sum()
    varies = variances > 0
    scale = torch.where(varies, variances, torch.ones_like(variances)).sqrt()
    return torch.where(varies, product / scale, product * 0)


def _centred(x: Tensor) -> Tensor:
    """The U-centred matrix of Euclidean distances between rows, (B, B), with a diagonal of 0."""
    distances = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    count = len(x)
    rows = distances.sum(dim=1, keepdim=True) / (count - 2)
    total = distances.sum() / ((count - 1) * (count - 2))
    off_diagonal = 1 - torch.eye(count, dtype=x.dtype, device=x.device)
    return (distances - rows - rows.T + total) * off_diagonal
