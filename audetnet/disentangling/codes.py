"""Frames as codes: equally many per person, in temporal order, both blocks as vectors."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.console.progress import ProgressBar
from audetnet.data.batches import Batches, evaluation_batch_indices
from audetnet.data.factors import FactorTable
from audetnet.data.frames import FrameSet
from audetnet.data.ids import natural_sort_key
from audetnet.errors import UserError
from audetnet.evaluation.evaluate import Reference, encoded
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices
from audetnet.labels import active
from audetnet.networks.code import Code
from audetnet.networks.model import AUDetNet

FEWEST_FRAMES = 20
"""People with fewer frames are left out."""
TIME_BLOCKS = 5
"""Number of consecutive stretches that each person's frames are cut into."""
LONGEST_VECTOR = 2048
"""Codes with several positions are average-pooled to at most this many numbers."""
_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Codes of N frames of P people, person by person, in temporal order.

    ``person`` (N,) indexes ``people``; ``labels`` (N, A) are 1 active, 0 inactive, NaN unknown;
    ``z1`` (N, D1) and ``z2`` (N, D2) are float64, D2 = 0 if the code has no z2.
    """

    ids: tuple[str, ...]
    people: tuple[str, ...]
    person: Indices
    labels: Array
    z1: Array
    z2: Array

    def __len__(self) -> int:
        return len(self.ids)

    def rows_by_person(self) -> list[Indices]:
        """The rows of each person."""
        return [np.flatnonzero(self.person == index) for index in range(len(self.people))]

    def time_blocks(self) -> Indices:
        """The stretch of time (N,) of each frame, from 0 to TIME_BLOCKS - 1."""
        blocks = np.zeros(len(self), dtype=np.int64)
        for rows in self.rows_by_person():
            blocks[rows] = np.arange(len(rows)) * TIME_BLOCKS // len(rows)
        return blocks

    def block(self, name: str) -> Array:
        """The block with that name, (N, D)."""
        return self.z1 if name == "z1" else self.z2

    def imputed_labels(self) -> Array:
        """Labels (N, A), unknown ones replaced by the AU's mean."""
        known = ~np.isnan(self.labels)
        means = np.where(known, self.labels, 0).sum(axis=0) / known.sum(axis=0).clip(1)
        return np.where(known, self.labels, means)

    def take(self, rows: Indices) -> "Codes":
        """Some of the frames, in the order given, and only the people in them."""
        kept, person = np.unique(self.person[rows], return_inverse=True)
        return Codes(
            ids=tuple(self.ids[row] for row in rows),
            people=tuple(self.people[index] for index in kept),
            person=person.astype(np.int64),
            labels=self.labels[rows],
            z1=self.z1[rows],
            z2=self.z2[rows],
        )

    def minus_median(self, reference: "Codes") -> "Codes":
        """The same frames with z1 minus its median over the same person's frames in
        ``reference``.
        """
        medians = {
            who: np.median(reference.z1[rows], axis=0)
            for who, rows in zip(reference.people, reference.rows_by_person(), strict=True)
        }
        return replace(self, z1=self.z1 - np.stack([medians[w] for w in self.people])[self.person])

    def permuted(self, generator: np.random.Generator, within: bool) -> "Codes":
        """The same frames with the z2 of random other frames: any, or (``within``) of the same
        person.
        """
        order = np.arange(len(self))
        for rows in self.rows_by_person() if within else [order.copy()]:
            order[rows] = generator.permutation(rows)
        return replace(self, z2=self.z2[order])


@dataclass(frozen=True, kw_only=True)
class FactorSet:
    """Known factors of N frames, ``values`` (N, T), and the codes of these frames."""

    group: str
    names: tuple[str, ...]
    values: Array
    codes: Codes


def known_factors(table: FactorTable, codes: Codes) -> list[FactorSet]:
    """The frames whose factors are all known; no set if there are none."""
    values = table.of(codes.ids)
    known = np.flatnonzero(~np.isnan(values).any(axis=1))
    if not len(known):
        return []
    names, own = table.names, codes.take(known)
    return [FactorSet(group="factors", names=names, values=values[known], codes=own)]


def balanced_sample(frames: FrameSet, limit: int) -> tuple[FrameSet, list[str]]:
    """At most ``limit`` frames, equally many per person and evenly spaced in time, and lines for
    the user on who was left out: people with fewer than FEWEST_FRAMES frames, unless all have so
    few.
    """
    rows: dict[str, list[int]] = {}
    unique = {frame: row for row, frame in enumerate(frames.ids)}
    for row in sorted(unique.values(), key=lambda row: natural_sort_key(frames.ids[row])):
        rows.setdefault(frames.subjects[row], []).append(row)
    kept = {who: own for who, own in rows.items() if len(own) >= FEWEST_FRAMES} or rows
    notes = []
    if len(kept) < len(rows):
        notes.append(
            f"{frames.name} set: {len(rows) - len(kept)} of {len(rows)} people have fewer than "
            f"{FEWEST_FRAMES} frames and are left out"
        )
    share = max(1, min(limit // len(kept), *(len(own) for own in kept.values())))
    chosen = [
        own[int(position)]
        for _, own in sorted(kept.items())
        for position in np.linspace(0, len(own) - 1, share).round()
    ]
    sample = FrameSet(
        name=frames.name,
        ids=tuple(frames.ids[row] for row in chosen),
        paths=tuple(frames.paths[row] for row in chosen),
        subjects=tuple(frames.subjects[row] for row in chosen),
        labels=frames.labels[chosen],
    )
    return sample, notes


def make_codes(frames: FrameSet, code: Code, active_from: float) -> Codes:
    """Codes of a sample from the encoder's output. Raises UserError if they are not finite."""
    if not bool(code.whole.isfinite().all()):
        raise UserError(
            f"the codes of the {frames.name} frames are not finite: training this checkpoint failed"
        )
    people, person = np.unique(frames.subjects, return_inverse=True)
    vectors = Code(_pooled(code.whole), code.z1_channels)
    z1, z2 = (block.flatten(1).double().numpy() for block in (vectors.z1, vectors.z2))
    return Codes(
        ids=frames.ids,
        people=tuple(people.tolist()),
        person=person.astype(np.int64),
        labels=active(frames.labels, active_from).astype(np.float64),
        z1=z1,
        z2=z2,
    )


def _pooled(code: Tensor) -> Tensor:
    """(N, C, h, w) on the finest grid with C * h * w <= LONGEST_VECTOR."""
    channels, height, width = code.shape[1:]
    side = max(height, width)
    while side > 1 and channels * min(side, height) * min(side, width) > LONGEST_VECTOR:
        side -= 1
    return F.adaptive_avg_pool2d(code, (min(side, height), min(side, width)))


@torch.no_grad()
def encode(
    model: AUDetNet,
    batches: Batches,
    count: int,
    title: str,
    reference: Reference | None = None,
) -> Code:
    """The code of all N frames of a set, not augmented, float32 on the CPU. The model must be in
    eval mode.
    """
    indices = evaluation_batch_indices(count, _BATCH, None)
    codes = []
    with ProgressBar(title, len(indices)) as bar:
        for batch in batches(indices):
            codes.append(encoded(model, batch, reference).whole.float().cpu())
            bar.advance()
    return Code(torch.cat(codes), model.z1_channels)


def pixels_of(batches: Batches, count: int) -> npt.NDArray[np.uint8]:
    """All frames of a set, uint8 (N, 3, H, W)."""
    indices = evaluation_batch_indices(count, _BATCH, None)
    return np.concatenate([batch.frames.cpu().numpy() for batch in batches(indices)])
