"""The order of an epoch: multi-label sampling (MOMU) or a random permutation. numpy only.

MOMU after Chu, De la Torre, Cohn, "Learning facial action units with spatiotemporal cues and
multi-label sampling", Image and Vision Computing 81 (2019), doi 10.1016/j.imavis.2018.10.002; the
epoch plays the part of its batch.
"""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class MOMU:
    """Balanced epochs over N frames. Classes are the A AUs and one more, neutral: no known AU is
    active.

    An epoch starts at the class with the fewest available frames, draws ``sampling_size`` of them
    without replacement, adds their labels to running class counts and goes on at the class with the
    smallest count (the first on ties), ``epoch_size / sampling_size`` times; then it is put in
    random order. A drawn frame leaves every class it belongs to. A class with fewer than
    ``sampling_size`` available frames first gets all its frames back, each into every class it
    belongs to. Availability carries over to the next epoch; counts start anew.

    Edge cases: a class without frames is skipped; a class of fewer than ``sampling_size`` frames is
    drawn whole, again and again, until there are ``sampling_size``; a frame whose AUs are all
    unknown is in no class.
    """

    def __init__(
        self, active: npt.NDArray[np.float32], epoch_size: int, sampling_size: int
    ) -> None:
        """``active`` (N, A): 1 active, 0 inactive, NaN unknown."""
        assert epoch_size % sampling_size == 0
        positive = active == 1
        neutral = ~positive.any(axis=1) & ~np.isnan(active).all(axis=1)
        self._belongs: Flags = np.column_stack([positive, neutral])
        members = [np.flatnonzero(column) for column in self._belongs.T]
        self._members = {label: frames for label, frames in enumerate(members) if len(frames)}
        if not self._members:
            raise ValueError("no frame has a known AU label")
        self.epoch_size = epoch_size
        self._draws = epoch_size // sampling_size
        self._size = sampling_size
        self.available: Flags = np.ones(len(active), dtype=bool)
        """The state: which frames may be drawn. Part of a checkpoint."""

    def epoch(self, generator: np.random.Generator) -> Indices:
        """Frame indices of the next epoch, in random order, int64 (epoch_size,)."""
        counts = np.zeros(self._belongs.shape[1], dtype=np.int64)
        label = min(self._members, key=lambda c: int(self.available[self._members[c]].sum()))
        drawn = []
        for _ in range(self._draws):
            frames = self._draw(label, generator)
            drawn.append(frames)
            counts += self._belongs[frames].sum(axis=0)
            label = min(self._members, key=lambda c: int(counts[c]))
        return generator.permutation(np.concatenate(drawn))

    def _draw(self, label: int, generator: np.random.Generator) -> Indices:
        members = self._members[label]
        free = members[self.available[members]]
        if len(free) < self._size:
            self.available[members] = True
            free = members
        if len(free) >= self._size:
            frames = generator.choice(free, self._size, replace=False)
        else:
            rounds = -(-self._size // len(free))
            frames = np.concatenate([generator.permutation(free) for _ in range(rounds)])[
                : self._size
            ]
        self.available[frames] = False
        return frames
