"""Running means of logged terms, kept on the device, and the first batch in which one was not
finite.
"""

from typing import Any

import torch
from torch import Tensor

from audetnet.errors import UserError


class Meter:
    """Means over the frames of an epoch. Terms added in one call must always be added together."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], dict[str, Tensor]] = {}

    def add(self, terms: dict[str, Tensor], frames: int, batch: int) -> None:
        """Add the scalars of a batch, weighted by its frames, without a host synchronisation."""
        names = tuple(terms)
        values = torch.stack([term.detach().to(torch.float64) for term in terms.values()])
        if names not in self._groups:
            self._groups[names] = {
                "sums": torch.zeros_like(values),
                "frames": torch.zeros((), dtype=torch.float64, device=values.device),
                "first_bad": torch.full_like(values, -1, dtype=torch.int64),
            }
        group = self._groups[names]
        group["sums"] += values * frames
        group["frames"] += frames
        new = ~values.isfinite() & (group["first_bad"] < 0)
        group["first_bad"].masked_fill_(new, batch)

    def first_not_finite(self) -> tuple[int, str] | None:
        """(batch, term) of the first term that was not finite, in the order of the step, or
        None.
        """
        found = [
            (int(batch), name)
            for names, group in self._groups.items()
            for name, batch in zip(names, group["first_bad"].tolist(), strict=True)
            if batch >= 0
        ]
        return min(found, key=lambda item: item[0], default=None)

    def means(self) -> dict[str, float]:
        """The mean of every term so far."""
        return {
            name: value
            for names, group in self._groups.items()
            for name, value in zip(names, (group["sums"] / group["frames"]).tolist(), strict=True)
        }

    def clear(self) -> None:
        """Reset all means."""
        self._groups.clear()

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"|".join(names): dict(group) for names, group in self._groups.items()}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """From a checkpoint."""
        self._groups = {
            tuple(names.split("|")): {key: tensor.to(device) for key, tensor in group.items()}
            for names, group in state.items()
        }


class NotFiniteError(UserError):
    """A loss, gradient or weight became infinite or NaN."""
