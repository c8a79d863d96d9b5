"""``audetnet.load``: trained networks from Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from audetnet.prediction.detectors import chosen_detector
from audetnet.prediction.ensemble import Ensemble
from audetnet.prediction.frames import ArrayImage, FrameSource
from audetnet.prediction.loading import load_models
from audetnet.prediction.observing import AlignedCrops, FaceFinder, Faces, Observer
from audetnet.prediction.sources import find_sources
from audetnet.prediction.stream import Part, recognised
from audetnet.prediction.table import Row, short_name
from audetnet.recogniser import NAME

if TYPE_CHECKING:
    import pandas as pd

Pixels: TypeAlias = npt.NDArray[np.uint8]
Images: TypeAlias = str | Path | Pixels | Sequence[str | Path] | Sequence[Pixels]
_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """N rows: one a face, and one for every frame without a face (``success`` 0, and the reason).

    ``thresholds``: of each AU, in the unit of its value. ``z1`` (N, Z1) and ``z2`` (N, Z2) of the
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
        | input, frame, timestamp | file (or the number of the array), frame from 0, seconds |
        | face | the person in a video, the face in an image, from 0 |
        | success, reason | 1, or 0 and why there is nothing to recognise |
        | confidence | of the detector, 0-1 |
        | x, y, width, height | of the face's box, in pixels of the image |
        | yaw, pitch, roll | of the head, in degrees |
        | AU01_r or AU01_p | intensity 0-5 or probability 0-1 |
        | AU01_sd | of several networks: their standard deviation |
        | AU01_c | 1 where the value reaches the threshold, else 0 |
        """
        import pandas as pd

        return pd.DataFrame(self.rows, columns=self.columns)


class Predictor:
    """One trained network, or several whose mean counts."""

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble

    @property
    def au_names(self) -> tuple[str, ...]:
        """A names, as the data of the training have them."""
        return self._ensemble.models[0].facts.au_names

    def predict(
        self,
        images: Images,
        *,
        faces: Faces = "all",
        aligned: bool = False,
        every: int = 1,
    ) -> Prediction:
        """Find faces and recognise their AUs.

        ``images``: paths (files, folders, patterns, videos), or RGB images of uint8, 0-255: one
        (H, W, 3), several (N, H, W, 3), or a list of any sizes. ``faces``: of each image all, or
        the largest only. ``aligned``: the images are crops as the network was trained on, in which
        no face is sought. ``every``: only every N-th frame of a video.

        Raises UserError for paths that lead to nothing, ValueError for arrays that are no images.
        What cannot be read is a row with the reason.
        """
        observe = self._observer(faces, aligned)
        parts = list(recognised(_sources(images), observe, self._ensemble, every, _BATCH))
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
        facts = [model.facts for model in self._ensemble.models]
        return FaceFinder(chosen_detector(facts, None), faces, kinds)


def load(run: str | Path = NAME, *others: str | Path, device: str = "auto") -> Predictor:
    """A trained network: a run directory, a checkpoint, or an exported ``.onnx`` file; of several
    the mean counts. Without one the network that is shipped. ``device``: auto, cpu, cuda or
    cuda:N. Raises UserError.

        model = load("runs/small_96")
        table = model.predict(["photo.jpg", "clip.mp4"]).to_frame()
    """
    return Predictor(Ensemble(load_models([Path(path) for path in (run, *others)], device)))


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
    """Of all rows, (N, Z)."""
    width = next((part.codes[place].shape[1] for part in parts if part.codes is not None), 0)
    whole = []
    for part in parts:
        rows = np.full((len(part.rows), width), np.nan, dtype=np.float32)
        if part.codes is not None:
            rows[part.with_codes] = part.codes[place]
        whole.append(rows)
    return np.concatenate(whole) if whole else np.zeros((0, width), dtype=np.float32)
