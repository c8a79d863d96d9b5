"""Devices by their names."""

from typing import TYPE_CHECKING

from audetnet.errors import UserError

if TYPE_CHECKING:
    import torch


def select_device(name: str, process: int | None = None) -> "torch.device":
    """The device of that name; auto is the GPU where there is one. Where several processes share a
    machine, the ``process``-th takes the GPU of its number. Raises UserError.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and process is not None:
        name = f"cuda:{process}"
    elif name.startswith("cuda:") and process is not None:
        raise UserError(f"--device {name}: each process takes a GPU of its own; use --device cuda")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"--device {name}: expected auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"--device {name}: expected auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"--device {name}: there are {torch.cuda.device_count()} CUDA devices; use fewer "
            "processes or --device cpu"
        )
    return device
