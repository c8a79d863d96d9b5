"""``--init``: where initial weights come from, and what does not fit."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from audetnet.config.reader import read_config
from audetnet.errors import UserError
from audetnet.networks.model import AUDetNet, build_model
from audetnet.networks.model_plan import plan_model
from audetnet.training.initial_weights import initialise
from audetnet.vocabulary import VOCABULARY
from tests.training.conftest import start

AUS = tuple(f"AU{number}" for number in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26))
Edited = Callable[..., Path]


def _model(cfg: Path) -> AUDetNet:
    config = read_config(cfg, VOCABULARY)
    return build_model(plan_model(config, (64, 64)), config.data, 0)


def _saved(path: Path, state: dict[str, Tensor]) -> Path:
    torch.save(state, path)
    return path


def test_a_state_dict_is_loaded_and_mismatches_are_named(
    edited_cfg: Edited, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = _model(edited_cfg())
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first, second, third, *_ = (n for n, t in before.items() if t.is_floating_point())
    state = {name: tensor + 1 for name, tensor in before.items()}
    state[second] = torch.ones(7)
    del state[third]
    path = _saved(tmp_path / "other.pt", {**state, "head.bias": torch.ones(2)})
    initialise(model, path, AUS)
    after = model.state_dict()
    torch.testing.assert_close(after[first], before[first] + 1)
    for name in (second, third):
        torch.testing.assert_close(after[name], before[name])
    out, err = capsys.readouterr()
    assert sorted(err.splitlines()) == sorted(
        [
            f"{path}: {second} has shape (7,), expected {tuple(before[second].shape)}; it "
            "is initialised as in the cfg",
            f"{path}: {third} is missing; it is initialised as in the cfg",
            f"{path}: head.bias is not part of this cfg; it is ignored",
        ]
    )
    assert out == f"weights of {path}: {len(before) - 2} of {len(before)} tensors\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"nothing", "cannot be used with --init"),
        ([1], "expected a run directory, a checkpoint, or a dict of tensors"),
        ({"weight": torch.tensor(float("nan"))}, "weight is not finite"),
        ({"weight": torch.ones(1)}, "none of its 1 tensor fits this cfg"),
    ],
    ids=["no file", "no tensors", "a list", "not finite", "nothing fits"],
)
def test_unusable_files_are_one_line(
    content: object, message: str, edited_cfg: Edited, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(UserError, match=message):
        initialise(_model(edited_cfg()), path, AUS)


def test_aus_are_matched_by_name(
    edited_cfg: Edited, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkpoint of 13 AUs in another order, one of them not in the data, and without AU26."""
    model = _model(edited_cfg())
    rows = model.per_au_tensors()
    assert rows and all(name.startswith("predictor.") for name in rows)
    theirs = ("AU99", *reversed(AUS[:-1]), "AU43")
    state = {}
    for name, tensor in model.state_dict().items():
        numbers = torch.arange(len(theirs), dtype=tensor.dtype)
        shape = (len(theirs), *tensor.shape[1:])
        state[name] = (
            numbers.view(-1, *[1] * (tensor.ndim - 1)).expand(shape).clone()
            if name in rows
            else tensor
        )
    path = _saved(
        tmp_path / "theirs.pt", {"model": state, "description": json.dumps({"au_names": theirs})}
    )
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    initialise(model, path, AUS)
    for name in rows:
        after = model.state_dict()[name].flatten(1) if model.state_dict()[name].ndim > 1 else None
        first = model.state_dict()[name][:, None] if after is None else after
        assert first[:-1, 0].tolist() == [theirs.index(au) for au in AUS[:-1]]
        torch.testing.assert_close(model.state_dict()[name][-1], before[name][-1])
    assert capsys.readouterr().err == (
        f"{path}: has no AU26; their weights are initialised as in the cfg\n"
    )


@pytest.mark.slow
def test_a_run_starts_from_another_run_once(
    whole: Path, short_cfg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Later it resumes from its own checkpoint."""
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
