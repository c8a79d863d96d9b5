"""Evaluate a model on a set: eval mode, no gradients, no augmentation, every frame once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audetnet.data.augment import to_unit_range
from audetnet.data.batches import Batch, Batches
from audetnet.data.momu import Indices
from audetnet.evaluation.encoder_input import EncoderInput
from audetnet.evaluation.metrics import (
    Array,
    MetricTable,
    Predictions,
    au_metrics,
    cross_correlation,
    mean_of,
    mean_variance,
)
from audetnet.evaluation.thresholds import best_f1_thresholds
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.model import AUDetNet


@dataclass(frozen=True, kw_only=True)
class SetResults:
    """Results of one set, and the thresholds (A,) with the highest F1 on it. NaN = undefined.

    ``losses`` are means over known labels (au) and over pixels (reconstruction, on a scale of
    [-1, 1]). ``code`` has z1_z2_cross_correlation and z2_variance of codes averaged over positions,
    if there is a z2.
    """

    frames: int
    metrics: MetricTable
    losses: dict[str, float]
    code: dict[str, float]
    best_thresholds: Array

    def means(self) -> dict[str, float]:
        """Each metric's mean over the AUs for which it is defined."""
        return {name: mean_of(values) for name, values in self.metrics.items()}


@dataclass(frozen=True)
class Samples:
    """Pictures (K, 3, H, W), uint8, with their frame ids."""

    ids: tuple[str, ...]
    originals: npt.NDArray[np.uint8]
    reconstructions: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Reference:
    """Features of a set's people at rest, (P, C, h, w) by subject index: the stem's output, which a
    [person_reference] subtracts, or z1, which is subtracted here.
    """

    place: Literal["stem", "z1"]
    at_rest: Tensor


Rows = dict[str, Tensor]
"""Results of a batch: indices in the set, scores, labels and codes, one row per frame; and the
batch's summed losses.
"""


def encoded(model: AUDetNet, batch: Batch, reference: Reference | None = None) -> Code:
    """The code of a batch, computed from the stem's outputs if the batch has them; with a
    reference, minus the people's features at rest.
    """
    rest = None if reference is None else reference.at_rest[batch.subjects]
    at_stem = rest if reference is not None and reference.place == "stem" else None
    code = EncoderInput.of_batch(model, batch).code(model, at_stem)
    if rest is None or at_stem is not None:
        return code
    return Code.of(code.z1 - rest, code.z2)


class Evaluator:
    """Evaluates a model; ``precision`` opens the context in which the networks run (autocast)."""

    def __init__(
        self,
        model: AUDetNet,
        head: AUHead,
        reconstruction_loss: Callable[[Tensor, Tensor], Tensor],
        au_names: tuple[str, ...],
        precision: Callable[[], torch.autocast],
    ) -> None:
        self._model = model
        self._head = head
        self._reconstruction_loss = reconstruction_loss
        self._au_names = au_names
        self._precision = precision

    @torch.no_grad()
    def __call__(
        self,
        batches: Batches,
        batch_indices: Sequence[Indices],
        each: Callable[[], None] = lambda: None,
        gather: Callable[[list[Rows]], list[list[Rows]]] = lambda rows: [rows],
        reference: Reference | None = None,
        thresholds: Array | None = None,
    ) -> SetResults:
        """Evaluate the batches of a set; ``each`` is called after every batch. Restores the model's
        mode. If processes share a set, ``gather`` collects the rows of all processes.
        ``thresholds`` (A,): those of the validation people, NaN if they never show an AU.
        """
        rows = []
        with eval_mode(self._model):
            for batch in batches(batch_indices):
                if len(batch):
                    rows.append(self._forward(batch, reference))
                each()
        rows = [{name: values.cpu() for name, values in row.items()} for row in rows]
        return self._results([row for process in gather(rows) for row in process], thresholds)

    @torch.no_grad()
    def samples(self, batches: Batches, ids: tuple[str, ...], indices: Indices) -> Samples:
        """Originals and reconstructions of some frames of a set with these ``ids``."""
        frames = batches.frames(indices)
        with eval_mode(self._model), self._precision():
            code = EncoderInput.of_rows(self._model, batches, indices).code(self._model)
            decoded = self._model.decode(code)
        pixels = (self._model.pixels.shown(decoded) * 255).round().to(torch.uint8)
        return Samples(tuple(ids[i] for i in indices), frames.cpu().numpy(), pixels.cpu().numpy())

    def _forward(self, batch: Batch, reference: Reference | None) -> Rows:
        pixels = to_unit_range(batch.frames)
        with self._precision():
            code = encoded(self._model, batch, reference)
            outputs = self._model.predict(code).float()
            decoded = self._model.decode(code).float()
        known = ~batch.labels.isnan()
        target = self._model.pixels.decoder_target(pixels)
        reconstruction = self._reconstruction_loss(decoded, target)
        return {
            "indices": torch.from_numpy(batch.indices),
            "scores": self._head.scores(outputs),
            "labels": batch.labels,
            "code": code.float().pooled().whole,
            "au_loss": (self._head.loss(outputs, batch.labels).double() * known.sum()).reshape(1),
            "reconstruction_loss": (reconstruction.double() * len(batch)).reshape(1),
        }

    def _results(self, rows: list[Rows], thresholds: Array | None) -> SetResults:
        joined = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
        order = joined["indices"].argsort()
        joined |= {name: joined[name][order] for name in ("scores", "labels", "code")}
        scores, labels = joined["scores"], joined["labels"]
        predictions = self._predictions(scores, labels, thresholds)
        known = int((~labels.isnan()).sum())
        losses = {
            "au": float(joined["au_loss"].sum()) / known if known else float("nan"),
            "reconstruction": float(joined["reconstruction_loss"].sum()) / len(labels),
        }
        codes = Code(joined["code"], self._model.z1_channels)
        z1, z2 = _array(codes.z1), _array(codes.z2)
        code = {}
        if z2.size:
            code = {
                "z1_z2_cross_correlation": cross_correlation(z1, z2),
                "z2_variance": mean_variance(z2),
            }
        return SetResults(
            frames=len(labels),
            metrics=au_metrics(predictions, self._au_names),
            losses=losses,
            code=code,
            best_thresholds=best_f1_thresholds(
                _array(self._head.predictions(scores)), predictions.labels
            ),
        )

    def _predictions(self, scores: Tensor, labels: Tensor, thresholds: Array | None) -> Predictions:
        head, decisions = self._head, _array(self._head.active(scores))
        outputs = _array(head.predictions(scores))
        tuned = None
        if thresholds is not None:
            at_thresholds = (outputs >= thresholds) * 1.0
            tuned = np.where(np.isnan(thresholds), decisions, at_thresholds)
        return Predictions(
            scores=_array(scores),
            decisions=decisions,
            labels=_array(head.active_labels(labels)),
            tuned_decisions=tuned,
            probabilities=None if head.regress else outputs,
            intensities=outputs if head.regress else None,
            intensity_labels=_array(labels) if head.regress else None,
        )


@contextmanager
def eval_mode(model: AUDetNet) -> Iterator[None]:
    """Inside this context the model is in eval mode; its mode is restored afterwards."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _array(tensor: Tensor) -> Array:
    return tensor.double().numpy()
