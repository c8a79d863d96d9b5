"""Blocks that are fitted once to all training frames instead of trained by gradient descent."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audetnet.networks.fixed import PrecomputedBlock

People = npt.NDArray[np.int64]
"""(N,): the person in each frame, as arbitrary integers."""


class FittedBlock(PrecomputedBlock, ABC):
    """A block without parameters, only buffers that ``fit`` fills.

    Before that it runs, so that shapes can be planned, but its output is meaningless.
    """

    is_fitted: Tensor
    """1 or 0; part of the state dict."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("is_fitted", torch.tensor(0))

    def fit(self, features: Tensor, targets: Tensor, people: People) -> None:
        """Fit to the block's inputs for N training frames, (N, C, h, w) of any floating dtype;
        targets (N, A), NaN = unknown. Raises OptionError if the frames do not suffice.
        """
        assert len(features) == len(targets) == len(people)
        with torch.no_grad():
            self._fit(features, targets, people)
        self.is_fitted.fill_(1)

    @abstractmethod
    def _fit(self, features: Tensor, targets: Tensor, people: People) -> None:
        """``fit``, called under no_grad; fills the buffers in place."""
