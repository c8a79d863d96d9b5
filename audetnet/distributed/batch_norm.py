"""Batch norm over the batch of all processes. ``nn.SyncBatchNorm`` runs on GPUs only and has no
double backward, which a critic's penalty needs; this has both, with one message a layer and
direction.
"""

from typing import cast

import torch
from torch import Tensor, nn

from audetnet.distributed.world import World
from audetnet.errors import UserError


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` whose mean and variance are those of all processes' samples together.

    Each process sends its own mean, sum of squared deviations and count, which are combined as in
    Chan et al. 1979.
    """

    world: World

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), of this process, to the same shape."""
        if not self.training:
            return super().forward(x)
        values = x.float()
        mean, variance, count = self._statistics(values)
        with torch.no_grad():
            self._track(mean, variance * count / (count - 1))
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = scale * self.weight
        result = (values - _per_channel(mean)) * _per_channel(scale)
        if self.affine:
            result = result + _per_channel(self.bias)
        return result.to(x.dtype)

    def _statistics(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean (C,), biased variance (C,) and count of a channel's values in all processes."""
        over = (0, 2, 3)
        mean = values.mean(dim=over)
        squares = ((values - _per_channel(mean)) ** 2).sum(dim=over)
        count = values.new_full((1,), values.numel() // len(mean))
        place = torch.zeros(self.world.size, 1, device=values.device)
        place[self.world.rank] = 1
        own = torch.cat([mean, squares, count])
        means, deviations, counts = self.world.sum(place * own).split(
            [len(mean), len(mean), 1], dim=1
        )
        total = counts.sum()
        mean = (means * counts).sum(dim=0) / total
        variance = (deviations + counts * (means - mean) ** 2).sum(dim=0) / total
        return mean, variance, total

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if not self.track_running_stats:
            return
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            raise NotImplementedError("batch norm without running statistics or momentum")
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def synchronise_batch_norm(network: nn.Module, world: World) -> None:
    """Make every ``nn.BatchNorm2d`` of a network one over all processes; nothing for a single
    process. Layers keep their identity, parameters and buffers: frozen ones stay frozen, and a
    checkpoint is the same. Raises UserError for other kinds of it (timm's) that learn.
    """
    if world.is_alone:
        return
    for layer in network.modules():
        kind = type(layer)
        foreign = isinstance(layer, nn.BatchNorm2d) and kind.__module__.startswith("timm.")
        if foreign and any(parameter.requires_grad for parameter in layer.parameters()):
            raise UserError(
                f"{world.size} processes: the batch norm of [timm] is not computed over all of "
                "them; write freeze_first_n_layers=all, or train in one process"
            )
        if kind is nn.BatchNorm2d:
            layer.__class__ = SynchronisedBatchNorm
            synchronised = cast(SynchronisedBatchNorm, layer)
            synchronised.world = world


def _per_channel(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)
