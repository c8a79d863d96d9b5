"""Initialise a run with the weights of another run or of a file, as far as they fit."""

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
class _Weights:
    """Tensors by name, and the AUs of their network if the file says them."""

    tensors: Mapping[str, Tensor]
    au_names: tuple[str, ...]


def initialise(model: AUDetNet, source: Path, au_names: Sequence[str]) -> None:
    """Initialise from a run directory (the epoch that it reports), a checkpoint, a state dict or
    the name of the shipped network, with a note for every tensor that does not fit. If a checkpoint
    has other AUs than ``au_names``, AUs are matched by name. Raises UserError.
    """
    path = reported_checkpoint(source)
    given, own = _read(path), model.state_dict()
    rows = set() if given.au_names == tuple(au_names) else model.per_au_tensors()
    fitting = {}
    for name, tensor in own.items():
        if name not in given.tensors:
            note(f"{path}: {name} is missing; it is initialised as in the cfg")
            continue
        found = given.tensors[name]
        if given.au_names and name in rows and len(found) == len(given.au_names):
            found = _by_name(found, given.au_names, tensor, au_names)
        if found.shape == tensor.shape:
            fitting[name] = found
        else:
            shapes = f"{tuple(found.shape)}, expected {tuple(tensor.shape)}"
            note(f"{path}: {name} has shape {shapes}; it is initialised as in the cfg")
    if not fitting:
        raise UserError(
            f"{path}: none of its {counted(len(given.tensors), 'tensor')} fits this cfg"
        )
    for name in given.tensors.keys() - own.keys():
        note(f"{path}: {name} is not part of this cfg; it is ignored")
    if rows and given.au_names and (unknown := [au for au in au_names if au not in given.au_names]):
        note(f"{path}: has no {', '.join(unknown)}; their weights are initialised as in the cfg")
    model.load_state_dict({**own, **fitting})
    say(f"weights of {path}: {len(fitting)} of {counted(len(own), 'tensor')}")


def _by_name(
    found: Tensor, given_aus: Sequence[str], own: Tensor, own_aus: Sequence[str]
) -> Tensor:
    """Match a tensor's rows, one per AU, by AU name; unchanged if the rows would not fit."""
    if found.shape[1:] != own.shape[1:]:
        return found
    rows = own.clone()
    for index, au in enumerate(own_aus):
        if au in given_aus:
            rows[index] = found[given_aus.index(au)]
    return rows


def _read(path: Path) -> _Weights:
    """Read the model of a checkpoint, or a state dict."""
    try:
        content, _ = read_sealed(path)
    except UnreadableError as error:
        raise UserError(f"{path}: cannot be used with --init: {error}") from error
    is_checkpoint = isinstance(content, Mapping) and "model" in content
    found: Any = content["model"] if is_checkpoint else content
    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    ):
        raise UserError(f"{path}: expected a run directory, a checkpoint, or a dict of tensors")
    for name, value in found.items():
        if not value.isfinite().all():
            raise UserError(f"{path}: {name} is not finite")
    return _Weights(found, _au_names(content) if is_checkpoint else ())


def _au_names(checkpoint: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        return tuple(json.loads(checkpoint["description"])["au_names"])
    except (KeyError, TypeError, ValueError):  # written by another program
        return ()
