"""The frames of a dataset, packed as a saved run needs them."""

from pathlib import Path

import torch

from audetnet.data.batches import PackedRows
from audetnet.data.cache import PackedFrames, pack_frames
from audetnet.data.frames import Dataset
from audetnet.data.stem_outputs import pack_stem_outputs
from audetnet.networks.frozen_stem import frozen_stem
from audetnet.networks.model import AUDetNet
from audetnet.training.saved import SavedModel


def packed_frames(
    saved: SavedModel, dataset: Dataset, cache: Path | None, thorough: bool = False
) -> PackedFrames:
    """The frames in the model's input size, as in its training. Raises UserError."""
    resize = saved.config.data.frame_size is not None
    return pack_frames(dataset.images(), saved.plan.image[1:], resize, cache, thorough)


def stem_rows(
    saved: SavedModel,
    model: AUDetNet,
    packed: PackedFrames,
    dataset: Dataset,
    device: torch.device,
    cache: Path | None,
) -> PackedRows | None:
    """The frozen stem's outputs, as in training; None if they were not precomputed. Raises
    UserError.
    """
    views = saved.config.data.stem_views
    if views is None:
        return None
    stem = frozen_stem(model.to(device).eval(), saved.plan, device)
    return PackedRows(pack_stem_outputs(stem, packed, dataset, views, cache), device)
