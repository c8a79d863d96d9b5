"""Decoding z1 of one frame with z2 of another, and looking at the result with other networks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audetnet.console.progress import ProgressBar
from audetnet.data.augment import to_unit_range
from audetnet.disentangling.block_metrics import relative_error
from audetnet.disentangling.identity_embedding import ReferenceNetworks
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices, Statistic
from audetnet.networks.code import Code
from audetnet.networks.model import Pixels

_BATCH = 64
RestOf = Callable[[Indices], Tensor | None]
"""Person references (n, C, h, w) of some frames (n,); None if they are not subtracted."""


class Coder(Protocol):
    """The part of AUDetNet used here: pixels in [0, 1] to codes, codes to images in [-1, 1]."""

    def encode(self, pixels: Tensor, rest: Tensor | None = None) -> Code: ...

    def decode(self, code: Code) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class Seen:
    """AU scores (N, A) of images, and both blocks of their codes."""

    scores: Array
    z1: Array
    z2: Array


def partners(person: Indices, generator: np.random.Generator) -> Indices:
    """For each frame (N,) a frame of another person, who is drawn uniformly from the others."""
    own = [np.flatnonzero(person == one) for one in range(int(person.max()) + 1)]
    others = (person + generator.integers(1, len(own), size=len(person))) % len(own)
    return np.array([generator.choice(own[other]) for other in others], dtype=np.int64)


@torch.no_grad()
def exchange(
    model: Coder,
    pixels: npt.NDArray[np.uint8],
    partner: Indices,
    embedded: Indices,
    networks: ReferenceNetworks,
    device: torch.device,
    rest_of: RestOf,
) -> tuple[list[Seen], list[Array]]:
    """The originals, their reconstructions and the images with exchanged codes; and embeddings
    (n, D) of the latter two, for the frames ``embedded`` (n,).
    """
    seen: tuple[list[list[Tensor]], ...] = ([], [], [])
    faces: tuple[list[Tensor], ...] = ([], [])
    batches = np.split(np.arange(len(pixels)), range(_BATCH, len(pixels), _BATCH))
    with ProgressBar("exchanging codes", len(batches)) as bar:
        for rows in batches:
            first, second = (
                to_unit_range(torch.from_numpy(pixels[each]).to(device))
                for each in (rows, partner[rows])
            )
            own, others = rest_of(rows), rest_of(partner[rows])
            code = model.encode(first, own)
            mixed = Code.of(code.z1, model.encode(second, others).z2)
            images = (first, *(Pixels.shown(model.decode(each)) for each in (code, mixed)))
            for parts, image, rest in zip(seen, images, (own, own, others), strict=True):
                again = model.encode(image, rest).float()
                found = (networks.aus.scores(image), again.z1, again.z2)
                parts.append([tensor.flatten(1).cpu() for tensor in found])
            chosen = np.flatnonzero(np.isin(rows, embedded))
            for embeddings, image in zip(faces, images[1:], strict=True):
                if len(chosen):
                    embeddings.append(networks.person.embedding(image[chosen]).flatten(1).cpu())
            bar.advance()
    return list(map(_joined, seen)), [torch.cat(each).double().numpy() for each in faces]


def _joined(parts: list[list[Tensor]]) -> Seen:
    scores, z1, z2 = (torch.cat(part).double().numpy() for part in zip(*parts, strict=True))
    return Seen(scores=scores, z1=z1, z2=z2)


def cycle_error(again: Array, wanted: Array, other: Array, person: Indices) -> Statistic:
    """Distance of re-encoded codes (N, D) from the wanted ones, relative to that of the others."""
    deviation = wanted.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1)
    errors, reference = (((z - wanted) / scale) ** 2 for z in (again, other))
    return relative_error(errors.sum(axis=1), reference.sum(axis=1), person)
