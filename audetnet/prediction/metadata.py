"""Metadata of exported networks: JSON under the key ``audetnet``."""

import hashlib
import json
from pathlib import Path
from typing import Any

from audetnet.errors import UserError
from audetnet.prediction.au_model import ModelInfo
from audetnet.prediction.table import short_name

KEY = "audetnet"
INPUT, OUTPUTS = "crops", ("aus", "z1", "z2")
_FORMAT = 1
_UNITS = {"intensity": "intensity, 0-5", "occurrence": "probability, 0-1"}


def metadata_json(info: ModelInfo, normalisation: Any) -> str:
    """The metadata as JSON. ``normalisation``: mean and std of pixels, applied by the network."""
    height, width = info.frame_size
    mean, std = normalisation
    return json.dumps(
        {
            "format": _FORMAT,
            "version": info.version,
            "made_from": str(info.path),
            "input": f"{INPUT}: uint8 (batch, {height}, {width}, 3), RGB",
            "outputs": "aus: float32 (batch, AUs), in the unit and order of this file; z1, z2: "
            "float32 (batch, channels)",
            "aus": info.au_names,
            "columns": [short_name(name) for name in info.au_names],
            "kind": info.kind,
            "unit": _UNITS[info.kind],
            "thresholds": info.thresholds,
            "frame_size": info.frame_size,
            "crop_size": info.crop_size,
            "landmarks": info.landmarks,
            "has_person_reference": info.has_person_reference,
            "normalisation": {"mean": mean, "std": std, "applied": "by the network"},
        }
    )


def info_from_metadata(path: Path, text: str | None) -> ModelInfo:
    """Read the metadata of an exported file. Raises UserError if audetnet did not write it."""
    try:
        content = json.loads(text or "")
        if content["format"] > _FORMAT:
            raise UserError(f"{path}: written by a newer version of AUDetNet; update this one")
        height, width = content["frame_size"]
        return ModelInfo(
            path=path,
            version=str(content["version"]),
            au_names=tuple(map(str, content["aus"])),
            kind=content["kind"],
            thresholds=tuple(map(float, content["thresholds"])),
            frame_size=(int(height), int(width)),
            crop_size=int(content["crop_size"]),
            landmarks=content["landmarks"],
            digest=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
            has_person_reference=bool(content["has_person_reference"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a network written by audetnet export") from error
