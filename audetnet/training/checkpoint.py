"""The complete state of a run in one file of tensors, numbers and strings, written atomically."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audetnet.errors import UserError
from audetnet.faces.sources import LANDMARK_SOURCES
from audetnet.training.sealed import UnreadableError, read_sealed, write_sealed

_FORMAT = 2
_WITHOUT_CHECKSUM = 1
"""The previous format, which can still be read."""


class CheckpointError(UserError):
    """A file that is not a checkpoint, or must not be resumed from."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: not a checkpoint of AUDetNet, or damaged: {reason}")


@dataclass
class Progress:
    """The progress of a run: the current epoch (from 1), its finished batches, and the finished
    batches of all epochs.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0


@dataclass(kw_only=True)
class Checkpoint:
    """The state of a run between two batches.

    ``identity`` must match for a run to be resumed (options, seed, data); ``description`` is what a
    reader needs to rebuild the model: cfg text and path, AU names, label kind, frame size.
    ``history`` holds a JSON text per evaluated epoch; ``availability`` is MOMU's state at the start
    of the current epoch.
    """

    identity: dict[str, Any]
    description: dict[str, Any]
    model: dict[str, Tensor]
    optimisers: dict[str, Any]
    progress: Progress
    meter: dict[str, Any]
    availability: Tensor | None
    history: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        """Write the file. Raises UserError if that fails; the old file is then intact."""
        content = {
            **vars(self),
            "format": _FORMAT,
            "identity": json.dumps(self.identity),
            "description": json.dumps(self.description),
            "progress": vars(self.progress),
        }
        write_sealed(path, content)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The tensors of the model, the optimisers and the meter, by their path."""
        parts = {"model": self.model, "optimisers": self.optimisers, "meter": self.meter}
        return _tensors("", parts)

    def first_not_finite(self) -> str | None:
        """The name of a tensor with NaN or infinity, if there is one. Synchronises with the
        device.
        """
        floating = {name: t for name, t in self.tensors() if t.is_floating_point()}
        if not floating:
            return None
        finite = torch.stack([tensor.isfinite().all() for tensor in floating.values()]).tolist()
        return next((name for name, good in zip(floating, finite, strict=True) if not good), None)


def _tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _tensors(f"{name}.{key}" if name else str(key), inner)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint to the CPU. Raises CheckpointError if it is damaged, not finite or not a
    checkpoint, UserError if it cannot be read.

    Whether it fits a model and a cfg is checked in compatibility.py.
    """
    try:
        content, sealed = read_sealed(path)
        expect(isinstance(content, dict) and "format" in content, "it is another kind of file")
        version = content.pop("format")
        expect(type(version) is int and version > 0, "its format is not a number")
        if version > _FORMAT:
            raise UserError(f"{path}: written by a newer version of AUDetNet; please update")
        expect(sealed or version == _WITHOUT_CHECKSUM, "its checksum is missing")
        return _parsed(content)
    except UnreadableError as error:
        raise CheckpointError(path, str(error)) from error


def is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold; JSON allows larger ones."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def expect(condition: bool, wrong: str) -> None:
    """Raise UnreadableError unless the condition holds."""
    if not condition:
        raise UnreadableError(wrong)


_PARTS: dict[str, type | tuple[type, ...]] = {
    "identity": str,
    "description": str,
    "model": dict,
    "optimisers": dict,
    "progress": dict,
    "meter": dict,
    "availability": (Tensor, type(None)),
    "history": list,
    "seconds": float,
}


def _parsed(content: dict[str, Any]) -> Checkpoint:
    for name, kind in _PARTS.items():
        expect(isinstance(content.get(name), kind), f"its {name} is missing or of the wrong type")
    expect(content.keys() == _PARTS.keys(), "it has unexpected entries")
    seconds = content["seconds"]
    expect(is_finite(seconds) and seconds >= 0, f"{seconds} seconds of work")
    checkpoint = Checkpoint(
        **{
            **content,
            "identity": _json_object("identity", content["identity"]),
            "description": _json_object("description", content["description"]),
            "progress": _progress(content["progress"], len(content["history"])),
        }
    )
    _check_identity(checkpoint.identity)
    _check_description(checkpoint.description)
    for number, text in enumerate(checkpoint.history, 1):
        record = _json_object("history", text)
        expect(record.get("epoch") == number, f"its history has no epoch {number}")
    for name, tensor in checkpoint.tensors():
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
        expect(plain, f"{name} is not a plain tensor")
    wrong = checkpoint.first_not_finite()
    expect(wrong is None, f"{wrong} is not finite")
    return checkpoint


def _json_object(name: str, text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UnreadableError(f"its {name} is not a JSON object")
    return value


def _progress(values: dict[str, Any], epochs: int) -> Progress:
    expect(values.keys() == vars(Progress()).keys(), "its progress has the wrong entries")
    expect(all(type(n) is int and n >= 0 for n in values.values()), f"its progress is {values}")
    progress = Progress(**values)
    expect(
        progress.epoch == epochs + 1,
        f"its progress is epoch {progress.epoch}, its history has {epochs} epochs",
    )
    return progress


def _check_identity(identity: dict[str, Any]) -> None:
    names = ("cfg", "seed", "bf16", "frame_size", "digest_of_ids_and_labels", "digest_of_images")
    for name in names:
        expect(name in identity, f"its identity has no {name}")
    expect(type(identity["seed"]) is int and identity["seed"] >= 0, "its seed is not a number")


def _check_description(description: dict[str, Any]) -> None:
    get = description.get
    names, size, smallest = get("au_names"), get("frame_size"), get("active_from")
    wrong = [
        key
        for key, valid in {
            "cfg_path": isinstance(get("cfg_path"), str),
            "cfg_text": isinstance(get("cfg_text"), str),
            "au_names": isinstance(names, list) and all(isinstance(n, str) for n in names),
            "kind": get("kind") in ("intensity", "occurrence"),
            "active_from": is_finite(smallest),
            "frame_size": isinstance(size, list)
            and len(size) == 2
            and all(type(n) is int and n > 0 for n in size),
            "landmarks": get("landmarks") in (None, *LANDMARK_SOURCES),  # None: unknown
        }.items()
        if not valid
    ]
    expect(not wrong, f"its description has no valid {', '.join(wrong)}")
