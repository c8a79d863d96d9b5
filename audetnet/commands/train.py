"""``python train.py``: from a cfg file and a dataset directory to a trained, evaluated and saved
network.
"""

import argparse
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.arguments import command_parser, natural
from audetnet.commands.dataset_flags import add_dataset_flags, cache_of, dataset_of
from audetnet.commands.device_flag import add_device_flag, chosen_device
from audetnet.console import say
from audetnet.errors import UserError, exit_status

if TYPE_CHECKING:
    import torch

    from audetnet.config.options import Config
    from audetnet.data.frames import Dataset
    from audetnet.networks.model import ModelPlan

_DEFAULT_FRAME_SIZE = (256, 256)
"""What --describe assumes where neither the cfg nor the data say it: the size of the usual DISFA
and BP4D crops.
"""
_EXAMPLE = """  python train.py --cfg cfg/minimal.cfg --data minimal_dataset
The same command goes on with a run that was stopped or killed."""
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        "train.py", "Train AUDetNet from a cfg file on a dataset directory.", _EXAMPLE
    )
    flags.add_argument("--cfg", type=Path, required=True, help="architecture and options")
    flags.add_argument("--data", type=Path, help="dataset directory (not needed by --describe)")
    flags.add_argument(
        "--describe", action="store_true", help="print each network as a table and stop"
    )
    flags.add_argument(
        "--run",
        type=Path,
        help="run directory (default: runs/CFGNAME, with --fold runs/CFGNAME-fold-FOLD)",
    )
    flags.add_argument(
        "--seed", type=natural, default=0, help="seed of everything that is drawn (default: 0)"
    )
    add_device_flag(flags)
    flags.add_argument(
        "--bf16",
        action="store_true",
        help="main networks in bfloat16 autocast; critics stay float32",
    )
    flags.add_argument(
        "--max-time", type=_seconds, metavar="TIME", help="save and stop after e.g. 90s, 45m, 3h30m"
    )
    flags.add_argument(
        "--save-every",
        type=natural,
        default=10,
        metavar="K",
        help="keep every K-th epoch's checkpoint; 0: none",
    )
    flags.add_argument(
        "--data-on-device",
        choices=("auto", "on", "off"),
        default="auto",
        help="all frames in the device's memory (auto: on a GPU that has room for them)",
    )
    add_dataset_flags(flags)
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    if arguments.data is None and not arguments.describe:
        parser().error("--data is needed to train (or --describe to look at the networks)")
    if arguments.describe:
        return exit_status(lambda: _describe(arguments))
    limit = arguments.max_time
    deadline = None if limit is None else time.monotonic() + limit
    return exit_status(lambda: _train(arguments, deadline))


def _describe(arguments: argparse.Namespace) -> int:
    from audetnet.config.reader import read_config
    from audetnet.networks.blocks import BUILDERS
    from audetnet.networks.description import describe
    from audetnet.networks.model import plan_model

    config = read_config(arguments.cfg, BUILDERS)
    size = config.data.frame_size
    if size is None and arguments.data is not None:
        size = dataset_of(arguments, config.data).first_image_size()
    if size is None:
        size = _DEFAULT_FRAME_SIZE
        _note(
            f"{arguments.cfg}: no image_size and no --data: assuming frames of {size[0]}x{size[1]}"
        )
    model = plan_model(config, size)
    for warning in (*config.warnings, *model.warnings):
        _note(warning)
    say(describe(model))
    return 0


def _train(arguments: argparse.Namespace, deadline: float | None) -> int:
    from audetnet.config.reader import read_config
    from audetnet.networks.blocks import BUILDERS
    from audetnet.networks.model import check_au_count, plan_model

    config = read_config(arguments.cfg, BUILDERS)
    device = chosen_device(arguments.device)
    dataset = dataset_of(arguments, config.data)
    plan = plan_model(config, config.data.frame_size or dataset.first_image_size())
    check_au_count(config, plan, dataset.au_names)
    for line in (*config.warnings, *plan.warnings, *dataset.notes):
        _note(line)
    return _run(arguments, config, plan, dataset, device, deadline)


def _run(
    arguments: argparse.Namespace,
    config: "Config",
    plan: "ModelPlan",
    dataset: "Dataset",
    device: "torch.device",
    deadline: float | None,
) -> int:
    import torch

    from audetnet.data.cache import content_digest, pack
    from audetnet.networks.model import build_model
    from audetnet.training.checkpoint import load_checkpoint
    from audetnet.training.identity import check_identity, run_description, run_identity
    from audetnet.training.lock import locked
    from audetnet.training.logs import RunDirectory
    from audetnet.training.settings import RunSettings
    from audetnet.training.trainer import Trainer

    images = dataset.images()
    paths = RunDirectory(arguments.run or Path("runs") / _run_name(arguments))
    frame_size = plan.image[1:]
    identity = run_identity(
        config, dataset, content_digest(images), frame_size, arguments.seed, arguments.bf16
    )
    with locked(paths.root):
        checkpoint = load_checkpoint(paths.latest) if paths.latest.is_file() else None
        if checkpoint is not None:
            check_identity(checkpoint.identity, identity, str(paths.root))
        model = build_model(plan, config.data, arguments.seed)
        if checkpoint is None:
            model.load_pretrained()
        resize = config.data.frame_size is not None
        packed = pack(images, frame_size, resize, cache_of(arguments))
        settings = RunSettings(
            paths.root,
            arguments.seed,
            device,
            arguments.bf16,
            arguments.save_every,
            deadline,
            arguments.data_on_device,
        )
        description = run_description(config, dataset, frame_size)
        trainer = Trainer(config, model, dataset, packed, settings, identity, description)
        if checkpoint is not None:
            trainer.restore(checkpoint)
        paths.record(config, identity)
        _announce(config, dataset, paths.root, device, checkpoint is not None)
        try:
            trainer.run()
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"{config.path}: the memory of {device} is full with "
                f"batch_size={config.training.batch_size}: lower it"
            ) from error
    return 0


def _run_name(arguments: argparse.Namespace) -> str:
    name: str = arguments.cfg.stem
    return name if arguments.fold is None else f"{name}-fold-{arguments.fold}"


def _announce(
    config: "Config", dataset: "Dataset", run: Path, device: "torch.device", resumed: bool
) -> None:
    sets = ", ".join(
        f"{len(s)} {s.name} frames of {len(set(s.subjects))} subjects" for s in dataset.sets()
    )
    say(f"{config.path} on {device}: {sets}, {len(dataset.au_names)} AUs ({dataset.kind})")
    say(
        f"run directory {run}: {'going on from its last checkpoint' if resumed else 'new run'}",
    )


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise argparse.ArgumentTypeError(f"expected a time such as 90s, 45m or 3h30m, not '{text}'")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)
