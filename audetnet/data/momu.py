"""Multi-label sampling (MOMU) of balanced epochs. NumPy only.

After Chu, De la Torre, Cohn, "Learning facial action units with spatiotemporal cues and multi-label
sampling", Image and Vision Computing 81 (2019), doi 10.1016/j.imavis.2018.10.002; an epoch here
corresponds to a batch there.
"""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_NEVER_SMALLEST = 2**62
"""Count given to a class without frames, so that it is never the smallest."""


class MOMU:
    """Balanced epochs over N frames. The classes are the A AUs plus neutral (no known AU active).

    An epoch starts with the class that has the fewest available frames, draws ``sampling_size`` of
    them without replacement, adds their labels to running class counts and continues with the class
    of the smallest count (the first on ties), ``epoch_size / sampling_size`` times; the result is
    shuffled. A drawn frame becomes unavailable in every class it belongs to. If a class has fewer
    than ``sampling_size`` available frames, all its frames first become available again, in every
    class they belong to. Availability carries over to the next epoch; counts start from zero.

    Edge cases: a class without frames is skipped; a class with fewer than ``sampling_size`` frames
    in total is repeated until there are ``sampling_size``; a frame whose AUs are all unknown is in
    no class.

    With ``subjects``, a class draws evenly over the people who show it. All contribute the same
    number of frames to a draw; any remainder comes, one frame each, from the people drawn least for
    this class in the epoch, ties broken at random. If a person has too few available frames of the
    class, they become available again first; if too few in total, they are repeated. So people are
    drawn as evenly as classes are, however rarely one of them shows the AU.
    """

    def __init__(
        self,
        active: npt.NDArray[np.float32],
        epoch_size: int,
        sampling_size: int,
        subjects: Indices | None = None,
    ) -> None:
        """``active`` (N, A): 1 active, 0 inactive, NaN unknown. ``subjects`` (N,): the subject of
        each frame, as an index.
        """
        assert epoch_size % sampling_size == 0
        positive = active == 1
        neutral = ~positive.any(axis=1) & ~np.isnan(active).all(axis=1)
        self._belongs: Flags = np.column_stack([positive, neutral])
        members = [np.flatnonzero(column) for column in self._belongs.T]
        self._members = {label: frames for label, frames in enumerate(members) if len(frames)}
        if not self._members:
            raise ValueError("no frame has a known AU label")
        self._people = None if subjects is None else _people(self._members, subjects)
        self.epoch_size = epoch_size
        self._draws = epoch_size // sampling_size
        self._size = sampling_size
        self.available: Flags = np.ones(len(active), dtype=bool)
        """The state, kept in checkpoints: which frames may be drawn."""

    def epoch(self, generator: np.random.Generator) -> Indices:
        """Frame indices of the next epoch, in random order, int64 (epoch_size,)."""
        state = (self._members, self._belongs, self.available, generator)
        pools = _Pools(*state) if self._people is None else _EvenPools(*state, self._people)
        counts = np.where(self._belongs.any(axis=0), 0, _NEVER_SMALLEST)
        label = int((pools.free + counts).argmin())
        drawn = []
        for _ in range(self._draws):
            frames, shown = pools.draw(label, self._size)
            drawn.append(frames)
            counts += shown
            label = int(counts.argmin())
        return generator.permutation(np.concatenate(drawn))

    def few_draws(self) -> str | None:
        """A warning if an epoch has fewer draws than there are classes with frames."""
        classes = len(self._members)
        if self._draws >= classes:
            return None
        fine = [n for n in range(1, self.epoch_size // classes + 1) if self.epoch_size % n == 0]
        advice = f"sampling_size {fine[-1]} or epoch_size" if fine else "epoch_size"
        return (
            f"warning: too few draws per epoch, one class each: epoch_size / sampling_size = "
            f"{self.epoch_size} / {self._size} = {self._draws}, for {classes} classes (AUs and "
            f"neutral), so some are never drawn: use {advice} {classes * self._size}"
        )


def repeated(members: Indices, size: int, generator: np.random.Generator) -> Indices:
    """``size`` of the members: all of them in random order, again and again."""
    rounds = [generator.permutation(members) for _ in range(-(-size // len(members)))]
    return np.concatenate(rounds)[:size]


class _Pools:
    """Shuffled queues of the available frames of every class during an epoch; keeps ``available``
    up to date.

    Each class is read from the front of its queue, skipping frames drawn by other classes. When
    frames become available again, every queue is shuffled again before its next use, so that they
    are at random positions.
    """

    def __init__(
        self,
        members: dict[int, Indices],
        belongs: Flags,
        available: Flags,
        generator: np.random.Generator,
    ) -> None:
        self._members, self._belongs, self._available = members, belongs, available
        self._generator = generator
        self._queues: dict[int, Indices] = {}
        self.free = belongs[available].sum(axis=0)
        """The number of available frames of each class."""

    def draw(self, label: int, size: int) -> tuple[Indices, Indices]:
        """Draw ``size`` frames of a class; also returns how many of them belong to each class."""
        members = self._members[label]
        if self.free[label] < size:
            self._release(members)
        if len(members) >= size:
            frames = self._next(label, size)
            shown = self._take(frames)
        else:
            frames = repeated(members, size, self._generator)
            shown = self._belongs[frames].sum(axis=0)
            self._take(members)
        return frames, shown

    def _take(self, frames: Indices) -> Indices:
        """Make frames unavailable; returns how many of them belong to each class."""
        self._available[frames] = False
        shown: Indices = self._belongs.take(frames, axis=0).sum(axis=0)
        self.free -= shown
        return shown

    def _release(self, members: Indices) -> None:
        gone = members[~self._available[members]]
        self._available[gone] = True
        self.free += self._belongs[gone].sum(axis=0)
        self._queues.clear()

    def _next(self, label: int, size: int) -> Indices:
        """The first ``size`` available frames of a queue that has enough."""
        queue = self._queues.get(label)
        if queue is None:
            members = self._members[label]
            queue = self._generator.permutation(members[self._available[members]])
        looked = size
        while True:
            places = np.flatnonzero(self._available[queue[:looked]])[:size]
            if len(places) == size:
                break
            looked *= 2
        self._queues[label] = queue[places[-1] + 1 :]
        return queue[places]


class _EvenPools(_Pools):
    """Pools that draw evenly over people. ``people``: the frames of each person, by class."""

    def __init__(
        self,
        members: dict[int, Indices],
        belongs: Flags,
        available: Flags,
        generator: np.random.Generator,
        people: dict[int, list[Indices]],
    ) -> None:
        super().__init__(members, belongs, available, generator)
        self._people = people
        self._drawn = {label: np.zeros(len(each), np.int64) for label, each in people.items()}

    def draw(self, label: int, size: int) -> tuple[Indices, Indices]:
        people, drawn = self._people[label], self._drawn[label]
        each, left = divmod(size, len(people))
        order = self._generator.permutation(len(people))
        order = order[drawn[order].argsort(kind="stable")]
        shares = np.full(len(people), each)
        shares[order[:left]] += 1
        drawn += shares
        frames = np.concatenate(
            [self._of_person(own, n) for own, n in zip(people, shares.tolist(), strict=True) if n]
        )
        shown: Indices = self._belongs[frames].sum(axis=0)
        self._take(np.unique(frames))
        return frames, shown

    def _of_person(self, own: Indices, size: int) -> Indices:
        """``size`` frames of one person in a class, made available again if necessary."""
        free = own[self._available[own]]
        if len(free) < size:
            self._release(own)
            free = own
        if len(own) < size:
            return repeated(own, size, self._generator)
        return self._generator.choice(free, size, replace=False)


def _people(members: dict[int, Indices], subjects: Indices) -> dict[int, list[Indices]]:
    """The frames of each person, by class."""
    return {
        label: [frames[subjects[frames] == person] for person in np.unique(subjects[frames])]
        for label, frames in members.items()
    }
