"""Draws are keyed: the same key gives the same draw, another key another one."""

from itertools import combinations

import numpy as np
import pytest
import torch

from audetnet.seeds import Purpose, numpy_generator, seeded, torch_generator

CPU = torch.device("cpu")
Name = tuple[int, Purpose, int, int]
BASE: Name = (7, Purpose.ORDER, 3, 2)
NAMES: tuple[Name, ...] = (
    BASE,
    (8, Purpose.ORDER, 3, 2),
    *((7, purpose, 3, 2) for purpose in Purpose if purpose != Purpose.ORDER),
    (7, Purpose.ORDER, 2, 3),
    (7, Purpose.ORDER, 3, 0),
    (7, Purpose.ORDER, 0, 2),
    (7, Purpose.ORDER, 0, 0),
    (2, Purpose.ORDER, 3, 7),
    (0, Purpose.WEIGHTS, 0, 0),
    (0, Purpose.ORDER, 0, 0),
    (2**32 - 1, Purpose.ORDER, 3, 2),
)


def _draw(name: Name, library: str) -> tuple[int, ...]:
    if library == "numpy":
        return tuple(numpy_generator(*name).integers(0, 2**31, 8).tolist())
    generator = torch_generator(CPU, *name)
    return tuple(torch.randint(0, 2**31, (8,), generator=generator).tolist())


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_every_part_of_the_key_changes_the_draw(library: str) -> None:
    draws = {name: _draw(name, library) for name in NAMES}
    for a, b in combinations(NAMES, 2):
        assert draws[a] != draws[b], (a, b)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("name", NAMES, ids=str)
def test_the_same_key_gives_the_same_draw_whatever_ran_before(library: str, name: Name) -> None:
    first = _draw(name, library)
    np.random.default_rng().random()
    torch.rand(3)
    _draw(BASE, library)
    assert _draw(name, library) == first


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_epoch_and_batch_default_to_zero(library: str) -> None:
    short = numpy_generator(5, Purpose.WEIGHTS)
    long = numpy_generator(5, Purpose.WEIGHTS, 0, 0)
    assert short.integers(0, 2**31) == long.integers(0, 2**31)
    a, b = torch_generator(CPU, 5, Purpose.WEIGHTS), torch_generator(CPU, 5, Purpose.WEIGHTS, 0, 0)
    assert a.initial_seed() == b.initial_seed() >= 0


def test_drawing_leaves_the_global_generators_alone() -> None:
    torch_state, before = torch.get_rng_state(), np.random.get_state()
    for library in ("numpy", "torch"):
        _draw(BASE, library)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert repr(np.random.get_state()) == repr(before)


def test_neighbouring_batches_are_not_correlated() -> None:
    """Seeds that differ in one number must not give shifted or similar streams."""
    draws = [
        torch.randn(2000, generator=torch_generator(CPU, 0, Purpose.AUGMENTATION, 1, batch))
        for batch in range(20)
    ]
    correlation = torch.corrcoef(torch.stack(draws)) - torch.eye(20)
    assert correlation.abs().max() < 0.12


def test_the_numbers_of_the_purposes_are_part_of_every_run() -> None:
    """Renumbering one would change all runs, and break resuming existing ones."""
    pinned = {"WEIGHTS": 0, "ORDER": 1, "AUGMENTATION": 2, "CRITICS": 3}
    numbers = {purpose.name: int(purpose) for purpose in Purpose}
    assert {name: numbers[name] for name in pinned} == pinned
    assert len(set(numbers.values())) == len(Purpose.__members__)


def test_seeded_draws_are_the_same_and_leave_no_trace() -> None:
    before = torch.random.get_rng_state()
    drawn = []
    for seed in (3, 3, 4):
        with seeded(CPU, seed, Purpose.DISENTANGLING):
            drawn.append(torch.rand(4))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert torch.equal(torch.random.get_rng_state(), before)
