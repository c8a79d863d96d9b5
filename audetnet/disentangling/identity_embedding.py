"""Whose face an image shows: face embeddings, and which person an exchanged image resembles."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.disentangling.reference_classifier import ReferenceClassifier
from audetnet.errors import UserError
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices
from audetnet.faces.descriptor import SIDE, FaceDescriptor


class IdentityEmbedder(Protocol):
    """A network without any part in the run's training, whose embeddings identify people."""

    @property
    def embedder_name(self) -> str:
        """Name in the report."""

    @property
    def max_frames(self) -> int | None:
        """How many frames it embeds at most, if it is slow."""

    def embedding(self, pixels: Tensor) -> Tensor:
        """(B, D) of pixels (B, 3, H, W) in [0, 1]."""


@dataclass(frozen=True)
class ReferenceNetworks:
    """What recognises the AUs in an image, and what identifies the person."""

    aus: ReferenceClassifier
    person: IdentityEmbedder


class DlibEmbedder:
    """dlib's face descriptor of the whole image, which is an aligned crop already.

    On the 12 training people of a rendered set, at 256, 96 and 64 pixels alike, the whole image
    identifies people as well as dlib's own crop by landmarks (same-person AUC 0.9998 or more), its
    centre less well (0.97 for 65 % of it). Raises UserError if dlib or its model is missing.
    """

    embedder_name = "dlib's face descriptor"
    max_frames = 240
    """It takes 0.08 s per image on one core."""

    def __init__(self) -> None:
        self._descriptor = FaceDescriptor()

    def embedding(self, pixels: Tensor) -> Tensor:
        """(B, 128) on the CPU, of pixels (B, 3, H, W) in [0, 1]."""
        resized = F.interpolate(pixels.cpu(), (SIDE, SIDE), mode="bilinear", antialias=True)
        levels = (resized * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
        return torch.from_numpy(self._descriptor.descriptors(levels))


def reference_networks(classifier: ReferenceClassifier) -> ReferenceNetworks:
    """The report's own classifier, with dlib's descriptor for identity if it is installed."""
    try:
        return ReferenceNetworks(classifier, DlibEmbedder())
    except UserError:
        return ReferenceNetworks(classifier, classifier)


def frames_to_embed(person: Indices, limit: int | None) -> Indices:
    """Rows of about ``limit`` frames (None: all), evenly spaced over those of each person
    (``person`` (N,)), at least two of each.
    """
    people = int(person.max()) + 1
    chosen = []
    for index in range(people):
        own = np.flatnonzero(person == index)
        share = len(own) if limit is None else min(len(own), max(2, limit // people))
        chosen.append(own[np.linspace(0, len(own) - 1, share).round().astype(np.int64)])
    return np.concatenate(chosen)


def identity_follows_z2(
    exchanged: Array, reconstructed: Array, rows: Indices, person: Indices, partner: Indices
) -> Array:
    """1 if an exchanged image is closer to the person of its z2, 0 if to that of its z1, (n,).

    ``exchanged`` and ``reconstructed`` (n, D): embeddings of images of the frames ``rows`` (n,);
    ``person`` (N,) and ``partner`` (N,), the frame that gives z2, are of all frames. Closeness is
    cosine similarity to the mean embedding of the person's reconstructions without the two frames,
    all centred.
    """
    centre = reconstructed.mean(axis=0)
    known = np.zeros((len(person), reconstructed.shape[1]))
    known[rows] = reconstructed - centre
    sums = np.stack([known[person == one].sum(axis=0) for one in range(int(person.max()) + 1)])
    to_z1, to_z2 = (
        _cosine(exchanged - centre, sums[person[frames]] - known[frames])
        for frames in (rows, partner[rows])
    )
    return (to_z2 > to_z1).astype(np.float64)


def _cosine(a: Array, b: Array) -> Array:
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1))
