"""``--init``: what a run starts from, and what does not fit."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from audetnet.config.reader import read_config
from audetnet.errors import UserError
from audetnet.networks.model import AUDetNet, build_model, plan_model
from audetnet.training.initial_weights import initialise
from audetnet.vocabulary import VOCABULARY
from tests.training.conftest import start

Edited = Callable[..., Path]


def _model(cfg: Path) -> AUDetNet:
    config = read_config(cfg, VOCABULARY)
    return build_model(plan_model(config, (64, 64)), config.data, 0)


def _saved(path: Path, state: dict[str, Tensor]) -> Path:
    torch.save(state, path)
    return path


def test_a_state_dict_is_taken_over_and_what_does_not_fit_is_named(
    edited_cfg: Edited, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = _model(edited_cfg())
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first, second, third, *_ = (n for n, t in before.items() if t.is_floating_point())
    state = {name: tensor + 1 for name, tensor in before.items()}
    state[second] = torch.ones(7)
    del state[third]
    path = _saved(tmp_path / "other.pt", {**state, "head.bias": torch.ones(2)})
    initialise(model, path)
    after = model.state_dict()
    torch.testing.assert_close(after[first], before[first] + 1)
    for name in (second, third):
        torch.testing.assert_close(after[name], before[name])
    out, err = capsys.readouterr()
    assert sorted(err.splitlines()) == sorted(
        [
            f"{path}: {second} has the shape (7,), expected {tuple(before[second].shape)}; it "
            "starts as the cfg says",
            f"{path}: {third} is missing; it starts as the cfg says",
            f"{path}: head.bias is not of this cfg; it is left out",
        ]
    )
    assert out == f"weights of {path}: {len(before) - 2} of {len(before)} tensors\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"nothing", "cannot be started from"),
        ([1], "expected a run directory, a checkpoint, or a dict of tensors"),
        ({"weight": torch.tensor(float("nan"))}, "weight is not finite"),
        ({"weight": torch.ones(1)}, "none of its 1 tensor fits this cfg"),
    ],
    ids=["no file", "no tensors", "a list", "not finite", "nothing fits"],
)
def test_what_cannot_be_started_from_is_a_line(
    content: object, message: str, edited_cfg: Edited, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(UserError, match=message):
        initialise(_model(edited_cfg()), path)


@pytest.mark.slow
def test_a_run_starts_from_another_run_once(
    whole: Path, short_cfg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it goes on from later is its own checkpoint."""
    run = tmp_path / "next"
    flags = ("--seed", "5", "--init", str(whole))
    assert start(short_cfg, run, *flags, "--max-time", "0s") == 0
    first = torch.load(run / "checkpoints" / "latest.pt", weights_only=True)["model"]
    reported = torch.load(whole / "checkpoints" / "latest.pt", weights_only=True)["model"]
    said = f"weights of {whole / 'checkpoints' / 'latest.pt'}: "
    assert said in capsys.readouterr().out
    learnt = [n for n in reported if n.startswith("encoder.") and n.endswith(".weight")]
    assert learnt, "the first batch teaches the critics only"
    assert all(torch.equal(first[name], reported[name]) for name in learnt)
    assert json.loads((run / "options.json").read_text())["init"] == str(whole)
    assert start(short_cfg, run, "--seed", "5", "--max-time", "0s") == 2
    assert f"init={whole}, now it is None" in capsys.readouterr().err
    assert start(short_cfg, run, *flags) == 0
    assert said not in capsys.readouterr().out
