"""Training of the small networks that read frozen codes: on some people, stopped by others."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from audetnet.disentangling.codes import Codes
from audetnet.evaluation.people import Indices

_HELD_OUT = 5
"""Every n-th person chooses the epoch and teaches nothing."""


def people_apart(codes: Codes) -> tuple[Indices, Indices]:
    """Rows of the people to learn from, and of a fifth of them (at least one) who choose the epoch;
    of a single person the first fifth of the time.
    """
    people = len(codes.people)
    apart = codes.person % _HELD_OUT == (people - 1) % _HELD_OUT
    if people < 2:
        apart = codes.time_blocks() == 0
    return np.flatnonzero(~apart), np.flatnonzero(apart)


def train_until_best(
    network: nn.Module,
    epoch: Callable[[], None],
    loss: Callable[[], float],
    epochs: int,
    patience: int,
) -> None:
    """Train by ``epoch`` until ``loss``, on people apart, has not fallen for ``patience`` epochs;
    leaves the network in eval mode with the weights of its best epoch.
    """
    best, waited = float("inf"), 0
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for _ in range(epochs):
        network.train()
        epoch()
        network.eval()
        with torch.no_grad():
            value = loss()
        waited += 1
        if value < best:
            best, waited = value, 0
            state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if waited >= patience:
            break
    network.load_state_dict(state)
    network.eval()
