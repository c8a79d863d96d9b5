"""From frames to faces: where each person is, and the crops for the networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from audetnet.data.images import RgbImage, Size, resized
from audetnet.errors import UserError
from audetnet.faces.alignment import Alignment, align
from audetnet.faces.detector import Box, Face, LandmarkDetector
from audetnet.faces.head_pose import HeadPose, head_pose
from audetnet.faces.landmarks import LandmarkError
from audetnet.prediction.frames import Frame
from audetnet.prediction.people import People

NO_FACE = "no face found"
Faces = Literal["all", "largest"]


@dataclass(frozen=True)
class CropKind:
    """A crop as cut by ``create_dataset.frames``, and the size it is resized to."""

    alignment: Alignment
    size: Size


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A future row: a face, or the ``reason`` why there is none.

    ``face``: number of the person in a video, or of the face in an image, largest first. ``crops``:
    one of each kind.
    """

    frame: Frame
    face: int | None = None
    reason: str = ""
    confidence: float | None = None
    box: Box | None = None
    pose: HeadPose | None = None
    crops: Mapping[CropKind, RgbImage] = field(default_factory=dict)


class Observer(Protocol):
    """Finds the faces in a frame."""

    def __call__(self, frame: Frame, people: People) -> list[Observation]:
        """Returns at least one observation."""


class FaceFinder:
    """Finds faces and cuts out a crop of each kind."""

    def __init__(self, detector: LandmarkDetector, faces: Faces, kinds: Sequence[CropKind]) -> None:
        self._detector, self._faces, self._kinds = detector, faces, frozenset(kinds)

    def __call__(self, frame: Frame, people: People) -> list[Observation]:
        try:
            image = frame.read()
        except UserError as error:
            return [Observation(frame=frame, reason=str(error))]
        found = self._detector.faces(image)
        if frame.seconds is None:
            numbers = list(range(len(found)))
        else:
            numbers = people.numbers([Box(*face.box) for face in found], frame.seconds)
        wanted = 1 if self._faces == "largest" else len(found)
        rows = [
            self._observed(frame, image, face, number)
            for face, number in list(zip(found, numbers, strict=True))[:wanted]
        ]
        if not rows:
            return [Observation(frame=frame, reason=NO_FACE)]
        return sorted(rows, key=lambda row: row.face or 0)

    def _observed(self, frame: Frame, image: RgbImage, face: Face, number: int) -> Observation:
        confidence = None if face.confidence != face.confidence else face.confidence
        height, width = image.shape[:2]
        try:
            return Observation(
                frame=frame,
                face=number,
                confidence=confidence,
                box=face.box,
                pose=head_pose(face.points, width=width, height=height),
                crops={
                    kind: resized(align(image, face.points, kind.alignment), kind.size)
                    for kind in self._kinds
                },
            )
        except LandmarkError as error:
            return Observation(
                frame=frame, face=number, reason=str(error), confidence=confidence, box=face.box
            )


class AlignedCrops:
    """Treats each frame as a crop of the kind the networks were trained on."""

    def __init__(self, kinds: Sequence[CropKind]) -> None:
        self._kinds = frozenset(kinds)

    def __call__(self, frame: Frame, people: People) -> list[Observation]:
        try:
            image = frame.read()
        except UserError as error:
            return [Observation(frame=frame, reason=str(error))]
        crops = {kind: resized(image, kind.size) for kind in self._kinds}
        return [Observation(frame=frame, face=0, crops=crops)]
