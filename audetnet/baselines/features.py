"""Features of frames for the baselines."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audetnet.baselines.hog import SIDE, hog_features
from audetnet.config.reader import parse_config
from audetnet.data.cache import pack_frames
from audetnet.data.frames import Dataset, FrameSet
from audetnet.data.stem_outputs import pack_stem_outputs
from audetnet.networks.frozen_stem import frozen_stem
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import plan_model
from audetnet.vocabulary import VOCABULARY

Indices = npt.NDArray[np.int64]
Read = Callable[[FrameSet, Indices], Tensor]
"""The features (n, C, h, w) of some frames of a set."""
_NOT_AUGMENTED = 1
_CFG = """
{General}
[training_options]
batch_size=2
max_epochs=1
[data_options]
regress_au_intensities=False
balance_dataset_with_momu=False
image_size=112
mean=127,127,127
std=128,128,128
[loss_options]
au_regression_loss_function=MSE
{Objectives}
[reconstruction]
{Encoder}
[net]
learning_rate=0.001
beta1=0
beta2=0
channels=3
[upsample]
output_sizes=224,224
mode=bilinear
[timm]
model=tf_efficientnet_lite0
end_at=blocks.1,blocks.2,blocks.3,blocks.4
pool_to=7
mirror_mean=True
freeze_first_n_layers=all
[convolutional]
filters=1
kernel_size=7
stride=1
{AUPredictor}
[net]
learning_rate=0.001
beta1=0
beta2=0
channels=1
[identity]
{Decoder}
[net]
learning_rate=0.001
beta1=0
beta2=0
channels=1
[upsample]
scale_factor=112
[convolutional]
filters=3
kernel_size=1
stride=1
"""
"""A network with the stem of cfg/efficientnet_lite0.cfg, so that cached stem outputs are shared."""


def hog_reader(dataset: Dataset, cache: Path | None) -> Mapping[str, Read]:
    """HOG of the frames, resized to 128 x 128. Raises UserError."""
    packed = pack_frames(dataset.images(), (SIDE, SIDE), True, cache)

    def read(frames: FrameSet, rows: Indices) -> Tensor:
        return hog_features(packed.gather(packed.rows(frames.ids[row] for row in rows)))

    return {"HOG + ridge": read}


def stem_readers(dataset: Dataset, cache: Path | None, device: torch.device) -> Mapping[str, Read]:
    """Stages of EfficientNet-Lite0 (ImageNet) with strides 4, 8, 16 and 16, average-pooled to 7 x
    7: of the image, and the mean over the image and its mirror image. Raises UserError.
    """
    config = parse_config(_CFG, Path("the baselines' stem"), VOCABULARY)
    size = config.data.frame_size
    assert size is not None
    plan = plan_model(config, size)
    model = build_model(plan, config.data, 0)
    model.load_pretrained()
    stem = frozen_stem(model.to(device).eval(), plan, device)
    packed = pack_frames(dataset.images(), size, True, cache)
    outputs = pack_stem_outputs(stem, packed, dataset, _NOT_AUGMENTED, cache)
    half = outputs.shape[1] // 2

    def reading(channels: slice) -> Read:
        def read(frames: FrameSet, rows: Indices) -> Tensor:
            found = outputs.gather(outputs.rows(frames.ids[row] for row in rows))
            return torch.from_numpy(found[:, channels].astype(np.float32))

        return read

    return {
        "stem + ridge": reading(slice(half)),
        "stem, mirror mean + ridge": reading(slice(half, None)),
    }
