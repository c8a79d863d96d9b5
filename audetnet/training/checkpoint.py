"""All state of a run in one file, written whole or not at all: tensors, numbers and strings
only.
"""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audetnet.errors import UserError
from audetnet.files import write_bytes

_FORMAT = 1


@dataclass
class Progress:
    """Where a run stands: the epoch (from 1) in work, its batches done, and the batches of all
    epochs done.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0


@dataclass
class Checkpoint:
    """A run between two batches.

    ``identity`` is what must be the same to go on (options, seed, data); ``description`` is what a
    reader of the file needs to rebuild the model: cfg text and path, AU names, label kind, frame
    size. ``history`` holds one JSON text an evaluated epoch; ``availability`` is MOMU's state at
    the start of the epoch in work.
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
        """Write the file. Raises UserError where the disk refuses; the old file is then intact."""
        content = {
            **vars(self),
            "format": _FORMAT,
            "identity": json.dumps(self.identity),
            "description": json.dumps(self.description),
            "progress": vars(self.progress),
        }
        buffer = io.BytesIO()  # torch.save would hide what the disk says
        torch.save(content, buffer)
        write_bytes(path, lambda file: file.write(buffer.getbuffer()))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint on the CPU. Raises UserError for anything that is not one."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content.pop("format") != _FORMAT:
            raise UserError(f"{path}: written by another version of AUDetNet")
        content["identity"] = json.loads(content["identity"])
        content["description"] = json.loads(content["description"])
        content["progress"] = Progress(**content["progress"])
        return Checkpoint(**content)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{path}: not a checkpoint of AUDetNet, or a damaged one; copy another one of its "
            "directory over it, or start a new run with --run DIR"
        ) from error
