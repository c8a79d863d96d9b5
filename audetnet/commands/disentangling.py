"""``python test_disentangling.py``: from a trained run to what its z1 and z2 know."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.arguments import command_parser, names, natural, positive
from audetnet.commands.dataset_flags import add_dataset_flags, dataset_of
from audetnet.commands.device_flag import add_device_flag, chosen_device
from audetnet.console import say
from audetnet.errors import UserError, exit_status

if TYPE_CHECKING:
    import torch

    from audetnet.config.options import Config
    from audetnet.data.frames import Dataset, FrameSet
    from audetnet.disentangling.run import TrainedRun
    from audetnet.networks.au_head import AUHead
    from audetnet.networks.model import AUDetNet, ModelPlan
    from audetnet.training.checkpoint import Checkpoint

_EXAMPLE = """  python test_disentangling.py runs/discriminator --data disfa --fold 1
  python test_disentangling.py runs/a --data faces --compare runs/a_no_discriminator"""
_FRAMES = 4000


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        "test_disentangling.py",
        "Measure what z1 and z2 of a trained run know of AUs, identity, pose and light, on people "
        "whom it was not trained on.",
        _EXAMPLE,
    )
    flags.add_argument(
        "run", type=Path, metavar="RUN", help="run directory (its latest checkpoint), or checkpoint"
    )
    flags.add_argument("--data", type=Path, required=True, help="dataset directory of the run")
    flags.add_argument(
        "--compare",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="other runs on the same data, e.g. without the Discriminator, as further columns",
    )
    flags.add_argument(
        "--out", type=Path, help="where to write (default: RUN/disentangling, of a checkpoint "
        "RUN/disentangling-CHECKPOINT)"
    )
    flags.add_argument(
        "--frames",
        type=positive,
        default=_FRAMES,
        metavar="N",
        help=f"at most N training and N test frames, equal for all people (default: {_FRAMES})",
    )
    flags.add_argument(
        "--factors",
        metavar="FILE",
        help="table of known factors in --data: frame id, numbers (default: factors.csv, else the "
        "head rotation in frames.csv)",
    )
    flags.add_argument(
        "--factor-columns", type=names, metavar="A,B", help="its columns (default: all numbers)"
    )
    flags.add_argument(
        "--seed", type=natural, default=0, help="seed of everything that is drawn (default: 0)"
    )
    add_device_flag(flags)
    add_dataset_flags(flags)
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    return exit_status(lambda: _test(arguments))


@dataclass(frozen=True)
class _Saved:
    """A checkpoint and what rebuilds its model."""

    name: str
    path: Path
    checkpoint: "Checkpoint"
    config: "Config"
    plan: "ModelPlan"

    def model(self, seed: int, trained: bool) -> "AUDetNet":
        from audetnet.networks.model import build_model

        model = build_model(self.plan, self.config.data, seed)
        if trained:
            model.load_state_dict(self.checkpoint.model)
        return model

    def head(self) -> "AUHead":
        from audetnet.networks.au_head import AUHead

        return AUHead(
            self.config.loss.au_regression_loss_function,
            self.config.data.regress_au_intensities,
            self.checkpoint.description["active_from"],
        )


def _test(arguments: argparse.Namespace) -> int:
    from audetnet.disentangling.analysis import analyse
    from audetnet.disentangling.codes import equal_sample
    from audetnet.disentangling.factor_table import find_factors
    from audetnet.disentangling.report import Heading, write_report
    from audetnet.disentangling.analysis import Request
    from audetnet.disentangling.judge import trained_judge
    from audetnet.disentangling.illustrations import illustrate

    device = chosen_device(arguments.device)
    saved = _load_all([arguments.run, *arguments.compare])
    dataset = _dataset(arguments, saved)
    factors = find_factors(arguments.data, arguments.factors, arguments.factor_columns)
    ...
    return 0
