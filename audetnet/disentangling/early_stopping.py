"""Training small networks on frozen codes, with early stopping on held-out people."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from audetnet.disentangling.codes import Codes
from audetnet.evaluation.people import Indices

_HELD_OUT = 5
"""Every n-th person is held out."""


def split_people(codes: Codes) -> tuple[Indices, Indices]:
    """Rows of the people to train on, and of a fifth of them (at least one) to choose the epoch on;
    with a single person, the first fifth of the time.
    """
    people = len(codes.people)
    held_out = codes.person % _HELD_OUT == (people - 1) % _HELD_OUT
    if people < 2:
        held_out = codes.time_blocks() == 0
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def train_with_early_stopping(
    network: nn.Module,
    train_epoch: Callable[[], None],
    validation_loss: Callable[[], float],
    epochs: int,
    patience: int,
) -> None:
    """Train until the validation loss has not improved for ``patience`` epochs; leaves the network
    in eval mode with the weights of its best epoch.
    """

    def weights() -> dict[str, torch.Tensor]:
        return {name: tensor.clone() for name, tensor in network.state_dict().items()}

    best, best_weights, waited = float("inf"), weights(), 0
    for _ in range(epochs):
        network.train()
        train_epoch()
        network.eval()
        with torch.no_grad():
            loss = validation_loss()
        waited += 1
        if loss < best:
            best, best_weights, waited = loss, weights(), 0
        if waited >= patience:
            break
    network.load_state_dict(best_weights)
    network.eval()
