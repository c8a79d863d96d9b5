"""What all people share: the face model and everything derived from it once."""

from dataclasses import dataclass
from functools import lru_cache

from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face_model import FaceModel, read_face_model
from create_dataset.rendering.occlusion import ambient_occlusion
from create_dataset.rendering.regions import Regions, regions
from create_dataset.rendering.texture_space import TextureSpace, texture_space
from create_dataset.rendering.wrinkle_maps import WrinkleMaps, wrinkle_maps


@dataclass(frozen=True, kw_only=True)
class Face:
    """The model, its ambient occlusion (V,), its texture space and what is drawn there."""

    model: FaceModel
    occlusion: FloatArray
    space: TextureSpace
    regions: Regions
    wrinkles: WrinkleMaps


@lru_cache(maxsize=1)
def load_face() -> Face:
    """Takes a few seconds."""
    model = read_face_model()
    space = texture_space(model)
    return Face(
        model=model,
        occlusion=ambient_occlusion(model),
        space=space,
        regions=regions(space),
        wrinkles=wrinkle_maps(space),
    )
