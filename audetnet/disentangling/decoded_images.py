"""Figures of decoded images: exchanged codes, shuffled codes, and walks along the AUs in z1."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from torch import Tensor

from audetnet.data.augment import to_unit_range
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.figures import BLUE, Illustration, set_title, shortened
from audetnet.drawing import Figure
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices
from audetnet.networks.code import Code
from audetnet.networks.model import Pixels

Images = npt.NDArray[np.uint8]
"""(K, 3, H, W)."""
STEPS = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Where a walk along an AU stops: 0 = the frame itself, 1 = as far as active frames are on
average.
"""
MOST_WALKS = 12
MOST_SHUFFLED = 8
_TILE = 1.0
"""Width of an image, in inches."""
_SIDE, _TOP, _BOTTOM, _MARGIN, _GAP, _APART = 1.4, 0.85, 0.4, 0.12, 0.04, 0.15


class Coder(Protocol):
    """What is needed of an AUDetNet. Decoded images are in [-1, 1]."""

    training: bool

    def parameters(self) -> Iterator[Any]: ...
    def train(self, mode: bool = True) -> Any: ...
    def encode(self, pixels: Tensor, rest: Tensor | None = None) -> Code: ...
    def decode(self, code: Code) -> Tensor: ...


@contextmanager
def _looking(model: Coder) -> Iterator[torch.device]:
    """Eval mode without gradients, and the model's device; afterwards the mode that it was in."""
    training = model.training
    model.train(False)
    try:
        with torch.no_grad():
            yield next(model.parameters()).device
    finally:
        model.train(training)


def _code(model: Coder, pixels: Images, device: torch.device, rest: Tensor | None = None) -> Code:
    return model.encode(to_unit_range(torch.from_numpy(pixels).to(device)), rest)


def _decoded(model: Coder, z1: Tensor, z2: Tensor) -> Images:
    shown = Pixels.shown(model.decode(Code.of(z1, z2)))
    return np.asarray((shown * 255).round().to(torch.uint8).cpu().numpy())


def telling_frames(codes: Codes, count: int) -> Indices:
    """Rows of frames that show what an exchange does: of different people as far as there are
    enough, and of AUs as different as possible. At most ``count``.

    The frame with most active AUs comes first; then always the one whose active AUs differ most
    from those of its nearest among the chosen.
    """
    active = (codes.labels == 1).astype(np.float64)
    used = np.zeros(len(codes.people))
    left = np.ones(len(codes), dtype=bool)
    chosen: list[int] = []
    while left.any() and len(chosen) < count:
        news = active.sum(axis=1)
        if chosen:
            news = np.abs(active[:, None] - active[None, chosen]).sum(axis=2).min(axis=1)
        turns = used[codes.person]
        candidates = left & (turns == turns[left].min())
        row = int(np.argmax(np.where(candidates, news, -1)))
        chosen.append(row)
        left[row] = False
        used[codes.person[row]] += 1
    return np.array(chosen, dtype=np.int64)


def exchange_strips(
    model: Coder, pixels: Images, pairs: int = 4, rest: Tensor | None = None
) -> npt.NDArray[np.uint8]:
    """(Q, 4, 3, H, W): original i, original j, reconstruction of i, z1 of i with z2 of j. j is the
    frame after i, the first after the last; at most ``pairs`` of them. ``rest`` (N, C, h, w): what
    the persons of the frames show at rest.
    """
    with _looking(model) as device:
        code = _code(model, pixels, device, rest)
        z1, z2 = code.z1, code.z2
        parts = (
            pixels,
            np.roll(pixels, -1, axis=0),
            _decoded(model, z1, z2),
            _decoded(model, z1, z2.roll(-1, dims=0)),
        )
    return np.stack(parts, axis=1)[:pairs]


def exchange_matrix(
    model: Coder,
    pixels: Images,
    ids: tuple[str, ...],
    subjects: tuple[str, ...],
    rest: Tensor | None = None,
) -> Illustration:
    """Originals, reconstructions, and z1 of each frame decoded with z2 of each frame, for K = 4 to
    6 frames of different people. ``rest`` (K, C, h, w): what their persons show at rest.
    """
    count = len(pixels)
    with _looking(model) as device:
        code = _code(model, pixels, device, rest)
        z1, z2 = code.z1, code.z2
        rebuilt = _decoded(model, z1, z2)
        exchanged = [_decoded(model, z1[[row] * count], z2) for row in range(count)]
    names = _names(ids, subjects)
    title = "Exchanged codes: z1 of the row's frame, z2 of the column's frame"
    rows = [(name, [pixels[k], rebuilt[k], *exchanged[k]]) for k, name in enumerate(names)]
    axis_names = ("z2 of this frame", "z1 of this frame")
    figure, grid = _grid(
        title, [("originals", [None, None, *pixels]), *rows], ["", "", *names], axis_names, gap=2
    )
    for axes, name in zip(grid[1], ("original", "reconstr."), strict=False):
        axes.set_title(name, fontsize=8, pad=3)
    for row, line in enumerate(grid[1:]):
        line[2 + row].spines[:].set(visible=True, color=BLUE, linewidth=2)
    caption = (
        "Each image of the matrix is decoded from z1 of the frame of its row and z2 of the frame "
        "of its column; the diagonal (framed) is the reconstruction. Good: along a row the "
        "expression stays, along a column the person, the pose and the light stay."
    )
    if not z2.shape[1]:
        caption += " This code has no z2: rows cannot change."
    if rest is not None:
        caption += " What each person shows at rest was taken off."
    return Illustration(name="exchange", title=title, caption=caption, figure=figure)


def shuffled_images(
    model: Coder,
    pixels: Images,
    ids: tuple[str, ...],
    subjects: tuple[str, ...],
    rest: Tensor | None = None,
) -> Illustration:
    """The first MOST_SHUFFLED frames, their reconstructions, and images from shuffled encodings:
    each block with the other block of the frame before.
    """
    pixels = pixels[:MOST_SHUFFLED]
    with _looking(model) as device:
        code = _code(model, pixels, device, None if rest is None else rest[:MOST_SHUFFLED])
        z1, z2 = code.z1, code.z2
        rows = [
            ("original", pixels),
            ("reconstruction", _decoded(model, z1, z2)),
            ("own z1,\nz2 of the\nframe before", _decoded(model, z1, z2.roll(1, dims=0))),
            ("own z2,\nz1 of the\nframe before", _decoded(model, z1.roll(1, dims=0), z2)),
        ]
    title = "Images from shuffled encodings"
    names = _names(ids, subjects)[: len(pixels)]
    figure, _ = _grid(title, rows, names, ("frame", "decoded from"))
    caption = (
        "Each column is a frame; the frame before is the one to the left (of the first: the last). "
        "Good: the third row has the expression of its own column and the person, pose and light "
        "of the column to the left; the fourth row the other way round."
    )
    return Illustration(name="shuffled", title=title, caption=caption, figure=figure)


def au_walks(model: Coder, codes: Codes, code: Code, au_names: tuple[str, ...]) -> Illustration:
    """For the most frequent AUs a frame without the AU, moved in z1 along the AU's direction by
    STEPS, and what the last step changed. ``code`` is that of the N frames of
    ``codes``. AUs that are never, or always, active are left out.
    """
    counts = (codes.labels == 1).sum(axis=0)
    both = np.flatnonzero((counts > 0) & (codes.labels == 0).any(axis=0))
    aus = sorted(sorted(both.tolist(), key=lambda au: -counts[au])[:MOST_WALKS])
    starts, walks = [], []
    with _looking(model) as device:
        z1, z2 = code.z1, code.z2
        for au in aus:
            start = _start(z1, codes, au)
            step = au_direction(z1, codes.labels[:, au], codes.person)
            assert step is not None
            moved = torch.stack([z1[start] + t * step for t in STEPS]).to(device)
            kept = z2[[start] * len(STEPS)].to(device)
            walks.append(_decoded(model, moved, kept))
            starts.append(start)
    title = "Walks along the AUs in z1, from inactive to active; z2 stays"
    if not aus:
        figure = Figure(figsize=(6, 1.5))
        set_title(figure, title, 6)
        text = "No AU is active in some frames and inactive in others."
        figure.text(0.5, 0.4, text, ha="center", fontsize=9)
        return Illustration(name="au_walks", title=title, caption=text, figure=figure)
    names = _names(tuple(codes.ids[start] for start in starts), tuple(au_names[au] for au in aus))
    caption = (
        "Each row starts at t = 0 with the reconstruction of a frame in which the AU is inactive "
        "and moves its z1 along the mean difference between active and inactive frames of the same "
        "person (t = 1: all of that difference). Good: the muscle movement of the AU appears and "
        "nothing else (person, pose, light) changes, so that the last column, of the same scale in "
        "all rows, is bright only where the muscle moves the face."
    )
    return Illustration(
        name="au_walks", title=title, caption=caption, figure=_walks_figure(title, names, walks)
    )


def au_direction(z1: Tensor, labels: Array, person: Indices) -> Tensor | None:
    """The mean difference (Z1, h, w) between active and inactive frames of a person, averaged over
    the people who have both, or over all frames where nobody has. z1 (N, Z1, h, w), labels and
    person (N,). None where frames are not of both kinds.
    """
    on, off = torch.from_numpy(labels == 1), torch.from_numpy(labels == 0)
    if not on.any() or not off.any():
        return None
    steps = [
        z1[on & own].mean(dim=0) - z1[off & own].mean(dim=0)
        for own in (torch.from_numpy(person == one) for one in np.unique(person))
        if (on & own).any() and (off & own).any()
    ]
    return torch.stack(steps).mean(dim=0) if steps else z1[on].mean(dim=0) - z1[off].mean(dim=0)


def _start(z1: Tensor, codes: Codes, au: int) -> int:
    """The frame to walk from: the AU is inactive, few others are active, and it is close to the
    mean inactive frame of its person, who shows the AU elsewhere if anybody does.
    """
    on, off = codes.labels[:, au] == 1, codes.labels[:, au] == 0
    shows_both = off & np.isin(codes.person, codes.person[on])
    rows = np.flatnonzero(shows_both if shows_both.any() else off)
    flat = z1.flatten(1).double().cpu().numpy()
    distances = [
        np.linalg.norm(flat[row] - flat[off & (codes.person == codes.person[row])].mean(axis=0))
        for row in rows
    ]
    others = (codes.labels[rows] == 1).sum(axis=1)
    return int(rows[np.lexsort((distances, others))[0]])


def _walks_figure(title: str, names: list[str], walks: list[Images]) -> Figure:
    """Rows of images, and the absolute difference between t = 0 and the last step."""
    zero = STEPS.index(0.0)
    changes = [np.abs(w[-1].astype(float) - w[zero].astype(float)).mean(axis=0) for w in walks]
    most = max(1.0, float(np.quantile(changes, 0.995)))
    columns = [*(f"t = {t:g}" for t in STEPS), f"change,\nt = 0 to {STEPS[-1]:g}"]
    rows = [(name, [*images, None]) for name, images in zip(names, walks, strict=True)]
    axis_names = ("position t along the direction of the AU (no unit)", "AU, frame")
    figure, grid = _grid(title, rows, columns, axis_names, gap=len(STEPS), right=0.85)
    for line, change in zip(grid, changes, strict=True):
        line[-1].imshow(change, cmap="magma", vmin=0, vmax=most)
    width = figure.get_size_inches()[0]
    place = grid[0][-1].get_position()
    bar_axes = figure.add_axes((place.x1 + 0.1 / width, place.y0, 0.12 / width, place.height))
    mappable = ScalarMappable(cmap="magma")
    mappable.set_clim(0, most)
    bar = figure.colorbar(mappable, cax=bar_axes, extend="max")
    bar.set_label("grey levels\n(of 255)", fontsize=7)
    bar.ax.tick_params(labelsize=7)
    return figure


def _names(ids: tuple[str, ...], owners: tuple[str, ...]) -> list[str]:
    """Two lines each: whose frame it is, or which AU's, and its id."""
    pairs = zip(owners, ids, strict=True)
    return [f"{shortened(owner, 14)}\n{shortened(frame, 14)}" for owner, frame in pairs]


def _grid(
    title: str,
    rows: Sequence[tuple[str, Iterable[npt.NDArray[np.uint8] | None]]],
    columns: Sequence[str],
    axis_names: tuple[str, str],
    gap: int = 0,
    right: float = _MARGIN,
) -> tuple[Figure, list[list[Axes]]]:
    """Named rows of images (3, H, W) of one size, None = left empty, under the names of columns;
    the columns from ``gap`` on stand apart, ``right`` is the margin in inches. axis_names: of the
    columns, the rows.
    """
    size = next(image.shape[1:] for image in rows[-1][1] if image is not None)
    tile = _TILE * size[0] / size[1]
    width = _SIDE + len(columns) * (_TILE + _GAP) + (_APART if gap else 0) + right
    height = _TOP + len(rows) * (tile + _GAP) + _BOTTOM
    figure = Figure(figsize=(width, height))
    set_title(figure, title, width)
    figure.supxlabel(axis_names[0], fontsize=9, x=0.5 + (_SIDE - right) / 2 / width)
    figure.supylabel(axis_names[1], fontsize=9, y=0.5 + (_BOTTOM - _TOP) / 2 / height)
    grid: list[list[Axes]] = []
    for row, (name, images) in enumerate(rows):
        grid.append([])
        for column, image in enumerate(images):
            x = _SIDE + column * (_TILE + _GAP) + (_APART if gap and column >= gap else 0)
            y = height - _TOP - row * (tile + _GAP) - tile
            place = (x / width, y / height, _TILE / width, tile / height)
            axes = figure.add_axes(place, xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if image is not None:
                axes.imshow(image.transpose(1, 2, 0))
            grid[row].append(axes)
        grid[row][0].set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
    for axes, name in zip(grid[0], columns, strict=True):
        axes.set_title(name, fontsize=8, pad=3)
    return figure, grid
