"""What counts as the same run: options newer than the run count as their defaults."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from audetnet.config.binding import Side
from audetnet.config.reader import parse_config
from audetnet.errors import UserError
from audetnet.networks.blocks.block import BUILDERS
from audetnet.networks.blocks.pooling import avgpool
from audetnet.networks.shapes import Shape
from audetnet.training.identity import check_identity
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import cfg_text
from tests.training.conftest import QUICK, assert_same_bits, start

RUN = Path("run")


def _identity() -> dict[str, Any]:
    config = parse_config(cfg_text(), "a.cfg", VOCABULARY)
    digests = {"digest_of_ids_and_labels": "a", "digest_of_images": "b"}
    plain: dict[str, Any] = json.loads(json.dumps({"cfg": config.resolved(), **digests}))
    return plain


@pytest.mark.parametrize("old", [True, False], ids=["an older run", "a newer run"])
@pytest.mark.parametrize(
    ("place", "key", "default", "changed", "named"),
    [
        (("training",), "train_main_net_every_n_batches", 1, 7, "cfg.training.train_main_net"),
        (("data",), "mean", None, [1, 2, 3], "cfg.data.mean"),
        (("loss",), "gradient_loss_lambda_discr", None, 3, "cfg.loss.gradient_loss_lambda_discr"),
        (("networks", "Encoder", "blocks", 0), "pad", 0, 5, "cfg.networks.Encoder.blocks[0].pad"),
        (("objectives", 1), "ramp_epochs", 0, 5, "cfg.objectives[1].ramp_epochs"),
    ],
    ids=["training", "data", "loss", "block", "objective"],
)
def test_an_option_missing_on_one_side_has_its_default(
    place: tuple[str | int, ...], key: str, default: object, changed: object, named: str, old: bool
) -> None:
    whole, lacking = _identity(), _identity()

    def options(identity: dict[str, Any]) -> dict[str, Any]:
        found: Any = identity["cfg"]
        for name in place:
            found = found[name]
        assert isinstance(found, dict)
        return found

    options(whole)[key] = default
    options(lacking).pop(key, None)
    pair = (lacking, whole) if old else (whole, lacking)
    before = copy.deepcopy(pair)
    check_identity(*pair, RUN)
    assert pair == before
    options(whole)[key] = changed
    with pytest.raises(UserError) as error:
        check_identity(*pair, RUN)
    assert named in str(error.value) and "started with" in str(error.value)


def _avgpool(
    source: Shape,
    *,
    pool_size: Side,
    stride: Side,
    edges: tuple[Side, Side] | None = (1, 1),
) -> nn.Module:
    """The same with one more option."""
    return avgpool(source, pool_size=pool_size, stride=stride)


def test_a_new_option_does_not_prevent_resuming(
    quick_cfg: Path,
    edited_cfg: Callable[..., Path],
    tmp_path: Path,
    stop_after: Callable[[int | None], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its results equal those of a run that never stopped; with another value it is another run."""
    stop_after(None)
    start(quick_cfg, tmp_path / "whole")
    stop_after(3)
    start(quick_cfg, tmp_path / "run")
    monkeypatch.setitem(BUILDERS, "avgpool", _avgpool)
    stop_after(None)
    pool = "[avgpool] # 64x1x1\n"
    changed = edited_cfg(*QUICK, (pool, f"{pool}edges=1,2\n"), name="changed.cfg")
    assert start(changed, tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "cfg.networks.Encoder.blocks[3].edges[1]=1, now it is 2" in line
    said = edited_cfg(*QUICK, (pool, f"{pool}edges=1,1\n"), name="said.cfg")
    assert start(said, tmp_path / "run") == 0
    latest = Path("checkpoints") / "latest.pt"
    assert_same_bits(tmp_path / "whole" / latest, tmp_path / "run" / latest)
