"""Who tells whose person a picture shows, and on which pictures it is asked."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.disentangling.judge import Judge
from audetnet.errors import UserError
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices
from audetnet.faces.descriptor import SIDE, FaceDescriptor


class IdentityJudge(Protocol):
    """A network that took no part in the run's training, and knows people by an embedding."""

    @property
    def identity_name(self) -> str:
        """What it is, for the report."""

    @property
    def most_frames(self) -> int | None:
        """As many frames as it is asked about at most, if it is slow."""

    def embedding(self, pixels: Tensor) -> Tensor:
        """(B, D) of pixels (B, 3, H, W) in [0, 1]."""


@dataclass(frozen=True)
class Judges:
    """Who tells the AUs in a picture, and who the person."""

    aus: Judge
    person: IdentityJudge


class DescriptorJudge:
    """dlib's descriptor of the whole picture, as aligned crops are cut.

    On the 12 training people of a rendered set, at 256, 96 and 64 pixels alike, the whole picture
    tells people as well as dlib's own crop by landmarks (same-person AUC 0.9998 or more), its
    middle less well (0.97 for 65 % of it). Raises UserError where dlib or its model is missing.
    """

    identity_name = "dlib's face descriptor"
    most_frames = 240
    """It takes 0.08 s a picture on one core."""

    def __init__(self) -> None:
        self._descriptor = FaceDescriptor()

    def embedding(self, pixels: Tensor) -> Tensor:
        """(B, 128) on the CPU, of pixels (B, 3, H, W) in [0, 1]."""
        fitting = F.interpolate(pixels.cpu(), (SIDE, SIDE), mode="bilinear", antialias=True)
        levels = (fitting * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
        return torch.from_numpy(self._descriptor.descriptors(levels))


def judges_with(own: Judge) -> Judges:
    """The report's own judge, and for the person dlib's descriptor where it is installed."""
    try:
        return Judges(own, DescriptorJudge())
    except UserError:
        return Judges(own, own)


def judged_frames(person: Indices, most: int | None) -> Indices:
    """Rows of at most ``most`` frames (None: of all), evenly spread over each person's (``person``
    (N,)), but of at least two of each.
    """
    people = int(person.max()) + 1
    chosen = []
    for one in range(people):
        own = np.flatnonzero(person == one)
        share = len(own) if most is None else min(len(own), max(2, most // people))
        chosen.append(own[np.linspace(0, len(own) - 1, share).round().astype(np.int64)])
    return np.concatenate(chosen)


def goes_with_z2(
    exchanged: Array, rebuilt: Array, rows: Indices, person: Indices, partner: Indices
) -> Array:
    """1 where the exchanged picture is nearer to the person of its z2, 0 where nearer to that of
    its z1, (n,).

    Embeddings (n, D) of exchanged pictures and of reconstructions, of the frames ``rows`` (n,);
    ``person`` (N,) and ``partner`` (N,), which gives z2, are of all frames. Nearer is: of a higher
    cosine similarity with the mean of the person's reconstructions without those of the two frames,
    all centred.
    """
    centre = rebuilt.mean(axis=0)
    known = np.zeros((len(person), rebuilt.shape[1]))
    known[rows] = rebuilt - centre
    sums = np.stack([known[person == one].sum(axis=0) for one in range(int(person.max()) + 1)])
    of_z1, of_z2 = (sums[person[frames]] - known[frames] for frames in (rows, partner[rows]))
    near_z1, near_z2 = (_cosine(exchanged - centre, mean) for mean in (of_z1, of_z2))
    return (near_z2 > near_z1).astype(np.float64)


def _cosine(a: Array, b: Array) -> Array:
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1))
