"""Ridge regression as a block: a linear readout of its whole input, fitted in closed form.

N frames of D = C * h * w features, A AUs. Features are standardised. An AU's weights w and bias
minimise the squared error summed over the frames on which it is known, plus ``penalty`` * |w|^2
(as in sklearn's Ridge). A block that starts from weights w0 (``--init``) penalises |w - w0|^2
instead: it is fitted to the residuals of w0. The problem is solved in its dual form, with the Gram
matrix of the frames in float64, because D is usually much larger than N.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.config.binding import OptionError
from audetnet.networks.fitted_block import FittedBlock, People
from audetnet.networks.people_folds import assign_folds, subsample_over_people

CrossValidated = Literal["cross-validated"]
MAX_FRAMES = 8000
"""More frames than this are subsampled evenly over people before the fit. Memory grows with the
square of their number (0.5 GB per matrix, five at a time), time with the cube.
"""
MAX_FOLDS = 12
PENALTIES = tuple(10 ** (exponent / 2) for exponent in range(-8, 5))
"""Candidates of cross-validation, 0.0001 to 100, in units of the number of features, which is the
mean eigenvalue of the Gram matrix.
"""
_MIN_CORRELATION = 0.1
"""Below this, 1 % of the variance, correlations are too small to choose a penalty by."""
_MIN_RELATIVE_STD = 1e-6
"""Below this standard deviation, relative to its root mean square, a feature counts as a constant
with rounding errors.
"""
_CHUNK = 1024
"""Number of features converted to float64 at a time."""


class RidgeReadout(FittedBlock):
    """Outputs have the units of the targets, so the AU loss must have outputs that are its scores
    (MSE).

    All AUs share one penalty. ``"cross-validated"`` chooses, among ``PENALTIES``, the one whose
    predictions for held-out people correlate best with their targets (Pearson's, over all frames,
    averaged over AUs), or the largest if that correlation is below 0.1. Each person is held out
    once, in up to 12 folds; only the scale of the features comes from all frames. An AU known for
    fewer than two people is ignored in the choice; one that is not known on any frame gets the
    output 0. Mean squared error would choose penalties much too large for ranking: it rewards small
    weights on rarely active AUs.
    """

    weight: Tensor
    """(A, D), for features that are not standardised."""
    bias: Tensor
    """(A,)"""
    fitted_penalty: Tensor
    """The given or chosen penalty; NaN before the fit."""

    def __init__(
        self, features: int, output_features: int, penalty: float | CrossValidated
    ) -> None:
        super().__init__()
        self._penalty = penalty
        self.register_buffer("weight", torch.zeros(output_features, features))
        self.register_buffer("bias", torch.zeros(output_features))
        self.register_buffer("fitted_penalty", torch.tensor(float("nan")))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, A, 1, 1)."""
        output = F.linear(x.flatten(1).to(self.weight.dtype), self.weight, self.bias)
        return output[:, :, None, None]

    def _fit(self, features: Tensor, targets: Tensor, people: People) -> None:
        rows = np.flatnonzero((~targets.isnan().all(dim=1)).cpu().numpy())
        if not len(rows):
            raise OptionError("cannot be fitted: no training frame has a known label")
        rows = rows[subsample_over_people(people[rows], MAX_FRAMES)]
        chosen = torch.from_numpy(rows)
        frames = _Standardised(features.flatten(1), chosen)
        known = targets.cpu()[chosen].double()
        start = torch.zeros_like(known)
        if self.is_fitted:
            start += self(features[chosen].to(self.weight.device)).flatten(1).cpu()
        groups = _Groups(frames.gram(), known, start)
        penalty = self._penalty
        if penalty == "cross-validated":
            folds = assign_folds(people[rows], MAX_FOLDS)
            penalty = _best_penalty(groups, torch.from_numpy(folds), frames.count)
        dual, offsets = groups.solve(penalty)
        weight, shift = frames.primal(dual)
        if not self.is_fitted:
            self.weight.zero_()
            self.bias.zero_()
        self.weight.add_(weight.to(self.weight))
        self.bias.add_((offsets - shift).to(self.bias))
        self.fitted_penalty.fill_(penalty)


@torch.no_grad()
def out_of_fold_outputs(
    features: Tensor, targets: Tensor, people: People, penalty: float
) -> Tensor:
    """Predictions (N, A), float64, for held-out people, from features (N, ...) and targets (N, A):
    each person is held out once, in up to 12 folds; only the scale of the features comes from all
    frames. NaN where the target is NaN, and for AUs known for fewer than two people.
    """
    rows = torch.arange(len(targets))
    known = targets.cpu().double()
    gram = _Standardised(features.flatten(1), rows).gram()
    groups = _Groups(gram, known, torch.zeros_like(known))
    return groups.out_of_fold(penalty, torch.from_numpy(assign_folds(people, MAX_FOLDS)))


class _Standardised:
    """Selected rows of features (N, D), standardised one chunk of features at a time."""

    def __init__(self, features: Tensor, rows: Tensor) -> None:
        self._features = features
        self._rows = rows
        self.count = features.shape[1]
        self._mean = torch.empty(self.count, dtype=torch.float64)
        self._inverse_std = torch.empty(self.count, dtype=torch.float64)
        for columns in self._chunks():
            chunk = self._double(columns)
            variance, mean = torch.var_mean(chunk, dim=0, correction=0)
            varies = variance > _MIN_RELATIVE_STD**2 * (variance + mean**2)
            self._mean[columns] = mean
            self._inverse_std[columns] = torch.where(varies, variance.rsqrt(), 0.0)

    def gram(self) -> Tensor:
        """The Gram matrix (N, N) of the frames."""
        gram = torch.zeros(len(self._rows), len(self._rows), dtype=torch.float64)
        for columns in self._chunks():
            chunk = self._chunk(columns)
            gram.addmm_(chunk, chunk.T)
        return gram

    def primal(self, dual: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (A, D) for features that are not standardised, from the dual weights (N, A), and
        their outputs for the mean features (A,).
        """
        weight = torch.empty(dual.shape[1], self.count, dtype=torch.float64)
        for columns in self._chunks():
            weight[:, columns] = (dual.T @ self._chunk(columns)) * self._inverse_std[columns]
        return weight, weight @ self._mean

    def _chunks(self) -> list[slice]:
        return [slice(start, start + _CHUNK) for start in range(0, self.count, _CHUNK)]

    def _double(self, columns: slice) -> Tensor:
        return self._features[:, columns].cpu()[self._rows].double()

    def _chunk(self, columns: slice) -> Tensor:
        return (self._double(columns) - self._mean[columns]) * self._inverse_std[columns]


@dataclass(frozen=True)
class _Group:
    """The AUs that are known on the same frames ``rows`` (at least one)."""

    aus: list[int]
    rows: Tensor


class _Groups:
    """All AUs, grouped by the frames on which they are known. Each is fitted on these frames only,
    to the residuals of ``start`` (N, A), the outputs that the regression starts from.
    """

    def __init__(self, gram: Tensor, targets: Tensor, start: Tensor) -> None:
        self._gram = gram
        self._targets = targets
        self._start = start
        by_rows: dict[bytes, list[int]] = {}
        known = ~targets.isnan()
        for au in range(targets.shape[1]):
            by_rows.setdefault(known[:, au].numpy().tobytes(), []).append(au)
        self._groups = [
            _Group(aus, rows)
            for aus in by_rows.values()
            if len(rows := known[:, aus[0]].nonzero()[:, 0])
        ]

    def solve(self, penalty: float) -> tuple[Tensor, Tensor]:
        """Dual weights (N, A), 0 where an AU is unknown, and biases (A,)."""
        dual = torch.zeros_like(self._targets)
        bias = torch.zeros(self._targets.shape[1], dtype=torch.float64)
        for group in self._groups:
            gram = self._gram_of(group)
            target = self._residuals(group)
            regularised = _centred(gram)
            regularised.diagonal().add_(penalty)
            factor = torch.linalg.cholesky(regularised)
            solution = torch.cholesky_solve(target - target.mean(dim=0), factor)
            dual[group.rows[:, None], torch.tensor(group.aus)] = solution
            bias[group.aus] = target.mean(dim=0) - gram.mean(dim=0) @ solution
        return dual, bias

    def correlations(self, penalties: Tensor, folds: Tensor) -> Tensor:
        """Correlations of out-of-fold predictions and targets, (penalties, A); NaN if undefined."""
        found = torch.full((len(penalties), self._targets.shape[1]), torch.nan).double()
        for group in self._groups:
            own = folds[group.rows]
            if len(own.unique()) < 2:
                continue
            start = self._start[group.rows][:, group.aus]
            target = self._residuals(group)
            values, vectors = torch.linalg.eigh(_centred(self._gram_of(group)))
            for index, penalty in enumerate(penalties):
                shrunk = penalty / (values.clamp(min=0) + penalty)
                predicted = _out_of_fold_predictions(shrunk, vectors, target, own)
                found[index, group.aus] = _correlations(start + predicted, start + target)
        return found

    def out_of_fold(self, penalty: float, folds: Tensor) -> Tensor:
        """Out-of-fold predictions (N, A); NaN where there is none."""
        found = torch.full_like(self._targets, torch.nan)
        for group in self._groups:
            own = folds[group.rows]
            if len(own.unique()) < 2:
                continue
            target = self._residuals(group)
            values, vectors = torch.linalg.eigh(_centred(self._gram_of(group)))
            shrunk = penalty / (values.clamp(min=0) + penalty)
            predicted = _out_of_fold_predictions(shrunk, vectors, target, own)
            start = self._start[group.rows][:, group.aus]
            found[group.rows[:, None], torch.tensor(group.aus)] = start + predicted
        return found

    def _residuals(self, group: _Group) -> Tensor:
        return (self._targets - self._start)[group.rows][:, group.aus]

    def _gram_of(self, group: _Group) -> Tensor:
        if len(group.rows) == len(self._gram):
            return self._gram
        return self._gram[group.rows][:, group.rows]


def _centred(gram: Tensor) -> Tensor:
    """The Gram matrix (N, N) of the centred frames."""
    mean = gram.mean(dim=0)
    centred = gram - mean
    return centred.sub_(mean[:, None]).add_(mean.mean())


def _out_of_fold_predictions(
    shrunk: Tensor, vectors: Tensor, targets: Tensor, folds: Tensor
) -> Tensor:
    """The predictions (N, A) of a ridge regression fitted to the other folds, without refitting:
    its errors on a fold are S^-1 r, with r the errors of the regression on all folds and S the
    fold's block of the residual-maker matrix, which maps targets to r (PRESS, Allen 1974, for
    several frames at a time). That matrix is ``vectors`` diag(``shrunk``) ``vectors``^T - 1/N.
    """
    centred = targets - targets.mean(dim=0)
    errors = vectors @ (shrunk[:, None] * (vectors.T @ centred))
    predicted = torch.empty_like(targets)
    for fold in folds.unique():
        rows = folds == fold
        own = vectors[rows]
        block = (own * shrunk) @ own.T - 1 / len(targets)
        predicted[rows] = targets[rows] - torch.linalg.solve(block, errors[rows])
    return predicted


def _correlations(predicted: Tensor, targets: Tensor) -> Tensor:
    """Pearson correlations (A,) of two (N, A); NaN where targets do not vary."""
    first, second = (values - values.mean(dim=0) for values in (predicted, targets))
    products, squares = ((first * each).sum(dim=0) for each in (second, first))
    found = products / (squares * second.square().sum(dim=0)).sqrt()
    varies = targets.amax(dim=0) > targets.amin(dim=0)  # sums of squares may not be exactly 0
    return torch.where(varies, found, torch.nan)


def _best_penalty(groups: _Groups, folds: Tensor, features: int) -> float:
    """Choose among ``PENALTIES``. Raises OptionError unless there are two people."""
    if len(folds.unique()) < 2:
        raise OptionError(
            "penalty=cross-validated needs training frames of at least two people; set a number",
            "penalty",
        )
    penalties = features * torch.tensor(PENALTIES, dtype=torch.float64)
    means = groups.correlations(penalties, folds).nanmean(dim=1).nan_to_num()
    best = int(means.argmax()) if means.max() >= _MIN_CORRELATION else -1
    return float(penalties[best])
