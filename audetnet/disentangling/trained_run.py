"""A trained model with the frames to measure it on, encoded once."""

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
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices
from audetnet.labels import active
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.model import AUDetNet, Pixels
from audetnet.seeds import Purpose, numpy_generator

_RANGES = {
    "brightness": (0.5, 1.5),
    "contrast": (0.5, 1.5),
    "saturation": (0.0, 1.5),
}
"""Factors are drawn uniformly from these: the ranges of the augmentation in training."""
AUGMENTATIONS = (*_RANGES, "flip")
_BATCH = 64


@dataclass(frozen=True)
class Augmented:
    """The N test frames with known augmentations, ``values`` (N, 4), and their code."""

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
    """Person reference of each test frame, (N, C, h, w), if it is subtracted."""

    def codes(self, of_training: bool) -> Codes:
        """Codes of one of the two samples."""
        frames, code = (self.train, self.train_code) if of_training else (self.test, self.test_code)
        return make_codes(frames, code, self.active_from)

    def rest_of(self, rows: Indices) -> Tensor | None:
        """Person references of some test frames."""
        return None if self.rest is None else self.rest[torch.from_numpy(rows)]

    def test_code_of(self, rows: Indices) -> Code:
        """The code of some test frames."""
        return Code(self.test_code.whole[torch.from_numpy(rows)], self.test_code.z1_channels)

    @torch.no_grad()
    def decoded(self, z1: Tensor, z2: Tensor) -> npt.NDArray[np.uint8]:
        """Images (N, 3, H, W) decoded from two blocks, (N, Z1, h, w) and (N, Z2, h, w)."""
        images = self.model.decode(Code.of(z1.to(self.device), z2.to(self.device)))
        levels: Tensor = (Pixels.shown(images) * 255).round().to(torch.uint8)
        return np.asarray(levels.cpu().numpy())

    def with_scores_as_z1(self) -> "TrainedRun":
        """The run with the AUPredictor's scores as z1, one channel each, and no z2."""
        train, test = self.scores(self.train_code), self.scores(self.test_code)
        return replace(self, train_code=train, test_code=test)

    @torch.no_grad()
    def scores(self, code: Code) -> Code:
        """The AUPredictor's scores on N frames as a code (N, A, 1, 1) that is all z1."""
        parts = [
            self.head.scores(self.model.predict(Code(part.to(self.device), code.z1_channels)))
            for part in code.whole.split(_BATCH)
        ]
        scores = torch.cat(parts).float().cpu()
        return Code(scores[:, :, None, None], scores.shape[1])

    def predictions(self, code: Code) -> Array:
        """The AUPredictor's intensities (0-5) or probabilities for N frames, (N, A)."""
        scores = self.scores(code).whole[:, :, 0, 0]
        return self.head.predictions(scores).double().numpy()

    def predictions_minus_median(self) -> Array:
        """Predictions for the test frames with the person's median subtracted from z1 and the mean
        of the training people's medians added.
        """
        medians = _z1_medians(self.test_code, self.test)
        level = _z1_medians(self.train_code, self.train).mean(dim=0)
        rest = medians[torch.from_numpy(subject_indices(self.test.subjects))]
        return self.predictions(Code.of(self.test_code.z1 - rest + level, self.test_code.z2))

    def labels_as_predictions(self) -> Array:
        """Labels of the test frames on the scale of predictions, (N, A), NaN = unknown."""
        labels = self.test.labels
        on_scale = labels if self.head.regress else active(labels, self.active_from)
        return on_scale.astype(np.float64)

    @torch.no_grad()
    def augmented(self, seed: int) -> Augmented:
        """The test frames with random brightness, contrast and saturation, and half of them
        flipped; the same for every run.
        """
        generator = numpy_generator(seed, Purpose.DISENTANGLING)
        count = len(self.test)
        values = np.stack(
            [generator.uniform(*limits, size=count) for limits in _RANGES.values()]
            + [generator.integers(2, size=count).astype(np.float64)],
            axis=1,
        )
        codes = []
        for rows in np.split(np.arange(count), range(_BATCH, count, _BATCH)):
            frames = to_unit_range(torch.from_numpy(self.test_pixels[rows]).to(self.device))
            factors = torch.tensor(values[rows], dtype=torch.float32, device=self.device)
            *colours, flip = factors.unbind(dim=1)
            changed = change_colours(frames, *colours)
            flipped = torch.where((flip == 1).view(-1, 1, 1, 1), changed.flip(-1), changed)
            codes.append(self.model.encode(flipped, self.rest_of(rows)).whole.float().cpu())
        return Augmented(values, Code(torch.cat(codes), self.model.z1_channels))


def _z1_medians(code: Code, frames: FrameSet) -> Tensor:
    """Over all frames of each person, (P, C, h, w)."""
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
    """Put the model in eval mode and encode the samples (training, test) of packed frames; ``stem``
    holds its stem's outputs if they are cached. ``with_rest``: each person's reference, the
    median over all their frames of the sample, is subtracted.
    """
    model.to(device).eval()
    train, test = (Batches(frames, packed, device, stem=stem) for frames in samples)
    of_train, of_test = (
        stem_reference(model, batches, frames, NeutralFrames(), 0) if with_rest else None
        for batches, frames in zip((train, test), samples, strict=True)
    )
    return TrainedRun(
        name=name,
        config=config,
        model=model,
        head=head,
        device=device,
        active_from=active_from,
        train=samples[0],
        test=samples[1],
        rest=None if of_test is None else of_test.at_rest[torch.from_numpy(test.subjects)],
        train_code=encode(model, train, len(samples[0]), f"{name}: training frames", of_train),
        test_code=encode(model, test, len(samples[1]), f"{name}: test frames", of_test),
        test_pixels=pixels_of(test, len(samples[1])),
    )
