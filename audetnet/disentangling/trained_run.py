"""A trained model together with the frames to measure it on, encoded once."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audetnet.config.options import Config
from audetnet.data.augment import change_colours, to_unit_range
from audetnet.data.batches import Batches, PackedRows
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import FrameSet
from audetnet.data.metadata import subject_indices
from audetnet.data.neutral_frames import NeutralFrames, neutral_medians
from audetnet.disentangling.codes import Codes, encode, make_codes, pixels_of
from audetnet.evaluation.at_rest import stem_reference
from audetnet.evaluation.evaluate import Reference
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices
from audetnet.labels import active
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.model import AUDetNet
from audetnet.seeds import Purpose, numpy_generator

_CHANGES = {
    "brightness": (0.5, 1.5),
    "contrast": (0.5, 1.5),
    "saturation": (0.0, 1.5),
}
"""What pictures are changed by, drawn evenly: the ranges of the augmentation in training."""
CHANGES = (*_CHANGES, "flip")
_BATCH = 64


@dataclass(frozen=True)
class Changed:
    """The N test frames with known changes: ``values`` (N, 4) of CHANGES, and their code."""

    values: Array
    code: Code


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A model in eval mode on its device, and samples of training and of test people.

    ``train_code`` and ``test_code`` are the encoder's outputs, float32 on the CPU;
    ``active_from`` is the smallest label of the data that counts as active.
    """

    name: str
    config: Config
    model: AUDetNet
    head: AUHead
    device: torch.device
    active_from: float
    train: FrameSet
    test: FrameSet
    train_code: Code
    test_code: Code
    test_pixels: npt.NDArray[np.uint8]
    rest: Tensor | None = None
    """What the persons of the test frames show at rest, (N, C, h, w), where it is taken off."""

    def codes(self, of_training: bool) -> Codes:
        """The codes of one of the two samples."""
        frames, code = (self.train, self.train_code) if of_training else (self.test, self.test_code)
        return make_codes(frames, code, self.active_from)

    def rest_of(self, rows: Indices) -> Tensor | None:
        """That of some of the test frames."""
        return None if self.rest is None else self.rest[torch.from_numpy(rows)]

    def with_scores_as_z1(self) -> "TrainedRun":
        """The run with the AUPredictor's scores as z1, a channel each, and no z2."""
        train, test = self.scores(self.train_code), self.scores(self.test_code)
        return replace(self, train_code=train, test_code=test)

    @torch.no_grad()
    def scores(self, code: Code) -> Code:
        """The AUPredictor's scores of N frames as a code (N, A, 1, 1), all of it z1."""
        parts = [
            self.head.scores(self.model.predict(Code(part.to(self.device), code.z1_channels)))
            for part in code.whole.split(_BATCH)
        ]
        scores = torch.cat(parts).float().cpu()
        return Code(scores[:, :, None, None], scores.shape[1])

    def predictions(self, code: Code) -> Array:
        """What the AUPredictor says of N frames, (N, A): intensities (0-5) or probabilities."""
        scores = self.scores(code).whole[:, :, 0, 0]
        return self.head.predictions(scores).double().numpy()

    def predictions_less_median(self) -> Array:
        """The same of the test frames when z1 is less its median over the frames of the person,
        plus the mean of these medians over the training people.
        """
        medians = _medians(self.test_code, self.test)
        level = _medians(self.train_code, self.train).mean(dim=0)
        rest = medians[torch.from_numpy(subject_indices(self.test.subjects))]
        return self.predictions(Code.of(self.test_code.z1 - rest + level, self.test_code.z2))

    def labels_as_predictions(self) -> Array:
        """The labels of the test frames on the scale of predictions, (N, A), NaN = unknown."""
        labels = self.test.labels
        on_scale = labels if self.head.regress else active(labels, self.active_from)
        return on_scale.astype(np.float64)

    def changed(self, seed: int) -> Changed:
        """The test frames with known changes: brightness, contrast and saturation by factors drawn
        evenly from the training's ranges, one half flipped; the same for every run.
        """
        generator = numpy_generator(seed, Purpose.DISENTANGLING)
        count = len(self.test)
        values = np.stack(
            [generator.uniform(*limits, size=count) for limits in _CHANGES.values()]
            + [generator.integers(2, size=count).astype(np.float64)],
            axis=1,
        )
        code = _encode_changed(self.model, self.test_pixels, values, self.device, self.rest_of)
        return Changed(values, code)


def _medians(code: Code, frames: FrameSet) -> Tensor:
    """Of z1 over all frames of each person, (P, C, h, w)."""
    rows = NeutralFrames().of(frames.ids, subject_indices(frames.subjects), 0)
    return neutral_medians(rows, lambda own: code.z1[torch.from_numpy(own)])


def encoded_run(
    name: str,
    config: Config,
    model: AUDetNet,
    head: AUHead,
    device: torch.device,
    active_from: float,
    samples: tuple[FrameSet, FrameSet],
    packed: PackedFrames,
    stem: PackedRows | None = None,
    with_rest: bool = False,
) -> TrainedRun:
    """Encode the samples (training, test) of packed frames, of which the model's ``stem`` may be
    computed already; the model is put in eval mode. ``with_rest``: minus what each person shows at
    rest, the median over all frames of the sample.
    """
    model.to(device).eval()
    train, test = (Batches(frames, packed, device, stem=stem) for frames in samples)
    references: list[Reference | None] = [None, None]
    if with_rest:
        pairs = zip((train, test), samples, strict=True)
        references = [stem_reference(model, of, frames, NeutralFrames(), 0) for of, frames in pairs]
    of_test = references[1]
    rest = None if of_test is None else of_test.at_rest[torch.from_numpy(test.subjects)]
    return TrainedRun(
        name=name,
        config=config,
        model=model,
        head=head,
        device=device,
        active_from=active_from,
        train=samples[0],
        test=samples[1],
        rest=rest,
        train_code=encode(model, train, len(samples[0]), f"{name}: training frames", references[0]),
        test_code=encode(model, test, len(samples[1]), f"{name}: test frames", references[1]),
        test_pixels=pixels_of(test, len(samples[1])),
    )


@torch.no_grad()
def _encode_changed(
    model: AUDetNet,
    pixels: npt.NDArray[np.uint8],
    values: npt.NDArray[np.float64],
    device: torch.device,
    rest_of: Callable[[Indices], Tensor | None],
) -> Code:
    codes = []
    for start in range(0, len(pixels), _BATCH):
        frames = to_unit_range(torch.from_numpy(pixels[start : start + _BATCH]).to(device))
        factors = torch.tensor(
            values[start : start + _BATCH], dtype=torch.float32, device=device
        ).unbind(dim=1)
        changed = change_colours(frames, *factors[:3])
        flipped = torch.where((factors[3] == 1).view(-1, 1, 1, 1), changed.flip(-1), changed)
        rest = rest_of(np.arange(start, start + len(frames)))
        codes.append(model.encode(flipped, rest).whole.float().cpu())
    return Code(torch.cat(codes), model.z1_channels)
