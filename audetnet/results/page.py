"""report.html: a single page that opens offline."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from audetnet.disentangling.figures import Illustration
from audetnet.drawing import figure_bytes
from audetnet.files.atomic import write_text
from audetnet.results.sheet import Sheet

_TEMPLATE = "page.html"


@dataclass(frozen=True, kw_only=True)
class Page:
    """Contents of the page: ``first`` goes above the figures, ``further`` below."""

    title: str
    facts: Mapping[str, str]
    notes: Sequence[str]
    first: Sequence[Sheet]
    figures: Sequence[Illustration]
    further: Sequence[Sheet]


def write_page(path: Path, page: Page) -> None:
    """Write the page atomically. Raises FileError."""
    template = files("audetnet.results").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    images = (figure_bytes(illustration.figure, "png") for illustration in page.figures)
    figures = [
        {"figure": illustration, "image": base64.b64encode(image).decode()}
        for illustration, image in zip(page.figures, images, strict=True)
    ]
    write_text(path, environment.from_string(template).render(page=page, figures=figures))
