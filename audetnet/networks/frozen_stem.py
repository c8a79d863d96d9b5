"""The frozen first blocks of an encoder, whose output is computed once per frame."""

import hashlib

import torch
from torch import Tensor

from audetnet.data.stem_outputs import Stem
from audetnet.networks.model import AUDetNet
from audetnet.networks.model_plan import ModelPlan

_WEIGHT_SOURCES = ("state_dict_filepath", "pretrained")
"""Options that do not matter once the weights themselves are hashed."""


def frozen_stem(model: AUDetNet, plan: ModelPlan, device: torch.device) -> Stem:
    """The stem of a model that has its weights and is on the device; its plan must have a stem."""
    length = plan.encoder.stem_length
    steps = plan.encoder.steps[:length]
    black_and_white = torch.arange(2.0, device=device).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    content = hashlib.sha256(_bytes(model.pixels.encoder_input(black_and_white)))
    for step, block in zip(steps, model.encoder.blocks[:length], strict=True):
        options = {
            key: value
            for key, value in step.options.arguments.items()
            if key not in _WEIGHT_SOURCES
        }
        content.update(repr((step.options.type, sorted(options.items()))).encode())
        for name, tensor in block.state_dict().items():
            content.update(name.encode())
            content.update(_bytes(tensor))
    return Stem(
        run=model.stem,
        row=steps[-1].shape,
        device=device,
        made_by=content.hexdigest()[:16],
    )


def _bytes(tensor: Tensor) -> bytes:
    return tensor.cpu().numpy().tobytes()
