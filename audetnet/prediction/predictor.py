"""``audetnet.load``: trained networks from Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from audetnet.prediction.detectors import select_detector
from audetnet.prediction.ensemble import Ensemble
from audetnet.prediction.frames import ArrayImage, FrameSource
from audetnet.prediction.loading import load_models
from audetnet.prediction.observing import AlignedCrops, FaceFinder, Faces, Observer
from audetnet.prediction.reference_choice import check_reference, parse_reference
from audetnet.prediction.sources import find_sources
from audetnet.prediction.stream import NeutralOf, Part, no_neutral, recognise
from audetnet.prediction.table import Row, short_name
from audetnet.recogniser import NAME

if TYPE_CHECKING:
    import pandas as pd

Pixels: TypeAlias = npt.NDArray[np.uint8]
Images: TypeAlias = str | Path | Pixels | Sequence[str | Path] | Sequence[Pixels]
_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """N rows: one per face, and one per frame without a face (``success`` 0, with the reason).

    ``thresholds``: of each AU, in the unit of its value. ``z1`` (N, Z1) and ``z2`` (N, Z2): of the
    first network, NaN in rows without a face.
    """

    rows: list[Row]
    columns: list[str]
    thresholds: dict[str, float]
    z1: npt.NDArray[np.float32]
    z2: npt.NDArray[np.float32]

    def to_frame(self) -> "pd.DataFrame":
        """The rows as a table.

        | columns | content |
        |---|---|
        | input, frame, timestamp | file (or index of the array), frame from 0, seconds |
        | face | number of the person in a video, or of the face in an image, from 0 |
        | success, reason | 1, or 0 and why nothing was recognised |
        | confidence | of the detector, 0-1 |
        | x, y, width, height | box of the face, in pixels |
        | yaw, pitch, roll | of the head, in degrees |
        | AU01_r or AU01_p | intensity 0-5 or probability 0-1 |
        | AU01_sd | with several networks: their standard deviation |
        | AU01_c | 1 if the value reaches the threshold, else 0 |
        """
        import pandas as pd

        return pd.DataFrame(self.rows, columns=self.columns)


class Predictor:
    """One trained network, or the mean of several."""

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble

    @property
    def au_names(self) -> tuple[str, ...]:
        """The A names, as in the training data."""
        return self._ensemble.models[0].info.au_names

    def predict(
        self,
        images: Images,
        *,
        faces: Faces = "all",
        aligned: bool = False,
        every: int = 1,
        reference: str = "none",
    ) -> Prediction:
        """Find faces and recognise their AUs.

        ``images``: paths (files, folders, patterns, videos), or RGB images of uint8, 0-255: one
        (H, W, 3), several (N, H, W, 3), or a list of any sizes. ``faces``: all faces of an image,
        or only the largest. ``aligned``: the images are crops like those the network was trained
        on, so no face is searched for. ``every``: only every N-th frame of a video. ``reference``:
        subtract each person's neutral, as ``audetnet predict --reference`` does: none, median,
        neutral=FILE or first=SECONDS; arrays show one person, whose face is the largest.

        Raises UserError for paths that do not exist and references that cannot be used, ValueError
        for arrays that are no images. Unreadable files are rows with the reason.
        """
        observe, sources = self._observer(faces, aligned), _sources(images)
        neutral_of = self._neutral_of(
            reference, observe, sources, every, one_face=aligned or faces == "largest"
        )
        parts = list(recognise(sources, observe, self._ensemble, every, _BATCH, neutral_of))
        aus = (short_name(name) for name in self.au_names)
        return Prediction(
            rows=[row for part in parts for row in part.rows],
            columns=self._ensemble.columns.names,
            thresholds=dict(zip(aus, self._ensemble.thresholds.tolist(), strict=True)),
            z1=_codes(parts, 0),
            z2=_codes(parts, 1),
        )

    def _observer(self, faces: Faces, aligned: bool) -> Observer:
        kinds = self._ensemble.kinds
        if aligned:
            return AlignedCrops(kinds)
        infos = [model.info for model in self._ensemble.models]
        return FaceFinder(select_detector(infos, None), faces, kinds)

    def _neutral_of(
        self,
        reference: str,
        observe: Observer,
        sources: Sequence[FrameSource],
        every: int,
        one_face: bool,
    ) -> NeutralOf:
        choice = parse_reference(reference)
        if choice is None:
            return no_neutral
        from audetnet.prediction.references import References

        check_reference(choice, sources, one_face)
        return References(choice, observe, self._ensemble, sources, every)


def load(
    run: str | Path = NAME,
    *others: str | Path,
    device: str = "auto",
    dataset: str | Path | None = None,
) -> Predictor:
    """Load a run directory, a checkpoint or an exported ``.onnx`` file, by default the shipped
    network; several are averaged. ``device``: auto, cpu, cuda or cuda:N. ``dataset``: the dataset
    directory of the run, for ``reference`` where its cfg has no [person_reference]. Raises
    UserError.

        model = load("runs/small_96")
        table = model.predict(["photo.jpg", "clip.mp4"]).to_frame()
    """
    paths = [Path(path) for path in (run, *others)]
    folder = None if dataset is None else Path(dataset)
    return Predictor(Ensemble(load_models(paths, device, folder)))


def _sources(images: Images) -> Sequence[FrameSource]:
    if isinstance(images, str | Path):
        return find_sources([str(images)]).files
    if isinstance(images, np.ndarray):
        listed = [images] if images.ndim == 3 else list(images)
    else:
        listed = list(images)
    if all(isinstance(each, str | Path) for each in listed):
        return find_sources([str(each) for each in listed]).files
    for each in listed:
        if not isinstance(each, np.ndarray) or each.dtype != np.uint8 or each.shape[2:] != (3,):
            raise ValueError("expected paths, or uint8 images (H, W, 3)")
    return [ArrayImage(str(number), each) for number, each in enumerate(listed)]


def _codes(parts: Sequence[Part], place: int) -> npt.NDArray[np.float32]:
    """The codes of all rows, (N, Z)."""
    width = next((part.codes[place].shape[1] for part in parts if part.codes is not None), 0)
    whole = []
    for part in parts:
        rows = np.full((len(part.rows), width), np.nan, dtype=np.float32)
        if part.codes is not None:
            rows[part.with_codes] = part.codes[place]
        whole.append(rows)
    return np.concatenate(whole) if whole else np.zeros((0, width), dtype=np.float32)
