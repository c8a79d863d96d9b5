"""Figure of latent traversals: frames moved in z1 along the direction of each AU."""

import numpy as np
import torch
from matplotlib.cm import ScalarMappable
from torch import Tensor

from audetnet.disentangling.codes import Codes
from audetnet.disentangling.decoded_images import Decode, Images
from audetnet.disentangling.figures import Illustration, set_title
from audetnet.disentangling.image_grid import frame_names, image_grid
from audetnet.drawing import Figure
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices
from audetnet.networks.code import Code

STEPS = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Positions along an AU: 0 = the frame itself, 1 = the mean displacement of active frames."""
MOST_AUS = 12


def au_traversals(
    decode: Decode, codes: Codes, code: Code, au_names: tuple[str, ...]
) -> Illustration:
    """For the most frequent AUs a frame without the AU, moved in z1 along the AU's direction by
    STEPS, and what the last step changed. ``code`` is that of the N frames of ``codes``. AUs that
    are never, or always, active are left out.
    """
    counts = (codes.labels == 1).sum(axis=0)
    both = np.flatnonzero((counts > 0) & (codes.labels == 0).any(axis=0))
    aus = sorted(sorted(both.tolist(), key=lambda au: -counts[au])[:MOST_AUS])
    title = "Traversals of z1 along each AU, from inactive to active, with z2 fixed"
    if not aus:
        figure = Figure(figsize=(6, 1.5))
        set_title(figure, title, 6)
        text = "No AU is active in some frames and inactive in others."
        figure.text(0.5, 0.4, text, ha="center", fontsize=9)
        return Illustration(name="au_walks", title=title, caption=text, figure=figure)
    starts = [_start(code.z1, codes, au) for au in aus]
    images = []
    for au, start in zip(aus, starts, strict=True):
        step = au_direction(code.z1, codes.labels[:, au], codes.person)
        moved = torch.stack([code.z1[start] + t * step for t in STEPS])
        images.append(decode(moved, code.z2[[start] * len(STEPS)]))
    names = frame_names([codes.ids[start] for start in starts], [au_names[au] for au in aus])
    caption = (
        "Each row starts at t = 0 with the reconstruction of a frame in which the AU is inactive "
        "and moves its z1 along the mean difference between active and inactive frames of the same "
        "person (t = 1: all of that difference). Good: the muscle movement of the AU appears and "
        "nothing else (person, pose, light) changes, so that the last column, on the same scale in "
        "all rows, is bright only where the muscle moves the face."
    )
    return Illustration(
        name="au_walks", title=title, caption=caption, figure=_figure(title, names, images)
    )


def au_direction(z1: Tensor, labels: Array, person: Indices) -> Tensor:
    """The mean difference (Z1, h, w) between active and inactive frames of a person, averaged over
    the people who have both, or over all frames if nobody has. z1 (N, Z1, h, w), labels and person
    (N,); frames of both kinds must be there.
    """
    on, off = torch.from_numpy(labels == 1), torch.from_numpy(labels == 0)
    steps = [
        z1[on & own].mean(dim=0) - z1[off & own].mean(dim=0)
        for own in (torch.from_numpy(person == one) for one in np.unique(person))
        if (on & own).any() and (off & own).any()
    ]
    return torch.stack(steps).mean(dim=0) if steps else z1[on].mean(dim=0) - z1[off].mean(dim=0)


def _start(z1: Tensor, codes: Codes, au: int) -> int:
    """The frame to start from: the AU is inactive, few others are active, and it is close to the
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


def _figure(title: str, names: list[str], images: list[Images]) -> Figure:
    """Rows of images, and the absolute difference between t = 0 and the last step."""
    zero = STEPS.index(0.0)
    changes = [np.abs(row[-1].astype(float) - row[zero].astype(float)).mean(0) for row in images]
    largest = max(1.0, float(np.quantile(changes, 0.995)))
    columns = [*(f"t = {t:g}" for t in STEPS), f"change,\nt = 0 to {STEPS[-1]:g}"]
    rows = [(name, [*row, None]) for name, row in zip(names, images, strict=True)]
    axis_names = ("position t along the direction of the AU (no unit)", "AU, frame")
    figure, grid = image_grid(title, rows, columns, axis_names, gap=len(STEPS), right=0.85)
    for line, change in zip(grid, changes, strict=True):
        line[-1].imshow(change, cmap="magma", vmin=0, vmax=largest)
    width = figure.get_size_inches()[0]
    place = grid[0][-1].get_position()
    bar_axes = figure.add_axes((place.x1 + 0.1 / width, place.y0, 0.12 / width, place.height))
    mappable = ScalarMappable(cmap="magma")
    mappable.set_clim(0, largest)
    bar = figure.colorbar(mappable, cax=bar_axes, extend="max")
    bar.set_label("grey levels\n(of 255)", fontsize=7)
    bar.ax.tick_params(labelsize=7)
    return figure
