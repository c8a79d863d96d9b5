"""Names of people, AUs, frames and runs are shown unchanged in every figure."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from torch import nn

from audetnet.disentangling.codes import Codes
from audetnet.disentangling.decoded_images import exchange_matrix
from audetnet.disentangling.figures import Knowledge, code_maps, knowledge_map, row_intervals
from audetnet.disentangling.image_grid import frame_names
from audetnet.disentangling.table import Column, Row, Table
from audetnet.drawing import Figure
from audetnet.evaluation.evaluate import Samples
from audetnet.evaluation.people import Estimate
from audetnet.networks.code import Code
from audetnet.training.pictures import gradient_flow, sample_picture
from create_dataset.balancing.figures import balance_figures
from create_dataset.balancing.table import Balance
from tests.conftest import ROOT

NAMES = ("$\\frac{1$", "$x_1$", "_AU", "AU/12", "a\\$b$c", "表情")
"""An invalid formula, a valid one, a label legends skip, a path, escapes, missing glyphs."""


def _codes() -> Codes:
    numbers = np.random.default_rng(0)
    person = np.repeat(np.arange(len(NAMES)), 6)
    ids = tuple(f"{NAMES[one]}_{row}" for row, one in enumerate(person))
    labels = (numbers.random((len(person), len(NAMES))) < 0.5).astype(float)
    z1, z2 = numbers.normal(size=(2, len(person), 3))
    return Codes(ids=ids, people=NAMES, person=person, labels=labels, z1=z1, z2=z2)


def _table() -> Table:
    columns = tuple(Column(name, "", "run") for name in NAMES)
    row = Row(
        key="key",
        number=1,
        title=NAMES[0],
        unit=NAMES[1],
        chance="0.5",
        ideal="1",
        definition="",
        in_intervals=True,
    )
    return Table(
        rows=(row,),
        columns=columns,
        cells={name: {"key": Estimate(value=0.5)} for name in NAMES},
        factors={},
        notes=(),
    )


def _balance_figures() -> list[Figure]:
    numbers = np.random.default_rng(1)
    values = numbers.integers(0, 6, (120, len(NAMES))).astype(np.float32)
    balance = Balance(NAMES, (values >= 2).astype(np.float32), numbers.integers(0, 120, 900))
    drawings = balance_figures(balance, [NAMES[row % len(NAMES)] for row in range(120)], values)
    return [make() for _, make in drawings.values()]


def _figures() -> list[Figure]:
    knowledge = tuple(Knowledge(factor=name, group=name, z1=0.5, z2=0.5) for name in NAMES)
    pixels = np.zeros((len(NAMES), 3, 8, 8), dtype=np.uint8)
    code = Code(torch.zeros(len(NAMES), 2, 1, 1), 1)
    network = nn.Linear(2, 2)
    network(torch.ones(1, 2)).sum().backward()
    return [
        *_balance_figures(),
        code_maps(_codes(), NAMES).figure,
        *(knowledge_map(name, knowledge).figure for name in NAMES),
        row_intervals(_table()).figure,
        exchange_matrix(
            lambda z1, _: pixels[: len(z1)], code, pixels, frame_names(NAMES, NAMES)
        ).figure,
        gradient_flow("encoder", network, 1),  # type: ignore[arg-type]
    ]


@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_are_not_formulas_and_none_is_left_out() -> None:
    shown: set[str] = set()
    for figure in _figures():
        FigureCanvasAgg(figure).draw()
        figure.savefig(io.BytesIO(), format="pdf")
        texts = [text for text in figure.findobj(Text) if text.get_text()]
        assert not any(text.get_parse_math() for text in texts)
        assert not any("mathdefault" in text.get_text() for text in texts)
        shown |= {line.strip() for text in texts for line in text.get_text().splitlines()}
    assert set(NAMES) <= shown


def test_a_legend_leaves_nobody_out() -> None:
    legends = (axes.get_legend() for axes in code_maps(_codes(), NAMES).figure.axes)
    shown = {text.get_text().strip() for legend in legends if legend for text in legend.get_texts()}
    assert set(NAMES) <= shown


@pytest.mark.parametrize("name", [*NAMES, "a\nb", "\u202eid", "😀", "", "x" * 5000])
def test_a_frames_id_may_hold_anything(name: str) -> None:
    frames = np.zeros((1, 3, 16, 16), dtype=np.uint8)
    picture = sample_picture(Samples((name,), frames, frames), 1)
    assert picture.ndim == 3 and np.ptp(picture) > 0


def test_a_missing_glyph_is_no_warning() -> None:
    code = (
        "from audetnet.drawing import Figure\n"
        "figure = Figure()\nfigure.suptitle('表情')\nfigure.canvas.draw()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
