"""Figures of images decoded from exchanged and from shuffled codes."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from audetnet.disentangling.codes import Codes
from audetnet.disentangling.figures import BLUE, Illustration
from audetnet.disentangling.image_grid import image_grid
from audetnet.evaluation.people import Indices
from audetnet.networks.code import Code

Images = npt.NDArray[np.uint8]
"""(K, 3, H, W)."""
Decode = Callable[[Tensor, Tensor], Images]
"""Images of z1 (K, Z1, h, w) and z2 (K, Z2, h, w)."""


def diverse_frames(codes: Codes, count: int) -> Indices:
    """Rows of at most ``count`` frames that make an exchange visible: of different people while
    there are enough, and with AUs as different as possible.

    Greedy: the frame with most active AUs first, then always the one whose active AUs differ most
    from those of the closest frame chosen so far.
    """
    active = (codes.labels == 1).astype(np.float64)
    used = np.zeros(len(codes.people))
    left = np.ones(len(codes), dtype=bool)
    chosen: list[int] = []
    while left.any() and len(chosen) < count:
        novelty = active.sum(axis=1)
        if chosen:
            novelty = np.abs(active[:, None] - active[None, chosen]).sum(axis=2).min(axis=1)
        uses = used[codes.person]
        candidates = left & (uses == uses[left].min())
        row = int(np.argmax(np.where(candidates, novelty, -1)))
        chosen.append(row)
        left[row] = False
        used[codes.person[row]] += 1
    return np.array(chosen, dtype=np.int64)


def exchange_strips(decode: Decode, code: Code, pixels: Images, pairs: int = 4) -> Images:
    """(Q, 4, 3, H, W): original i, original j, reconstruction of i, z1 of i with z2 of j, where j
    is the frame after i (the first after the last); at most ``pairs`` of them.
    """
    z1, z2 = code.z1, code.z2
    parts = (pixels, np.roll(pixels, -1, axis=0), decode(z1, z2), decode(z1, z2.roll(-1, dims=0)))
    return np.stack(parts, axis=1)[:pairs]


def exchange_matrix(
    decode: Decode, code: Code, pixels: Images, names: Sequence[str], with_reference: bool = False
) -> Illustration:
    """Originals, reconstructions, and z1 of each frame decoded with z2 of each frame, for K frames
    of different people. ``with_reference``: their person references are subtracted.
    """
    count, z1, z2 = len(pixels), code.z1, code.z2
    reconstructed = decode(z1, z2)
    rows = [
        (name, [pixels[k], reconstructed[k], *decode(z1[[k] * count], z2)])
        for k, name in enumerate(names)
    ]
    title = "Exchanged codes: z1 of the row's frame, z2 of the column's frame"
    axis_names = ("z2 of this frame", "z1 of this frame")
    figure, grid = image_grid(
        title, [("originals", [None, None, *pixels]), *rows], ["", "", *names], axis_names, gap=2
    )
    for axes, name in zip(grid[1], ("original", "reconstr."), strict=False):
        axes.set_title(name, fontsize=8, pad=3)
    for row, line in enumerate(grid[1:]):
        line[2 + row].spines[:].set(visible=True, color=BLUE, linewidth=2)
    caption = (
        "Each image of the matrix is decoded from z1 of the frame of its row and z2 of the frame "
        "of its column; the diagonal (framed) is the reconstruction. Good: the expression stays "
        "the same along a row, and person, pose and light along a column."
    )
    if not z2.shape[1]:
        caption += " This code has no z2: rows cannot change."
    if with_reference:
        caption += " Person references are subtracted."
    return Illustration(name="exchange", title=title, caption=caption, figure=figure)


def shuffled_images(
    decode: Decode, code: Code, pixels: Images, names: Sequence[str]
) -> Illustration:
    """Frames, their reconstructions, and images from shuffled codes: each block with the other
    block of the previous frame.
    """
    z1, z2 = code.z1, code.z2
    rows = [
        ("original", pixels),
        ("reconstruction", decode(z1, z2)),
        ("own z1,\nz2 of the\nframe before", decode(z1, z2.roll(1, dims=0))),
        ("own z2,\nz1 of the\nframe before", decode(z1.roll(1, dims=0), z2)),
    ]
    title = "Images from shuffled codes"
    figure, _ = image_grid(title, rows, names, ("frame", "decoded from"))
    caption = (
        "Each column is a frame; the frame before is the one to the left (for the first, the "
        "last). Good: the third row has the expression of its own column and the person, pose and "
        "light of the column to the left; the fourth row the other way round."
    )
    return Illustration(name="shuffled", title=title, caption=caption, figure=figure)
