"""A separable critic that scores pairs (z1, z2), trained with InfoNCE on frozen codes."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audetnet.disentangling.codes import Codes
from audetnet.disentangling.early_stopping import split_people, train_with_early_stopping
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices
from audetnet.seeds import Purpose, numpy_generator, seeded

PAIRS, PAIRS_WITHIN = 128, 32
"""Batch size K (smaller if there are fewer frames): the bound is log K nats."""
_EPOCHS, _PATIENCE = 40, 6
_WIDTH, _OUTPUT = 256, 64
_LEARNING_RATE, _WEIGHT_DECAY, _DROPOUT = 1e-3, 1e-2, 0.1


class SeparableCritic(nn.Module):
    """f(z1) . g(z2), two MLPs on standardised codes: scores (K, K) of every z1 with every z2."""

    def __init__(self, z1: Tensor, z2: Tensor) -> None:
        super().__init__()
        self._scales = [(z.mean(dim=0), z.std(dim=0).clamp(min=1e-6)) for z in (z1, z2)]
        self.mlps = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(_DROPOUT),
                nn.Linear(z.shape[1], _WIDTH),
                nn.ReLU(),
                nn.Linear(_WIDTH, _OUTPUT),
            )
            for z in (z1, z2)
        )

    def forward(self, z1: Tensor, z2: Tensor) -> Tensor:
        """Codes (K, D1) and (K, D2) to scores (K, K), true pairs on the diagonal."""
        f, g = (
            mlp((z - mean) / deviation)
            for mlp, (mean, deviation), z in zip(self.mlps, self._scales, (z1, z2), strict=True)
        )
        scores: Tensor = f @ g.T / _OUTPUT**0.5
        return scores

    def of_codes(self, z1: Array, z2: Array) -> Array:
        """The same for arrays, in float64."""
        device = self._scales[0][0].device
        pair = (torch.tensor(z, dtype=torch.float32, device=device) for z in (z1, z2))
        return np.asarray(self(*pair).double().cpu().numpy())


def trained_critic(codes: Codes, within: bool, device: torch.device, seed: int) -> SeparableCritic:
    """A critic trained on these codes, with early stopping on held-out people; ``within``: each
    batch is of one person, so that recognising the person does not help.
    """
    z1, z2 = (torch.tensor(z, dtype=torch.float32, device=device) for z in (codes.z1, codes.z2))
    rows, held_out = split_people(codes)
    generator = numpy_generator(seed, Purpose.DISENTANGLING)
    validation = list(random_batches(codes.person, held_out, within, generator))
    with seeded(device, seed, Purpose.DISENTANGLING):
        critic = SeparableCritic(z1[rows], z2[rows]).to(device)
        optimiser = torch.optim.AdamW(
            critic.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY
        )

        def train_epoch() -> None:
            for batch in random_batches(codes.person, rows, within, generator):
                optimiser.zero_grad()
                _loss(critic, z1, z2, batch).backward()
                optimiser.step()

        def validation_loss() -> float:
            """Mean over batches of the cross-entropy minus that of guessing."""
            losses = [float(_loss(critic, z1, z2, b)) - np.log(len(b)) for b in validation]
            return float(np.mean(losses))

        train_with_early_stopping(critic, train_epoch, validation_loss, _EPOCHS, _PATIENCE)
    return critic


def random_batches(
    person: Indices, rows: Indices, within: bool, generator: np.random.Generator
) -> Iterator[Indices]:
    """The rows in random order in batches of K, the last one filled up from the first; ``within``:
    each of one person.
    """
    groups = [rows[person[rows] == one] for one in np.unique(person[rows])] if within else [rows]
    batches = []
    for group in groups:
        size = min(PAIRS_WITHIN if within else PAIRS, len(group))
        order = generator.permutation(group)
        order = np.concatenate([order, order[: -len(order) % size]])
        batches += list(order.reshape(-1, size))
    return (batches[i] for i in generator.permutation(len(batches)))


def _loss(critic: SeparableCritic, z1: Tensor, z2: Tensor, batch: Indices) -> Tensor:
    scores = critic(z1[batch], z2[batch])
    return F.cross_entropy(scores, torch.arange(len(batch), device=scores.device))
