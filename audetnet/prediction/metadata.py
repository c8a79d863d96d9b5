"""What an exported network says of itself, as JSON in the file's metadata under ``audetnet``."""

import hashlib
import json
from pathlib import Path
from typing import Any

from audetnet.errors import UserError
from audetnet.prediction.au_model import ModelFacts
from audetnet.prediction.table import short_name

KEY = "audetnet"
INPUT, OUTPUTS = "crops", ("aus", "z1", "z2")
_FORMAT = 1
_UNITS = {"intensity": "intensity, 0-5", "occurrence": "probability, 0-1"}


def metadata_of(facts: ModelFacts, normalisation: Any) -> str:
    """``normalisation``: the mean and std of pixels, which the network applies by itself."""
    height, width = facts.frame_size
    mean, std = normalisation
    return json.dumps(
        {
            "format": _FORMAT,
            "version": facts.version,
            "made_from": str(facts.path),
            "input": f"{INPUT}: uint8 (batch, {height}, {width}, 3), RGB",
            "outputs": "aus: float32 (batch, AUs), in the unit and order of this file; z1, z2: "
            "float32 (batch, channels)",
            "aus": facts.au_names,
            "columns": [short_name(name) for name in facts.au_names],
            "kind": facts.kind,
            "unit": _UNITS[facts.kind],
            "thresholds": facts.thresholds,
            "frame_size": facts.frame_size,
            "crop_size": facts.crop_size,
            "landmarks": facts.landmarks,
            "has_person_reference": facts.has_person_reference,
            "normalisation": {"mean": mean, "std": std, "applied": "by the network"},
        }
    )


def facts_of(path: Path, text: str | None) -> ModelFacts:
    """Of an exported file with this metadata. Raises UserError where it is none of ours."""
    try:
        said = json.loads(text or "")
        if said["format"] > _FORMAT:
            raise UserError(f"{path}: written by a newer version of AUDetNet; update this one")
        height, width = said["frame_size"]
        return ModelFacts(
            path=path,
            version=str(said["version"]),
            au_names=tuple(map(str, said["aus"])),
            kind=said["kind"],
            thresholds=tuple(map(float, said["thresholds"])),
            frame_size=(int(height), int(width)),
            crop_size=int(said["crop_size"]),
            landmarks=said["landmarks"],
            digest=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
            has_person_reference=bool(said["has_person_reference"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a network that audetnet export wrote") from error
