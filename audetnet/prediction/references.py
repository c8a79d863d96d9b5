"""What people show at rest, found in their own frames before these are recognised.

A person of a video is who People takes for one. Images of one folder show one person, whose face is
the largest in each: a folder a person. Only runs know what to do with it, so torch is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from audetnet.console.lines import counted, note
from audetnet.data.images import RgbImage
from audetnet.data.neutral_frames import FEW
from audetnet.errors import UserError
from audetnet.prediction.ensemble import Ensemble, Rests
from audetnet.prediction.frames import Source
from audetnet.prediction.observing import CropKind, Observation, Observer
from audetnet.prediction.people import People
from audetnet.prediction.reference_choice import ReferenceChoice
from audetnet.prediction.sources import find_sources

_MOST = 100
"""Frames of a person that the median is taken over, evenly spread: they are kept in memory."""


class _Sample:
    """Evenly spread crops of one person, at most ``_MOST``, of a stream whose end is not known."""

    def __init__(self) -> None:
        self.kept: list[Mapping[CropKind, RgbImage]] = []
        self._step, self._count = 1, 0

    def add(self, crops: Mapping[CropKind, RgbImage]) -> None:
        if self._count % self._step == 0:
            self.kept.append(crops)
        self._count += 1
        if len(self.kept) > _MOST:
            self.kept = self.kept[::2]
            self._step *= 2


class References:
    """Answers who shows what at rest; looks at all frames of a video, or of a folder's images, when
    first asked about one of them.
    """

    def __init__(
        self,
        choice: ReferenceChoice,
        observe: Observer,
        ensemble: Ensemble,
        sources: Sequence[Source],
        every: int,
    ) -> None:
        """Raises UserError for a network that cannot do it, and a neutral image without a face."""
        for model in ensemble.models:
            model.prepare_for_rest()
        self._choice, self._observe, self._ensemble = choice, observe, ensemble
        self._sources, self._every = sources, every
        self._place: Path | None = None
        self._found: dict[int | None, Rests] = {}
        self._neutral = self._of_file(choice.file) if choice.file is not None else None

    def __call__(self, seen: Observation) -> Rests:
        """None for a person of whom there are no such frames."""
        if self._neutral is not None or not seen.crops:
            return self._neutral
        place = _place(Path(seen.frame.source), seen.frame.seconds is not None)
        if place != self._place:
            self._place, self._found = place, self._of_place(place)
        return self._found.get(seen.face)

    def _of_place(self, place: Path) -> "dict[int | None, Rests]":
        together = [s for s in self._sources if _place(s.path, s.is_video) == place]
        samples: dict[int | None, _Sample] = {}
        everyone: set[int | None] = set()
        for seen in self._faces(together):
            everyone.add(seen.face)
            if self._choice.takes(seen.frame.seconds):
                samples.setdefault(seen.face, _Sample()).add(seen.crops)
        for face, sample in samples.items():
            if len(sample.kept) < FEW:
                frames = counted(len(sample.kept), "frame")
                note(f"{place}: face {face} at rest is the median of {frames} only")
        if unknown := everyone - samples.keys():
            people = counted(len(unknown), "person", "people")
            note(f"{place}: no frames of {people} at rest: taken for an average person")
        return {face: self._at_rest(sample.kept) for face, sample in samples.items()}

    def _faces(self, sources: Sequence[Source]) -> Iterator[Observation]:
        for source in sources:
            people = People()
            for frame in source.frames(self._every):
                yield from (seen for seen in self._observe(frame, people) if seen.crops)

    def _of_file(self, file: Path) -> Rests:
        (source,) = find_sources([str(file)]).files
        crops = [seen.crops for seen in self._faces([source])]
        if not crops:
            raise UserError(f"--reference neutral={file}: shows no face that could be used")
        return self._at_rest(crops)

    def _at_rest(self, crops: Sequence[Mapping[CropKind, RgbImage]]) -> Rests:
        ensemble = self._ensemble
        return tuple(
            model.at_rest(np.stack([each[kind] for each in crops]))
            for model, kind in zip(ensemble.models, ensemble.kinds, strict=True)
        )


def _place(path: Path, is_video: bool) -> Path:
    """Where a person is one person: a video, or the folder of an image."""
    return path if is_video else path.parent
