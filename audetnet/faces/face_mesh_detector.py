"""Face detection by MediaPipe's networks, which are shipped and free for any use (Apache 2.0):
BlazeFace finds the faces, FaceMesh places the landmarks.
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
"""Rotations in degrees to try if no upright face is found: the networks know only upright faces."""
_SURE = 0.9
"""BlazeFace scores upright faces of some size 0.9 or more; upside-down faces, and two faces taken
for one, at most 0.88.
"""
_CLOSE = 0.25
"""Share of the image's longer side: with a face this large, the short range sees most others."""
_LOWEST_MESH_SCORE = 0.8
"""FaceMesh scores faces 0.99 or more, and most other things less than 0.3."""
_SETTLED = 2.0
"""The passes stop when the eyes' slope changes by fewer degrees than this."""
_MOST_PASSES = 5
_UPRIGHT = 50.0
"""Largest tilt of a face in degrees; if it is tilted more, another rotation suits it better."""
_AGREED = 15.0
"""Largest tilt in degrees of BlazeFace's eyes in an image in which FaceMesh's are level."""
_SAME_FACE = 0.3
"""Boxes with a higher intersection over union show the same face."""


class FaceMeshDetector:
    """Finds upright faces or, if there are none, the faces of the best rotation of the image."""

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
        """The faces that are roughly upright once the image is rotated."""
        faces: list[Face] = []
        detections = self._detections(image, degrees)
        for detection in sorted(detections, key=lambda each: each.score, reverse=True):
            if any(face.box.contains(*detection.corners.mean(axis=0)) for face in faces):
                continue
            face = self._face(image, detection, degrees)
            if face and all(face.box.overlap(other.box) < _SAME_FACE for other in faces):
                faces.append(face)
        return faces

    def _detections(self, image: ByteImage, degrees: float) -> list[Detection]:
        """Detections of the short range; also those of the long range, unless the former are
        certain and include a face so large that others are unlikely to be far away.
        """
        near = self._short_range.detections(image, degrees)
        sure = bool(near) and all(detection.score >= _SURE for detection in near)
        if sure and max(map(_side, near)) > _CLOSE * max(image.shape[:2]):
            return near
        return near + self._long_range.detections(image, degrees)

    def _face(self, image: ByteImage, detection: Detection, degrees: float) -> Face | None:
        """The face of a detection; None if it is not a face, or not upright."""
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
        """The points, placed repeatedly on the box of the previous ones, which locate the face and
        its rotation better than the detector does.
        """
        before = self._mesh.place(image, detection.corners, detection.eyes)
        for _ in range(_MOST_PASSES - 1):
            mesh = self._mesh.place(image, before.points, before.eyes)
            if tilt(mesh.eyes, before.eyes) < _SETTLED:
                break
            before = mesh
        return mesh

    def _is_upright(self, face: ByteImage) -> bool:
        """Whether a levelled crop looks like a face, and more so than upside down: FaceMesh places
        points on a face in any orientation.
        """
        upright = self._short_range.detections(face)
        if not upright or tilt(upright[0].eyes, _level(0)) > _AGREED:
            return False
        upside_down = self._short_range.detections(face, 180)
        return not upside_down or upright[0].score > upside_down[0].score


def _level(degrees: float) -> Points:
    """Two points (2, 2) that are level once the image is rotated clockwise."""
    angle = radians(degrees)
    return np.array([(0.0, 0.0), (cos(angle), -sin(angle))])


def _side(detection: Detection) -> float:
    """The side of its square, in pixels."""
    return float(np.hypot(*np.ptp(detection.corners, axis=0)) / sqrt(2))
