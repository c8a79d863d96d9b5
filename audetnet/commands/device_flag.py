"""The flag by which commands choose a device."""

import argparse
from typing import TYPE_CHECKING

from audetnet.errors import UserError

if TYPE_CHECKING:
    import torch


def add_device_flag(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")


def chosen_device(name: str) -> "torch.device":
    """The device of that name; auto is the GPU where there is one. Raises UserError."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"--device {name}: expected auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"--device {name}: expected auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"--device {name}: there are {torch.cuda.device_count()} CUDA devices; use --device cpu"
        )
    return device
