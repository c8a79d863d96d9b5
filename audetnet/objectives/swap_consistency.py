"""The picture of z1 of one image and z2 of another, encoded again, gives z1 of the one and z2 of
the other. A cycle of codes as in Jha et al. 2018, "Disentangling factors of variation with
cycle-consistent variational auto-encoders", arXiv 1804.10469.
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
    """The sum of both blocks' squared errors, each in shares of the block's variance in the batch:
    2 for pictures that say nothing of their codes.

    The Encoder reads the exchanged picture as a judge, which does not learn there: else it and the
    Decoder would agree on marks of their own. The Decoder learns to draw either block so that it is
    seen, and the Encoder through the codes that were exchanged, of which ``gradient_to`` names the
    block that gives way: z2 loses what spoils z1 in another's picture, z1 what spoils z2. Running
    statistics of batch norm are those of real images only.

    It costs a pass of the Decoder and one of the Encoder, forward and backward, on every batch that
    trains the main networks.
    """

    gradient_to: GradientTo = "z2"

    needs_z2 = True

    @property
    def gradients(self) -> str:
        return f"decoder, {self.gradient_to}"

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        exchanged = forward.shuffled(self.gradient_to)
        wanted, every = exchanged.detach(), forward.all_codes
        again = encoded_again(forward, exchanged)
        z1 = relative_error(again.z1, wanted.z1, every.z1)
        z2 = relative_error(again.z2, wanted.z2, every.z2)
        return z1 + z2, {"swap_z1_error": z1, "swap_z2_error": z2}


def encoded_again(forward: Forward, code: Code) -> Code:
    """The code of the picture that is decoded from one; the encoder's weights are constants, and no
    running statistics change.
    """
    model = forward.model
    with forward.precision(), frozen(model.encoder), untracked(model.encoder, model.decoder):
        picture = model.pixels.shown(model.decode(code))
        return model.encode(picture, forward.shuffled_rest).float()


@contextmanager
def untracked(*networks: nn.Module) -> Iterator[None]:
    """Within it, batch norm that learns uses a batch's statistics without keeping them."""
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


def relative_error(found: Tensor, wanted: Tensor, every: Tensor) -> Tensor:
    """The mean squared distance of codes (b, ...) from those wanted, in shares of the mean squared
    distance of all codes (B, ...) from their mean.
    """
    spread = (every - every.mean(dim=0)).square().sum() / len(every)
    errors = (found - wanted).square().sum() / len(found)
    return errors / spread.clamp(min=torch.finfo(spread.dtype).tiny)
