"""Finds dlib's model files; optional.

The packages are dlib-bin (Boost licence) and face_recognition_models (CC0). The 68-point model in
the latter was trained on iBUG 300-W: **it is not for commercial use**.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from audetnet.errors import UserError

INSTALL = "pip install -e '.[detector]'"

Model = Literal["shape_predictor_68_face_landmarks", "dlib_face_recognition_resnet_model_v1"]


def dlib_model(model: Model, purpose: str) -> Path:
    """The file of a model, needed for a purpose such as 'finding faces'. Raises UserError if the
    model or dlib is not installed.
    """
    advice = f"{purpose} needs the detector: {INSTALL}"
    if find_spec("dlib") is None:
        raise UserError(f"{advice} (dlib is not installed)")
    # Not imported: the package needs pkg_resources, which no longer exists.
    package = find_spec("face_recognition_models")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "models" / f"{model}.dat"
        if path.is_file():
            return path
    raise UserError(f"{advice} (face_recognition_models is not installed)")
