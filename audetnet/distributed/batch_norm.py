"""Batch norm synchronised over all processes.

``nn.SyncBatchNorm`` runs on GPUs only and has no double backward, which a critic's gradient penalty
needs. This one runs anywhere and has it, with one message per layer and direction.
"""

from typing import cast

import torch
from torch import Tensor, nn

from audetnet.distributed.world import World
from audetnet.errors import UserError


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` with mean and variance over the samples of all processes.

    Each process contributes its mean, sum of squared deviations and count; they are combined as in
    Chan et al. 1979.
    """

    world: World

    def forward(self, x: Tensor) -> Tensor:
        """This process's samples (B, C, H, W), normalised."""
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
        """Mean (C,), biased variance (C,) and count of values per channel over all processes."""
        over = (0, 2, 3)
        mean = values.mean(dim=over)
        squares = ((values - _per_channel(mean)) ** 2).sum(dim=over)
        count = values.new_full((1,), values.numel() // len(mean))
        own_row = torch.zeros(self.world.size, 1, device=values.device)
        own_row[self.world.rank] = 1
        own = torch.cat([mean, squares, count])
        means, deviations, counts = self.world.sum(own_row * own).split(
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
    """Synchronise every ``nn.BatchNorm2d`` of a network over all processes, in place; a no-op for a
    single process. Parameters and buffers are kept: frozen layers stay frozen, and checkpoints do
    not change. Raises UserError for trainable batch norms of timm, which are not supported.
    """
    if world.is_alone:
        return
    for layer in network.modules():
        kind = type(layer)
        foreign = isinstance(layer, nn.BatchNorm2d) and kind.__module__.startswith("timm.")
        if foreign and any(parameter.requires_grad for parameter in layer.parameters()):
            raise UserError(
                f"{world.size} processes: the batch norm of [timm] is not synchronised between "
                "them; set freeze_first_n_layers=all, or train in one process"
            )
        if kind is nn.BatchNorm2d:
            layer.__class__ = SynchronisedBatchNorm
            synchronised = cast(SynchronisedBatchNorm, layer)
            synchronised.world = world


def _per_channel(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)
