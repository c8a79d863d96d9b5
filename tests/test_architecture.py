"""docs/architecture.md is true: its map is the house, its files are there, its examples run."""

import json
import re
import sys
from collections.abc import Callable, Iterator, MutableMapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from audetnet.commands.train import main as train
from audetnet.data.metadata import read_metadata
from audetnet.data.tables import read_labels
from audetnet.disentangling.analysis import analyse
from audetnet.disentangling.measure import MEASURES
from audetnet.evaluation.metrics import METRICS
from audetnet.evaluation.people import Estimate
from audetnet.networks.au_losses import AU_LOSSES
from audetnet.networks.blocks.block import BUILDERS
from audetnet.objectives.objective import OBJECTIVES
from tests.conftest import ROOT
from tests.disentangling.made_codes import WIDTHS, made_data
from tests.pages import ARCHITECTURE, README
from tests.test_imports import LAYERS, SCRIPT_LAYERS
from tests.training.conftest import QUICK

REGISTRIES: dict[str, MutableMapping[str, Any]] = {
    "block": BUILDERS,
    "AU loss": AU_LOSSES,
    "objective": OBJECTIVES,
    "metric": METRICS,
    "row to the report": MEASURES,
}
"""What decorated examples register in, by the title of their section."""
SECTIONS = dict(re.findall(r"^## Add an? (.+?)\n(.*?)(?=^## |\Z)", ARCHITECTURE, re.M | re.S))
"""The text that says how to add a thing, by its name."""


def _example(thing: str, language: str = "python") -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", SECTIONS[thing], re.M | re.S)
    return str(code)


def _module_name(thing: str) -> str:
    return f"example_of_{thing.replace(' ', '_')}"


def _imported(thing: str, directory: Path) -> ModuleType:
    """The module of a section."""
    name = _module_name(thing)
    path = directory / f"{name}.py"
    path.write_text(_example(thing))
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def added(tmp_path: Path) -> Iterator[dict[str, str]]:
    """All decorated examples, by the name under which each is known while the test runs."""
    names: dict[str, str] = {}
    try:
        for thing, registry in REGISTRIES.items():
            before = set(registry)
            _imported(thing, tmp_path)
            (names[thing],) = registry.keys() - before
        yield names
    finally:
        for thing, name in names.items():
            del REGISTRIES[thing][name]
            del sys.modules[_module_name(thing)]


@pytest.mark.parametrize(
    ("package", "layers"), [("audetnet", LAYERS), ("create_dataset", SCRIPT_LAYERS)]
)
def test_the_map_lists_every_package_in_its_layer(package: str, layers: dict[str, int]) -> None:
    head = f"| layer | package of `{package}/` |"
    (table,) = [part for part in ARCHITECTURE.split("\n\n") if part.startswith(head)]
    rows = re.findall(r"^\| (\d) \| (.+?) \|", table, re.M)
    listed = {name: int(layer) for layer, cell in rows for name in re.findall(r"`(\w+)`", cell)}
    assert listed == layers


def test_every_file_that_is_named_is_there() -> None:
    examples = {_example(thing).splitlines()[0] for thing in SECTIONS}
    text = re.sub(r"^```.*?^```$", "", ARCHITECTURE, flags=re.M | re.S)
    named = set(re.findall(r"`((?:audetnet|create_dataset|tests)/[\w/.]*)`", text))
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert [e for e in examples if not (ROOT / e.removeprefix("# ")).parent.is_dir()] == []


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/architecture.md)" in README


def test_what_a_cfg_may_name_is_trained_with(
    added: dict[str, str], edited_cfg: Callable[..., Path], tmp_path: Path
) -> None:
    """A run of cfg/minimal.cfg with every example in it."""
    cfg = edited_cfg(
        *QUICK,
        ("[avgpool]", f"{_example('block', 'cfg')}\n[avgpool]"),
        ("au_regression_loss_function=BCEWithLogits\n", _example("AU loss", "cfg")),
    )
    no_lambdas = re.sub(r"^\w*(_lambda|construction_loss).*\n", "", cfg.read_text(), flags=re.M)
    networks, _ = no_lambdas.split("{Discriminator}")
    cfg.write_text(networks + _example("objective", "cfg"))
    data, run = ROOT / "minimal_dataset", tmp_path / "run"
    flags = ["--cfg", str(cfg), "--data", str(data), "--run", str(run), "--device", "cpu"]
    assert train([*flags, "--cache", str(tmp_path / "cache")]) == 0
    options = json.loads((run / "options.json").read_text())["cfg"]
    blocks = [block["type"] for block in options["networks"]["Encoder"]["blocks"]]
    assert added["block"] in blocks
    assert options["loss"]["au_regression_loss_function"] == added["AU loss"]
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert records[-1]["train"][added["objective"]] > 0
    assert added["metric"] in records[-1]["test"]["mean"]


def test_a_row_is_in_the_report(added: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    name = added["row to the report"]
    for other in MEASURES.keys() - {name}:
        monkeypatch.delitem(MEASURES, other)
    monkeypatch.setattr("audetnet.disentangling.measures.__path__", [])
    subject = made_data("independent", people=4, frames=20)
    table = analyse([subject], ())
    (row,) = table.rows
    cell = table.cells[subject.column.name][row.key]
    assert isinstance(cell, Estimate)
    assert 1 < cell.low <= cell.value < WIDTHS[1]
    assert cell.low < cell.high


def test_a_dataset_becomes_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = _imported("dataset", tmp_path)
    raw, out = tmp_path / "labels", tmp_path / "smiles"
    raw.mkdir()
    (raw / "anna.txt").write_text("1 0 5\n2 - 3\n")
    (raw / "ben.txt").write_text("1 2 0\n")
    assert script.main([str(raw), str(out)]) == 0
    table = read_labels(out / "aus.csv", read_metadata(out).kind)
    assert table.names == ("AU6", "AU12") and table.kind == "intensity"
    np.testing.assert_array_equal(table.rows["anna_2"], [np.nan, 3])
    (raw / "ben.txt").write_text("1 2\n")
    (raw / "anna.txt").write_text("1 0 7\n")
    capsys.readouterr()
    assert script.main([str(raw), str(tmp_path / "other")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0] for line in lines[:2]] == [
        f"{raw / n}:1" for n in ("anna.txt", "ben.txt")
    ]
    assert not (tmp_path / "other").exists()
