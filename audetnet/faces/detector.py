"""What all detectors of faces and landmarks share."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from audetnet.faces.alignment import ByteImage
from audetnet.faces.landmarks import Points
from audetnet.faces.opencv import need_opencv
from audetnet.faces.sources import DetectorName


class Box(NamedTuple):
    """An axis-aligned rectangle in pixels: its top left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Width x height, in square pixels."""
        return self.width * self.height

    def contains(self, x: float, y: float) -> bool:
        """Whether a point lies inside."""
        return 0 <= x - self.x < self.width and 0 <= y - self.y < self.height

    def overlap(self, other: "Box") -> float:
        """Intersection over union: 1 for identical boxes, 0 for disjoint ones."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        return width * height / (self.area + other.area - width * height)


@dataclass(frozen=True)
class Face:
    """A detected face."""

    points: Points
    """68 landmarks (68, 2) in pixels of the full image."""
    box: Box
    """Around the face, in pixels of the full image; it may extend beyond the image."""
    confidence: float
    """How likely it is a face, from 0 to 1; NaN if the detector does not tell (dlib)."""


class LandmarkDetector(Protocol):
    """Finds faces and their landmarks. Not thread-safe."""

    @property
    def name(self) -> DetectorName:
        """The value of ``--landmarks``, recorded with frames, datasets and runs."""

    def faces(self, image: ByteImage) -> list[Face]:
        """The faces of an RGB image (H, W, 3), largest first."""


def landmark_detector(name: DetectorName) -> LandmarkDetector:
    """The detector of a name. Raises UserError if it is not installed."""
    need_opencv()
    if name == "dlib":
        from audetnet.faces.dlib_detector import DlibDetector

        return DlibDetector()
    from audetnet.faces.face_mesh_detector import FaceMeshDetector

    return FaceMeshDetector()
