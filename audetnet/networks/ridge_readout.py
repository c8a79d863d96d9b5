"""Ridge regression as a block: a linear readout of all that it reads, in closed form.

N frames of D = C * h * w features, A AUs. Features are standardised; an AU's weights w and bias
minimise the squared error summed over the frames on which it is known, plus ``penalty`` * |w|^2
(as in sklearn's Ridge). A block that starts from weights w0 (``--init``) penalises |w - w0|^2
instead: it is fitted to what w0 leaves of the targets. It is solved in the dual, for D is usually
far above N: by the Gram matrix of the frames, in float64.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.config.binding import OptionError
from audetnet.networks.fitted_block import FittedBlock, People
from audetnet.networks.people_folds import fold_of_people, spread_over_people

CrossValidated = Literal["cross-validated"]
MOST_FRAMES = 8000
"""That are fitted: more are thinned out, evenly over people. Memory grows with the square of their
number (0.5 GB a matrix, five at a time), time with the cube.
"""
MOST_FOLDS = 12
PENALTIES = tuple(10 ** (exponent / 2) for exponent in range(-8, 5))
"""What cross-validation chooses among, 0.0001 to 100, in units of the number of features: the mean
eigenvalue of the Gram matrix, for each frame.
"""
_LEAST_CORRELATION = 0.1
"""Where no penalty reaches it there is nothing to tell penalties apart by: 1 % of the variance."""
_LEAST_SPREAD = 1e-6
"""Standard deviation of a feature, as a share of its root mean square, below which it is taken for
a constant that was rounded.
"""
_CHUNK = 1024
"""Features that are in float64 at a time."""


class RidgeReadout(FittedBlock):
    """Outputs are in units of the targets: for an AU loss whose outputs are its scores (MSE).

    The penalty is one for all AUs. ``"cross-validated"``: the one of ``PENALTIES`` whose
    predictions of people left out correlate best with their targets (Pearson's, over all frames,
    meaned over AUs; scale and shift do not count), the largest where that is below 0.1. Each person
    is left out once, in up to 12 groups; of all frames only the scale of a feature is used. An AU
    known of fewer than two people takes no part in the choice; one that is not known of any frame
    has the output 0. Mean squared error would choose penalties that are far too large for ranking:
    it rewards small weights on AUs that are rarely active.
    """

    weight: Tensor
    """(A, D), for features as they come."""
    bias: Tensor
    """(A,)"""
    fitted_penalty: Tensor
    """What was given or chosen; NaN before that."""

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
            raise OptionError("has nothing to be fitted to: no training frame has a known label")
        rows = rows[spread_over_people(people[rows], MOST_FRAMES)]
        chosen = torch.from_numpy(rows)
        frames = _Standardised(features.flatten(1), chosen)
        known = targets.cpu()[chosen].double()
        start = torch.zeros_like(known)
        if self.is_fitted:
            start += self(features[chosen].to(self.weight.device)).flatten(1).cpu()
        groups = _Groups(frames.gram(), known, start)
        penalty = self._penalty
        if penalty == "cross-validated":
            folds = fold_of_people(people[rows], MOST_FOLDS)
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
def outputs_left_out(features: Tensor, targets: Tensor, people: People, penalty: float) -> Tensor:
    """What regressions with this penalty say of the people that they were not fitted to, (N, A),
    float64, of features (N, ...) and targets (N, A): each person is left out once, in up to 12
    groups; of all frames only the scale of a feature is used. NaN where a target is, and of AUs
    known of fewer than two people.
    """
    every = torch.arange(len(targets))
    known = targets.cpu().double()
    gram = _Standardised(features.flatten(1), every).gram()
    groups = _Groups(gram, known, torch.zeros_like(known))
    return groups.left_out(penalty, torch.from_numpy(fold_of_people(people, MOST_FOLDS)))


class _Standardised:
    """Some rows of features (N, D), standardised a chunk of features at a time."""

    def __init__(self, features: Tensor, rows: Tensor) -> None:
        self._features = features
        self._rows = rows
        self.count = features.shape[1]
        self._mean = torch.empty(self.count, dtype=torch.float64)
        self._inverse = torch.empty(self.count, dtype=torch.float64)
        for columns in self._chunks():
            chunk = self._double(columns)
            variance, mean = torch.var_mean(chunk, dim=0, correction=0)
            varies = variance > _LEAST_SPREAD**2 * (variance + mean**2)
            self._mean[columns] = mean
            self._inverse[columns] = torch.where(varies, variance.rsqrt(), 0.0)

    def gram(self) -> Tensor:
        """Inner products (N, N) of the frames."""
        gram = torch.zeros(len(self._rows), len(self._rows), dtype=torch.float64)
        for columns in self._chunks():
            chunk = self._chunk(columns)
            gram.addmm_(chunk, chunk.T)
        return gram

    def primal(self, dual: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (A, D) of features as they come, from those (N, A) of the frames, and what they
        make of the features' means (A,).
        """
        weight = torch.empty(dual.shape[1], self.count, dtype=torch.float64)
        for columns in self._chunks():
            weight[:, columns] = (dual.T @ self._chunk(columns)) * self._inverse[columns]
        return weight, weight @ self._mean

    def _chunks(self) -> list[slice]:
        return [slice(start, start + _CHUNK) for start in range(0, self.count, _CHUNK)]

    def _double(self, columns: slice) -> Tensor:
        return self._features[:, columns].cpu()[self._rows].double()

    def _chunk(self, columns: slice) -> Tensor:
        return (self._double(columns) - self._mean[columns]) * self._inverse[columns]


@dataclass(frozen=True)
class _Group:
    """The AUs that are known of the same frames (``rows``), of which there is at least one."""

    aus: list[int]
    rows: Tensor


class _Groups:
    """All AUs, by the frames on which they are known; each is fitted to these frames alone: to
    what ``start`` (N, A), the outputs that the regression starts from, leaves of the targets.
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
        """Weights (N, A) of the frames, 0 where an AU is unknown, and biases (A,)."""
        dual = torch.zeros_like(self._targets)
        bias = torch.zeros(self._targets.shape[1], dtype=torch.float64)
        for group in self._groups:
            whole = self._gram_of(group)
            target = self._left_over(group)
            regular = _centred(whole)
            regular.diagonal().add_(penalty)
            factor = torch.linalg.cholesky(regular)
            solution = torch.cholesky_solve(target - target.mean(dim=0), factor)
            dual[group.rows[:, None], torch.tensor(group.aus)] = solution
            bias[group.aus] = target.mean(dim=0) - whole.mean(dim=0) @ solution
        return dual, bias

    def correlations(self, penalties: Tensor, folds: Tensor) -> Tensor:
        """Of predictions and targets of people left out, (penalties, A); NaN where undefined."""
        found = torch.full((len(penalties), self._targets.shape[1]), torch.nan).double()
        for group in self._groups:
            own = folds[group.rows]
            if len(own.unique()) < 2:
                continue
            start = self._start[group.rows][:, group.aus]
            target = self._left_over(group)
            values, vectors = torch.linalg.eigh(_centred(self._gram_of(group)))
            for index, penalty in enumerate(penalties):
                shrunk = penalty / (values.clamp(min=0) + penalty)
                predicted = _predictions_left_out(shrunk, vectors, target, own)
                found[index, group.aus] = _correlations(start + predicted, start + target)
        return found

    def left_out(self, penalty: float, folds: Tensor) -> Tensor:
        """Predictions of people left out, (N, A); NaN where there is none."""
        found = torch.full_like(self._targets, torch.nan)
        for group in self._groups:
            own = folds[group.rows]
            if len(own.unique()) < 2:
                continue
            target = self._left_over(group)
            values, vectors = torch.linalg.eigh(_centred(self._gram_of(group)))
            shrunk = penalty / (values.clamp(min=0) + penalty)
            predicted = _predictions_left_out(shrunk, vectors, target, own)
            start = self._start[group.rows][:, group.aus]
            found[group.rows[:, None], torch.tensor(group.aus)] = start + predicted
        return found

    def _left_over(self, group: _Group) -> Tensor:
        return (self._targets - self._start)[group.rows][:, group.aus]

    def _gram_of(self, group: _Group) -> Tensor:
        if len(group.rows) == len(self._gram):
            return self._gram
        return self._gram[group.rows][:, group.rows]


def _centred(gram: Tensor) -> Tensor:
    """The inner products (N, N) of the frames minus their mean."""
    mean = gram.mean(dim=0)
    centred = gram - mean
    return centred.sub_(mean[:, None]).add_(mean.mean())


def _predictions_left_out(
    shrunk: Tensor, vectors: Tensor, targets: Tensor, folds: Tensor
) -> Tensor:
    """What ridge regression fitted to the other folds says of each frame, (N, A), without fitting
    it again: the errors are S^-1 r, with r the errors on a fold of the regression on all folds and
    S the fold's block of the matrix that makes r of the targets (PRESS, Allen 1974, of several
    frames at a time). That matrix is ``vectors`` diag(``shrunk``) ``vectors``^T - 1/N.
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
    """Pearson's, (A,), of (N, A) each; NaN where targets do not vary."""
    first, second = (values - values.mean(dim=0) for values in (predicted, targets))
    products, squares = ((first * each).sum(dim=0) for each in (second, first))
    found = products / (squares * second.square().sum(dim=0)).sqrt()
    varies = targets.amax(dim=0) > targets.amin(dim=0)  # a mean is rounded, so sums may not be 0
    return torch.where(varies, found, torch.nan)


def _best_penalty(groups: _Groups, folds: Tensor, features: int) -> float:
    """Raises OptionError unless some AU is known of two people."""
    if len(folds.unique()) < 2:
        raise OptionError(
            "penalty=cross-validated needs training frames of at least two people: write a number",
            "penalty",
        )
    penalties = features * torch.tensor(PENALTIES, dtype=torch.float64)
    means = groups.correlations(penalties, folds).nanmean(dim=1).nan_to_num()
    best = int(means.argmax()) if means.max() >= _LEAST_CORRELATION else -1
    return float(penalties[best])
