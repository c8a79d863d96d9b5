"""Where dlib's models lie; an optional part.

The packages are dlib-bin (Boost licence) and face_recognition_models (CC0), whose 68-point model
was trained on iBUG 300-W: **that one is not for commercial use**.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from audetnet.errors import UserError

INSTALL = "pip install -e '.[detector]'"

Model = Literal["shape_predictor_68_face_landmarks", "dlib_face_recognition_resnet_model_v1"]


def dlib_model(model: Model, purpose: str) -> Path:
    """The file of a model, for a purpose such as 'finding faces'. Raises UserError where it or dlib
    is not installed.
    """
    advice = f"{purpose} needs the detector: {INSTALL}"
    if find_spec("dlib") is None:
        raise UserError(f"{advice} (dlib is not installed)")
    # The package is not imported: its code needs pkg_resources, which is no more.
    package = find_spec("face_recognition_models")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "models" / f"{model}.dat"
        if path.is_file():
            return path
    raise UserError(f"{advice} (face_recognition_models is not installed)")
