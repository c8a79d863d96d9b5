"""Blocks that are fitted once, from all training frames, where others learn by gradients."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audetnet.networks.fixed import FromFixed

People = npt.NDArray[np.int64]
"""(N,): whose frame each is, as any integers."""


class FittedBlock(FromFixed, ABC):
    """A block without parameters: all that it knows are buffers, which ``fit`` fills.

    Until then it runs, so that shapes can be planned, but what it gives means nothing.
    """

    is_fitted: Tensor
    """1 or 0, of the state dict."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("is_fitted", torch.tensor(0))

    def fit(self, features: Tensor, targets: Tensor, people: People) -> None:
        """Fit it to what it reads of N training frames, (N, C, h, w) of any floating dtype; targets
        (N, A), NaN = unknown. Raises OptionError where the frames do not do.
        """
        assert len(features) == len(targets) == len(people)
        with torch.no_grad():
            self._fit(features, targets, people)
        self.is_fitted.fill_(1)

    @abstractmethod
    def _fit(self, features: Tensor, targets: Tensor, people: People) -> None:
        """``fit``, without a graph; the buffers are filled in place."""
