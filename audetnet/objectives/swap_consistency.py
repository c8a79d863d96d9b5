"""Consistency of swapped codes: the image decoded from z1 of one image and z2 of another must be
encoded to the same z1 and z2. A cycle of codes as in Jha et al. 2018, "Disentangling factors of
variation with cycle-consistent variational auto-encoders", arXiv 1804.10469.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audetnet.networks.code import Code, GradientTo
from audetnet.objectives.critics import frozen
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import Objective, Terms, objective


@objective("swap_consistency")
@dataclass(frozen=True, kw_only=True)
class SwapConsistency(Objective):
    """The sum of both blocks' squared errors, each relative to the block's variance in the batch: 2
    for images that carry no information about their codes.

    Encoding the swapped image does not train the Encoder: otherwise it and the Decoder could agree
    on hidden marks. The Decoder learns to render both blocks recognisably, and the Encoder learns
    through the swapped codes, in the block ``gradient_to``: z2 loses what corrupts z1 in another
    person's image, z1 what corrupts z2. Running statistics of batch norm come from real images
    only.

    Costs one more forward and backward pass of Decoder and Encoder on every batch that trains the
    main networks.
    """

    gradient_to: GradientTo = "z2"

    needs_z2 = True

    @property
    def gradients(self) -> str:
        return f"decoder, {self.gradient_to}"

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        swapped = forward.shuffled(self.gradient_to)
        target, all_codes = swapped.detach(), forward.all_codes
        code = reencode(forward, swapped)
        z1 = relative_error(code.z1, target.z1, all_codes.z1)
        z2 = relative_error(code.z2, target.z2, all_codes.z2)
        return z1 + z2, {"swap_z1_error": z1, "swap_z2_error": z2}


def reencode(forward: Forward, code: Code) -> Code:
    """Decode a code and encode the image. The encoder's weights get no gradient, and running
    statistics do not change.
    """
    model = forward.model
    networks = model.encoder, model.decoder
    with forward.precision(), frozen(model.encoder), frozen_running_stats(*networks):
        pixels = model.pixels.shown(model.decode(code))
        return model.encode(pixels, forward.shuffled_rest).float()


@contextmanager
def frozen_running_stats(*networks: nn.Module) -> Iterator[None]:
    """Inside this context, batch norm in training mode does not update its running statistics."""
    layers = [
        module
        for network in networks
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d) and module.training and module.track_running_stats
    ]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def relative_error(codes: Tensor, targets: Tensor, all_codes: Tensor) -> Tensor:
    """The mean squared distance of codes (b, ...) to their targets, relative to the mean squared
    distance of all codes (B, ...) to their mean.
    """
    variance = (all_codes - all_codes.mean(dim=0)).square().sum() / len(all_codes)
    errors = (codes - targets).square().sum() / len(codes)
    return errors / variance.clamp(min=torch.finfo(variance.dtype).tiny)
