"""Devices by name."""

from typing import TYPE_CHECKING

from audetnet.errors import UserError

if TYPE_CHECKING:
    import torch


def select_device(name: str, process: int | None = None) -> "torch.device":
    """The device of that name; ``auto`` is the GPU if there is one. If several processes share a
    machine, each takes the GPU with its number, ``process``. Raises UserError.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and process is not None:
        name = f"cuda:{process}"
    elif name.startswith("cuda:") and process is not None:
        raise UserError(f"--device {name}: each process uses its own GPU; use --device cuda")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"--device {name}: expected auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"--device {name}: expected auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"--device {name}: only {torch.cuda.device_count()} CUDA devices found; use fewer "
            "processes or --device cpu"
        )
    return device
