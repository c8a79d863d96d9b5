"""A trained model together with the frames to measure it on, encoded once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from audetnet.config.options import Config
from audetnet.data.augment import change_colours, to_unit_range
from audetnet.data.batches import Batches
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import FrameSet
from audetnet.disentangling.codes import Codes, FactorSet, encode, make_codes, pixels_of
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
_BATCH = 64


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

    def codes(self, of_training: bool) -> Codes:
        """The codes of one of the two samples."""
        frames, code = (self.train, self.train_code) if of_training else (self.test, self.test_code)
        return make_codes(frames, code, self.active_from)

    def changed(self, seed: int) -> FactorSet:
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
        code = _encode_changed(self.model, self.test_pixels, values, self.device)
        codes = make_codes(self.test, code, self.active_from)
        return FactorSet(
            group="augmentation", names=(*_CHANGES, "flip"), values=values, codes=codes
        )


def encoded_run(
    name: str,
    config: Config,
    model: AUDetNet,
    head: AUHead,
    device: torch.device,
    active_from: float,
    samples: tuple[FrameSet, FrameSet],
    packed: PackedFrames,
) -> TrainedRun:
    """Encode the samples (training, test) of packed frames; the model is put in eval mode."""
    model.to(device).eval()
    train, test = (Batches(frames, packed, device) for frames in samples)
    return TrainedRun(
        name=name,
        config=config,
        model=model,
        head=head,
        device=device,
        active_from=active_from,
        train=samples[0],
        test=samples[1],
        train_code=encode(model, train, len(samples[0]), f"{name}: training frames"),
        test_code=encode(model, test, len(samples[1]), f"{name}: test frames"),
        test_pixels=pixels_of(test, len(samples[1])),
    )


@torch.no_grad()
def _encode_changed(
    model: AUDetNet,
    pixels: npt.NDArray[np.uint8],
    values: npt.NDArray[np.float64],
    device: torch.device,
) -> Code:
    codes = []
    for start in range(0, len(pixels), _BATCH):
        frames = to_unit_range(torch.from_numpy(pixels[start : start + _BATCH]).to(device))
        factors = torch.tensor(
            values[start : start + _BATCH], dtype=torch.float32, device=device
        ).unbind(dim=1)
        changed = change_colours(frames, *factors[:3])
        flipped = torch.where((factors[3] == 1).view(-1, 1, 1, 1), changed.flip(-1), changed)
        codes.append(model.encode(flipped).whole.float().cpu())
    return Code(torch.cat(codes), model.z1_channels)
