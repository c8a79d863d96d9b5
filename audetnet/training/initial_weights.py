"""Weights that a run starts from: those of another run, or of a file, as far as they fit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from audetnet.console.lines import counted, note, say
from audetnet.errors import UserError
from audetnet.networks.model import AUDetNet
from audetnet.training.saved import reported_checkpoint
from audetnet.training.sealed import UnreadableError, read_sealed


@dataclass(frozen=True)
class _Given:
    """Tensors by name; the AUs of the network that they are of, where the file says them."""

    tensors: Mapping[str, Tensor]
    au_names: tuple[str, ...]


def initialise(model: AUDetNet, source: Path, au_names: Sequence[str]) -> None:
    """Start from the weights of a run directory (of the epoch that it reports), of a checkpoint or
    of a state dict, with a line for every tensor that does not fit. Where a checkpoint is of other
    AUs than ``au_names``, the weights of each AU are found by its name. Raises UserError.
    """
    path = reported_checkpoint(source)
    given, own = _read(path), model.state_dict()
    rows = set() if given.au_names == tuple(au_names) else model.per_au_tensors()
    fitting = {}
    for name, tensor in own.items():
        if name not in given.tensors:
            note(f"{path}: {name} is missing; it starts as the cfg says")
            continue
        found = given.tensors[name]
        if given.au_names and name in rows and len(found) == len(given.au_names):
            found = _by_name(found, given.au_names, tensor, au_names)
        if found.shape == tensor.shape:
            fitting[name] = found
        else:
            shapes = f"{tuple(found.shape)}, expected {tuple(tensor.shape)}"
            note(f"{path}: {name} has the shape {shapes}; it starts as the cfg says")
    if not fitting:
        raise UserError(
            f"{path}: none of its {counted(len(given.tensors), 'tensor')} fits this cfg"
        )
    for name in given.tensors.keys() - own.keys():
        note(f"{path}: {name} is not of this cfg; it is left out")
    if rows and given.au_names and (unknown := [au for au in au_names if au not in given.au_names]):
        note(f"{path}: does not know {', '.join(unknown)}; their weights start as the cfg says")
    model.load_state_dict({**own, **fitting})
    say(f"weights of {path}: {len(fitting)} of {counted(len(own), 'tensor')}")


def _by_name(
    found: Tensor, given_aus: Sequence[str], own: Tensor, own_aus: Sequence[str]
) -> Tensor:
    """A row an AU, from a tensor whose rows are of other AUs; as it is where no row would fit."""
    if found.shape[1:] != own.shape[1:]:
        return found
    rows = own.clone()
    for index, au in enumerate(own_aus):
        if au in given_aus:
            rows[index] = found[given_aus.index(au)]
    return rows


def _read(path: Path) -> _Given:
    """The model of a checkpoint, or a state dict."""
    try:
        content, _ = read_sealed(path)
    except UnreadableError as error:
        raise UserError(f"{path}: cannot be started from: {error}") from error
    is_checkpoint = isinstance(content, Mapping) and "model" in content
    found: Any = content["model"] if is_checkpoint else content
    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    ):
        raise UserError(f"{path}: expected a run directory, a checkpoint, or a dict of tensors")
    for name, value in found.items():
        if not value.isfinite().all():
            raise UserError(f"{path}: {name} is not finite")
    return _Given(found, _au_names(content) if is_checkpoint else ())


def _au_names(checkpoint: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        return tuple(json.loads(checkpoint["description"])["au_names"])
    except (KeyError, TypeError, ValueError):  # a file of another program
        return ()
