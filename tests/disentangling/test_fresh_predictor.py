"""A fresh AUPredictor on blocks whose truth is known."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from audetnet.config.reader import read_config
from audetnet.data.frames import FrameSet
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.expressions import find_expressions
from audetnet.disentangling.measures.fresh_predictor import ROWS, measure
from audetnet.disentangling.table import Column, Findings, NotMeasuredError
from audetnet.disentangling.trained_run import TrainedRun
from audetnet.evaluation.people import Estimate
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import plan_model
from audetnet.vocabulary import VOCABULARY
from tests.disentangling.made_codes import own_networks

PEOPLE, FRAMES, AUS, Z1, CODE = 6, 40, 12, 16, 64
Make = Callable[..., TrainedRun]


def _frames(name: str, seed: int) -> FrameSet:
    numbers = np.random.default_rng(seed)
    subjects = tuple(f"{name}{row // FRAMES}" for row in range(PEOPLE * FRAMES))
    ids = tuple(f"{subject}_{row}" for row, subject in enumerate(subjects))
    labels = 3 * (numbers.random((len(ids), AUS)) < 0.4).astype(np.float32)
    return FrameSet(
        name=name, ids=ids, paths=tuple(map(Path, ids)), subjects=subjects, labels=labels
    )


def _code(frames: FrameSet, leak: float, seed: int) -> Tensor:
    """AUs in z1, and in z2 as far as they leak, in noise; the same mixing for all sets."""
    mixing = np.random.default_rng(7).normal(size=(AUS, CODE))
    mixing[:, Z1:] *= leak
    noise = np.random.default_rng(seed).normal(size=(len(frames), CODE))
    code = torch.tensor(frames.labels @ mixing / 3 + 0.3 * noise, dtype=torch.float32)
    return code.view(len(frames), CODE, 1, 1)


@pytest.fixture
def make(edited_cfg: Callable[..., Path]) -> Make:
    def run(leak: float = 0.0) -> TrainedRun:
        config = read_config(edited_cfg(), VOCABULARY)
        model = build_model(plan_model(config, (64, 64)), config.data, 0).eval()
        train, test = _frames("train", 0), _frames("test", 1)
        return TrainedRun(
            name="made",
            config=config,
            model=model,
            head=AUHead("BCEWithLogits", False, 2.0),
            device=torch.device("cpu"),
            active_from=2.0,
            train=train,
            test=test,
            train_code=Code(_code(train, leak, 2), Z1),
            test_code=Code(_code(test, leak, 3), Z1),
            test_pixels=np.zeros((len(test), 3, 64, 64), dtype=np.uint8),
        )

    return run


def _measured(run: TrainedRun) -> Findings:
    return measure(
        ColumnData(
            column=Column(run.name, "made", "run"),
            train=run.codes(of_training=True),
            test=run.codes(of_training=False),
            run=run,
            expressions=find_expressions(run.test, {}),
            au_names=tuple(f"AU{number}" for number in range(AUS)),
            networks=own_networks(AUS, PEOPLE),
            device=run.device,
            seed=0,
        )
    )


def _values(run: TrainedRun) -> dict[str, float]:
    cells = _measured(run).cells
    return {key: cell.value for key, cell in cells.items() if isinstance(cell, Estimate)}


def test_aus_in_z1_only(make: Make) -> None:
    values = _values(make())
    assert list(values) == [row.key for row in ROWS]
    assert values["fresh_z1_auc"] > 0.85 and values["fresh_z1_f1"] > 0.5
    assert values["fresh_z2_auc"] == pytest.approx(0.5, abs=0.06)
    assert values["fresh_leak"] == pytest.approx(0, abs=0.15)


@pytest.mark.slow
def test_aus_in_z2_as_well(make: Make) -> None:
    values = _values(make(leak=0.7))
    assert values["fresh_z2_auc"] > 0.8
    assert values["fresh_leak"] > 0.7


@pytest.mark.slow
def test_the_model_stays_as_it_is(make: Make) -> None:
    run = make()
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    first = _measured(run)
    assert all(torch.equal(run.model.state_dict()[name], before[name]) for name in before)
    assert not run.model.training
    torch.rand(2)
    assert _measured(run) == first


def test_unknown_labels_do_not_count(make: Make) -> None:
    run = make()
    run.train.labels[:, 0] = np.nan
    run.test.labels[::2] = np.nan
    assert _values(run)["fresh_z1_auc"] > 0.8


def test_an_architecture_that_fixes_its_width(make: Make) -> None:
    """The line of the block that does not take z2 is named; z1 is measured all the same."""
    run = make()
    text = run.config.text
    start = text.index("{AUPredictor}")
    fixed = text[start:].replace(
        "[connected]", f"[batch_norm]\nnum_features={Z1}\n\n[connected]", 1
    )
    run.config.path.write_text(text[:start] + fixed)
    run = replace(run, config=read_config(run.config.path, VOCABULARY))
    cells = _measured(run).cells
    for key in ("fresh_z2_auc", "fresh_z2_f1", "fresh_leak"):
        reason = str(cells[key])
        assert "cannot take the 48 channels of z2: " in reason
        assert re.search(r"edited\.cfg:\d+: \[batch_norm\]", reason)
    assert isinstance(cells["fresh_z1_auc"], Estimate)


def test_an_architecture_without_weights(make: Make) -> None:
    """A cfg whose encoder alone learns: there is no fresh AUPredictor to train."""
    run = make()
    text = run.config.text
    start, end = text.index("[connected]", text.index("{AUPredictor}")), text.index("{Decoder}")
    blocks = "[select_subset]\norigin_layer=-1\nstart_index=0\nend_index=12\n\n"
    run.config.path.write_text(text[:start] + blocks + text[end:])
    run = replace(run, config=read_config(run.config.path, VOCABULARY))
    cells = _measured(run).cells
    assert all("nothing to learn" in str(cells[row.key]) for row in ROWS)


def test_one_training_person(make: Make) -> None:
    run = make()
    alone = replace(run.train, subjects=("a",) * len(run.train))
    with pytest.raises(NotMeasuredError, match="at least 2 people"):
        _measured(replace(run, train=alone))
