"""The shipped network: what its file holds, and that commands use it where no run is named."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

from audetnet import load
from audetnet.commands.evaluate import main as evaluate
from audetnet.commands.predict import main as predict
from audetnet.commands.train import main as train
from audetnet.recogniser import CHECKPOINT, MODEL_CARD, NAME
from tests.conftest import ROOT

pytest.importorskip("timm")
CARD = MODEL_CARD.read_text()
MOST_BYTES = 5_000_000


def test_the_file_is_small_and_names_no_place() -> None:
    assert CHECKPOINT.stat().st_size < MOST_BYTES
    description = torch.load(CHECKPOINT, weights_only=True)["description"]
    for place in ("/home", "/root", "/tmp", "/work", "/Users", ":\\\\"):
        assert place not in description
    assert not torch.load(CHECKPOINT, weights_only=True)["optimisers"]


def test_the_card_has_a_row_for_every_au() -> None:
    names = json.loads(torch.load(CHECKPOINT, weights_only=True)["description"])["au_names"]
    rows = [line.split("|")[1].strip() for line in CARD.splitlines() if re.match(r"\| AU\d", line)]
    assert rows[: len(names)] == names
    for part in ("Not for decisions about people", "rendered faces only", "MIT", "Apache 2.0"):
        assert part in CARD


def test_predict_uses_it_where_no_run_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, out = ROOT / "minimal_dataset" / "imgs" / "SN001_0.jpg", tmp_path / "aus.csv"
    assert predict([str(photo), "--out", str(out), "--aligned"]) == 0
    assert "rendered faces only" in capsys.readouterr().err
    table = pd.read_csv(out)
    assert len([name for name in table if name.endswith("_r")]) == 22
    named = tmp_path / "named.csv"
    assert predict([NAME, str(photo), "--out", str(named), "--aligned"]) == 0
    assert named.read_text() == out.read_text()


def test_without_timm_the_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = ROOT / "minimal_dataset" / "imgs" / "SN001_0.jpg"
    monkeypatch.setitem(sys.modules, "timm", None)
    assert predict([str(photo), "--out", str(tmp_path / "aus.csv"), "--aligned"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "[timm] needs timm: pip install -e '.[stems]'" in line and "damaged" not in line


def test_it_ranks_rendered_faces() -> None:
    """Those of minimal_dataset: rendered with another seed, framed otherwise."""
    labels = pd.read_csv(ROOT / "minimal_dataset" / "aus.csv", index_col=0)
    paths = [ROOT / "minimal_dataset" / "imgs" / f"{name}.jpg" for name in labels.index]
    table = load(device="cpu").predict(paths, aligned=True).to_frame()
    said = np.stack([table[f"AU{int(au[2:]):02}_r"].astype(float) for au in labels])
    assert spearmanr(said.ravel(), labels.to_numpy().T.ravel()).statistic > 0.4


def test_training_starts_from_it_by_the_names_of_aus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = tmp_path / "own.cfg"
    text = (ROOT / "cfg" / "recogniser.cfg").read_text()
    text = text.replace("output_features=22", "output_features=12")
    text = text.replace("channels=22", "channels=12").replace("channels=30", "channels=20")
    cfg.write_text(text)
    data, run = ROOT / "minimal_dataset", tmp_path / "run"
    flags = ["--cfg", str(cfg), "--data", str(data), "--run", str(run), "--init", NAME]
    assert train([*flags, "--cache", str(tmp_path / "cache"), "--device", "cpu"]) == 0
    shipped = torch.load(CHECKPOINT, weights_only=True)
    own = torch.load(run / "checkpoints" / "latest.pt", weights_only=True)
    aus = [json.loads(each["description"])["au_names"] for each in (shipped, own)]
    (name,) = [key for key, value in shipped["model"].items() if value.shape == (22, 256 * 49)]
    theirs, ours = shipped["model"][name], own["model"][name]
    for row, au in enumerate(aus[1]):
        start = theirs[aus[0].index(au)]
        assert torch.cosine_similarity(ours[row], start, dim=0) > 0.5


def test_evaluate_takes_its_name_and_writes_below_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    package = set(CHECKPOINT.parent.iterdir())
    assert evaluate([NAME, "--data", str(ROOT / "minimal_dataset")]) == 0
    assert (tmp_path / "runs" / NAME / "evaluation-rendered_faces" / "results.json").is_file()
    assert set(CHECKPOINT.parent.iterdir()) == package
