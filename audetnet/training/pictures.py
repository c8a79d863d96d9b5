"""Pictures of a run: reconstructions, gradient flow, curves. Returns arrays and figures, writes no
files.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from audetnet.drawing import Figure, plain_log_scale
from audetnet.evaluation.evaluate import Samples
from audetnet.evaluation.metrics import metric_title
from audetnet.networks.graph import Graph
from audetnet.training.records import shown_metrics

Picture = npt.NDArray[np.uint8]
"""RGB (height, width, 3)."""
_MARGIN, _LABEL = 6, 110
_MIN_TILE = 128


def sample_picture(samples: Samples, epoch: int) -> Picture:
    """Originals above their reconstructions, with frame ids and row titles."""
    height, width = samples.originals.shape[2:]
    scale = max(1, -(-_MIN_TILE // min(height, width)))
    tile_h, tile_w = height * scale, width * scale
    top = 44
    size = (
        _LABEL + len(samples.ids) * (tile_w + _MARGIN),
        top + 2 * (tile_h + _MARGIN),
    )
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(14)
    draw.text(
        (_MARGIN, 4), f"Test frames and their reconstructions after epoch {epoch}", "black", font
    )
    for row, (name, frames) in enumerate(
        (("original", samples.originals), ("reconstruction", samples.reconstructions))
    ):
        y = top + row * (tile_h + _MARGIN)
        draw.text((_MARGIN, y + tile_h // 2 - 8), name, "black", font)
        for column, frame in enumerate(frames):
            tile = Image.fromarray(frame.transpose(1, 2, 0)).resize(
                (tile_w, tile_h), Image.Resampling.NEAREST
            )
            canvas.paste(tile, (_LABEL + column * (tile_w + _MARGIN), y))
    for column, frame_id in enumerate(samples.ids):
        draw.text((_LABEL + column * (tile_w + _MARGIN), top - 19), frame_id, "black", font)
    return np.asarray(canvas)


def gradient_flow(name: str, network: Graph, epoch: int) -> Figure:
    """Mean and largest absolute gradient of every weight in the last step of an epoch."""
    layers = {
        label.removeprefix("blocks."): parameter.grad.detach().abs()
        for label, parameter in network.named_parameters()
        if parameter.grad is not None
    }
    width, height = max(6.0, 0.28 * len(layers) + 2), 4.6
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.9 / width, 1.5 / height, 1 - 1.1 / width, 2.3 / height))
    positions = np.arange(len(layers))
    axes.bar(positions, [float(g.max()) for g in layers.values()], color="#c6dbef", label="largest")
    axes.bar(positions, [float(g.mean()) for g in layers.values()], color="#2171b5", label="mean")
    axes.set_xticks(positions, list(layers), rotation=90, fontsize=7)
    plain_log_scale(axes)
    axes.set_xlabel("parameter (block.layer.name)")
    axes.set_ylabel("absolute gradient")
    title = f"Gradient flow: {name.replace('_', ' ')}, last step of epoch {epoch}"
    axes.set_title(title, loc="left", pad=24)
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure


def curves(history: list[dict[str, Any]]) -> Figure:
    """Training, validation and test losses, and mean metrics, over epochs."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    losses, metrics = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in history]
    evaluated = [name for name in ("validation", "test") if name in history[-1]]
    for term, colour in (("au", "C0"), ("reconstruction", "C1")):
        _line(
            losses,
            epochs,
            [r["train"].get(f"{term}_loss") for r in history],
            f"{term}, train",
            colour,
            "-",
        )
        for name, style in zip(evaluated, ("--", ":"), strict=False):
            _line(
                losses,
                epochs,
                [r[name]["loss"][term] for r in history],
                f"{term}, {name}",
                colour,
                style,
            )
    losses.set(xlabel="epoch", ylabel="loss", title="Losses (lower is better)")
    for index, metric in enumerate(shown_metrics(history[-1]["test"])):
        for name, style in zip(evaluated, ("--", ":"), strict=False):
            values = [record[name]["mean"].get(metric) for record in history]
            _line(metrics, epochs, values, f"{metric_title(metric)}, {name}", f"C{index}", style)
    metrics.set(xlabel="epoch", ylabel="mean over AUs", title="Metrics (higher is better)")
    for axes in (losses, metrics):
        axes.legend(fontsize=8, framealpha=0.6)
        axes.grid(alpha=0.3)
    return figure


def _line(
    axes: Any, epochs: list[int], values: list[float | None], label: str, colour: str, style: str
) -> None:
    numbers = [np.nan if value is None else value for value in values]
    axes.plot(
        epochs, numbers, style, color=colour, label=label, marker="." if len(epochs) < 30 else None
    )
