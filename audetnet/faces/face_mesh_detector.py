"""Faces by MediaPipe's networks, which are shipped and free for any use (Apache 2.0): BlazeFace
finds them, FaceMesh places the landmarks.
"""

from math import cos, radians, sin, sqrt
from typing import Final

import numpy as np

from audetnet.faces.alignment import ByteImage
from audetnet.faces.blazeface import BlazeFace, Detection
from audetnet.faces.detector import Box, Face
from audetnet.faces.face_mesh import FaceMesh, Mesh, levelled, tilt
from audetnet.faces.landmarks import LandmarkError, Points
from audetnet.faces.sources import DetectorName

_TURNS = (45, -45, 90, -90, 180)
"""Degrees by which an image is turned that shows no upright face: the networks know no others."""
_SURE = 0.9
"""BlazeFace gives upright faces that fill some of the image 0.9 and more; faces upside down, and
what it takes for one face though it is two, at most 0.88.
"""
_CLOSE = 0.25
"""Of the image's longer side: with a face this large, the short range sees most of the others."""
_LOWEST_MESH_SCORE = 0.8
"""FaceMesh gives faces 0.99 and more, most other things less than 0.3."""
_SETTLED = 2.0
"""Degrees by which the eyes' slope changes in a pass that needs no other."""
_MOST_PASSES = 5
_UPRIGHT = 50.0
"""Degrees by which a face may be tilted in an image as it is turned: there is a turn that suits it
better where it is tilted more.
"""
_AGREED = 15.0
"""Degrees by which BlazeFace's eyes may be off in a picture in which FaceMesh's are level."""
_SAME_FACE = 0.3
"""Boxes that overlap by more than this are of one face."""


class FaceMeshDetector:
    """Upright faces, or where there are none those of the turn that shows the most."""

    name: Final[DetectorName] = "facemesh"

    def __init__(self) -> None:
        self._short_range, self._long_range = BlazeFace.short_range(), BlazeFace.long_range()
        self._mesh = FaceMesh()

    def faces(self, image: ByteImage) -> list[Face]:
        """The faces of an RGB image (H, W, 3), largest first."""
        faces = self._upright_faces(image, 0)
        if not faces:
            turned = [self._upright_faces(image, degrees) for degrees in _TURNS]
            faces = max(turned, key=lambda found: sum(face.confidence for face in found))
        return sorted(faces, key=lambda face: face.box.area, reverse=True)

    def _upright_faces(self, image: ByteImage, degrees: float) -> list[Face]:
        """Those that stand about upright once the image is turned."""
        faces: list[Face] = []
        detections = self._detections(image, degrees)
        for detection in sorted(detections, key=lambda each: each.score, reverse=True):
            if any(face.box.holds(*detection.corners.mean(axis=0)) for face in faces):
                continue
            face = self._face(image, detection, degrees)
            if face and all(face.box.overlap(other.box) < _SAME_FACE for other in faces):
                faces.append(face)
        return faces

    def _detections(self, image: ByteImage, degrees: float) -> list[Detection]:
        """Those of the short range where they are sure and leave no room for others farther away,
        else those of the long range too.
        """
        near = self._short_range.detections(image, degrees)
        sure = bool(near) and all(detection.score >= _SURE for detection in near)
        if sure and max(map(_side, near)) > _CLOSE * max(image.shape[:2]):
            return near
        return near + self._long_range.detections(image, degrees)

    def _face(self, image: ByteImage, detection: Detection, degrees: float) -> Face | None:
        """The face of a detection; None where it is no face, or not this way up."""
        try:
            mesh = self._settled(image, detection)
            if mesh.score < _LOWEST_MESH_SCORE or tilt(mesh.eyes, _level(degrees)) > _UPRIGHT:
                return None
            if detection.score < _SURE and not self._is_upright(levelled(image, mesh)):
                return None
        except LandmarkError:
            return None
        low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
        box = Box(*low.tolist(), *(high - low).tolist())
        return Face(mesh.landmarks, box, detection.score)

    def _settled(self, image: ByteImage, detection: Detection) -> Mesh:
        """The points, placed anew on the box of those placed before: these say better than the
        detector where the face is, and how it is turned.
        """
        before = self._mesh.place(image, detection.corners, detection.eyes)
        for _ in range(_MOST_PASSES - 1):
            mesh = self._mesh.place(image, before.points, before.eyes)
            if tilt(mesh.eyes, before.eyes) < _SETTLED:
                break
            before = mesh
        return mesh

    def _is_upright(self, face: ByteImage) -> bool:
        """Whether a face that was cut out and levelled looks like one, and more so than upside
        down: FaceMesh finds points on a face whichever way up it is.
        """
        upright = self._short_range.detections(face)
        if not upright or tilt(upright[0].eyes, _level(0)) > _AGREED:
            return False
        upside_down = self._short_range.detections(face, 180)
        return not upside_down or upright[0].score > upside_down[0].score


def _level(degrees: float) -> Points:
    """Two points (2, 2) that are level once an image is turned clockwise."""
    angle = radians(degrees)
    return np.array([(0.0, 0.0), (cos(angle), -sin(angle))])


def _side(detection: Detection) -> float:
    """Of its square, in pixels."""
    return float(np.hypot(*np.ptp(detection.corners, axis=0)) / sqrt(2))
