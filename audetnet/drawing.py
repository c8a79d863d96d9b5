"""Shared by all figures. Names of people, AUs and runs are shown exactly as the user wrote them."""

import io
import warnings

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

__all__ = ["Figure", "figure_bytes", "legend_label", "plain_log_scale"]

_DOTS_PER_INCH = 130

matplotlib.rcParams["text.parse_math"] = False  # else "$a$" is a formula and "$\frac{$" an error
warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from")  # drawn as an empty box


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """The figure as the content of a ``png`` or ``pdf`` file."""
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=_DOTS_PER_INCH)
    return content.getvalue()


def plain_log_scale(axes: Axes) -> None:
    """A logarithmic y axis with plain tick labels (0.01, 1e-05) instead of formulas."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(LogFormatter())
    axes.yaxis.set_minor_formatter(LogFormatter())


def legend_label(name: str) -> str:
    """The name as a legend label; matplotlib skips labels that begin with an underscore."""
    return f" {name}" if name.startswith("_") else name
