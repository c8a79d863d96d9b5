"""The neutral of each person, found in their own frames before these are recognised.

In a video, people are told apart by tracking. The images of a folder, or arrays, are assumed to
show one person, whose face is the largest in each. Imports torch: only runs support references.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from audetnet.console.lines import counted, note
from audetnet.data.images import RgbImage
from audetnet.data.neutral_frames import FEW
from audetnet.errors import UserError
from audetnet.prediction.ensemble import Ensemble, Neutrals
from audetnet.prediction.frames import FrameSource
from audetnet.prediction.observing import CropKind, Observation, Observer
from audetnet.prediction.people import People
from audetnet.prediction.reference_choice import ReferenceChoice
from audetnet.prediction.sources import find_sources

_MOST = 100
"""Most frames per person, evenly spread, that the median is taken over; kept in memory."""


class _Sample:
    """At most ``_MOST`` evenly spread crops of one person from a stream of unknown length."""

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
    """Looks up the neutral of a person. Reads a whole video, or all images of a folder, when first
    asked about one of its frames.
    """

    def __init__(
        self,
        choice: ReferenceChoice,
        observe: Observer,
        ensemble: Ensemble,
        sources: Sequence[FrameSource],
        every: int,
    ) -> None:
        """Raises UserError if a network does not support it, or a neutral image shows no face."""
        for model in ensemble.models:
            model.prepare_neutral()
        self._choice, self._observe, self._ensemble = choice, observe, ensemble
        self._sources, self._every = sources, every
        self._places = {source.name: source.place for source in sources}
        self._place: str | None = None
        self._found: dict[int | None, Neutrals] = {}
        self._neutral = self._of_file(choice.file) if choice.file is not None else None

    def __call__(self, seen: Observation) -> Neutrals:
        """None for a person without such frames."""
        if self._neutral is not None or not seen.crops:
            return self._neutral
        place = self._places[seen.frame.source]
        if place != self._place:
            self._place, self._found = place, self._of_place(place)
        return self._found.get(seen.face)

    def _of_place(self, place: str) -> "dict[int | None, Neutrals]":
        together = [source for source in self._sources if source.place == place]
        samples: dict[int | None, _Sample] = {}
        everyone: set[int | None] = set()
        for seen in self._faces(together):
            everyone.add(seen.face)
            if self._choice.takes(seen.frame.seconds):
                samples.setdefault(seen.face, _Sample()).add(seen.crops)
        for face, sample in samples.items():
            if len(sample.kept) < FEW:
                frames = counted(len(sample.kept), "frame")
                note(f"{place}: the neutral of face {face} is the median of only {frames}")
        if unknown := everyone - samples.keys():
            people = counted(len(unknown), "person", "people")
            note(f"{place}: no neutral frames of {people}; using the average person instead")
        return {face: self._medians(sample.kept) for face, sample in samples.items()}

    def _faces(self, sources: Sequence[FrameSource]) -> Iterator[Observation]:
        for source in sources:
            people = People()
            for frame in source.frames(self._every):
                yield from (seen for seen in self._observe(frame, people) if seen.crops)

    def _of_file(self, file: Path) -> Neutrals:
        sample = _Sample()
        for seen in self._faces(find_sources([str(file)]).files):
            sample.add(seen.crops)
        if not sample.kept:
            raise UserError(f"reference neutral={file}: no usable face in it")
        return self._medians(sample.kept)

    def _medians(self, crops: Sequence[Mapping[CropKind, RgbImage]]) -> Neutrals:
        ensemble = self._ensemble
        return tuple(
            model.neutral(np.stack([each[kind] for each in crops]))
            for model, kind in zip(ensemble.models, ensemble.kinds, strict=True)
        )
