"""Weights that a run starts from: those of another run, or of a file, as far as they fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from audetnet.console.lines import counted, note, say
from audetnet.errors import UserError
from audetnet.networks.model import AUDetNet
from audetnet.training.saved import reported_checkpoint
from audetnet.training.sealed import UnreadableError, read_sealed


def initialise(model: AUDetNet, source: Path) -> None:
    """Start from the weights of a run directory (of the epoch that it reports), of a checkpoint or
    of a state dict, with a line for every tensor that does not fit. Raises UserError.
    """
    path = reported_checkpoint(source) if source.is_dir() else source
    given, own = _tensors(path), model.state_dict()
    fitting = {
        name: tensor
        for name, tensor in given.items()
        if name in own and tensor.shape == own[name].shape
    }
    if not fitting:
        raise UserError(f"{path}: none of its {counted(len(given), 'tensor')} fits this cfg")
    for name, tensor in own.items():
        if name not in given:
            note(f"{path}: {name} is missing; it starts as the cfg says")
        elif name not in fitting:
            shapes = f"{tuple(given[name].shape)}, expected {tuple(tensor.shape)}"
            note(f"{path}: {name} has the shape {shapes}; it starts as the cfg says")
    for name in given.keys() - own.keys():
        note(f"{path}: {name} is not of this cfg; it is left out")
    model.load_state_dict({**own, **fitting})
    say(f"weights of {path}: {len(fitting)} of {counted(len(own), 'tensor')}")


def _tensors(path: Path) -> Mapping[str, Tensor]:
    """The model of a checkpoint, or a state dict."""
    try:
        content, _ = read_sealed(path)
    except UnreadableError as error:
        raise UserError(f"{path}: cannot be started from: {error}") from error
    found: Any = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    ):
        raise UserError(f"{path}: expected a run directory, a checkpoint, or a dict of tensors")
    for name, value in found.items():
        if not value.isfinite().all():
            raise UserError(f"{path}: {name} is not finite")
    return found
