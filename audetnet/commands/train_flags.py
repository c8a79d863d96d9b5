"""The flags of ``audetnet train``."""

import argparse
import re
from pathlib import Path

from audetnet.commands.dataset_flags import add_dataset_flags
from audetnet.commands.device_flag import add_device_flag
from audetnet.console.arguments import command_parser, natural
from audetnet.recogniser import NAME

_EXAMPLE = """  audetnet train --cfg cfg/minimal.cfg --data minimal_dataset
Run the same command again to resume a run that was stopped or killed."""
_MAX_HOURS = 10_000
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        "audetnet train", "Train AUDetNet from a cfg file on a dataset directory.", _EXAMPLE
    )
    flags.add_argument("--cfg", type=Path, required=True, help="architecture and options")
    flags.add_argument(
        "--data",
        type=Path,
        help="dataset directory (default: none; only --describe works without)",
    )
    flags.add_argument(
        "--describe", action="store_true", help="print each network as a table and stop"
    )
    flags.add_argument(
        "--run",
        type=Path,
        help="run directory (default: runs/CFGNAME, with --fold runs/CFGNAME-fold-FOLD)",
    )
    flags.add_argument(
        "--overwrite",
        action="store_true",
        help="delete the run in the run directory and start over",
    )
    flags.add_argument(
        "--seed", type=natural, default=0, help="seed of all random numbers (default: 0)"
    )
    flags.add_argument(
        "--init",
        type=Path,
        metavar="RUN|FILE",
        help="start from the weights of a run (its reported epoch), a checkpoint, a state dict, or "
        f"the shipped network ({NAME}). AUs are matched by name; a [ridge] is fitted to what the "
        "initial weights leave unexplained; notes name tensors that do not fit (default: random "
        "weights)",
    )
    _add_machine_flags(flags)
    add_dataset_flags(flags)
    return flags


def _add_machine_flags(flags: argparse.ArgumentParser) -> None:
    """Flags for the hardware, time and disk space of a run."""
    add_device_flag(flags)
    flags.add_argument(
        "--bf16",
        action="store_true",
        help="run the main networks in bfloat16 autocast; critics stay in float32",
    )
    flags.add_argument(
        "--max-time",
        type=_seconds,
        metavar="TIME",
        help="save and stop after a time such as 90s, 45m or 3h30m (default: no limit)",
    )
    flags.add_argument(
        "--save-every",
        type=natural,
        default=10,
        metavar="K",
        help="keep the checkpoint of every K-th epoch (default: 10; 0: none)",
    )
    flags.add_argument(
        "--data-on-device",
        choices=("auto", "on", "off"),
        default="auto",
        help="keep all frames in the device's memory (default: auto: on a GPU with enough memory)",
    )
    flags.add_argument(
        "--compile",
        action="store_true",
        help="use torch.compile for all networks that it supports (takes minutes at the start)",
    )


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise argparse.ArgumentTypeError(f"expected a time such as 90s, 45m or 3h30m, not '{text}'")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total > _MAX_HOURS * 3600:
        raise argparse.ArgumentTypeError(f"expected at most {_MAX_HOURS}h, not '{text}'")
    return total
