"""Synthetic predictions with known truth."""

import numpy as np

from audetnet.labels import LabelKind
from audetnet.results.predictions import PredictionSet

AUS = ("AU1", "AU4", "AU12")


def make_predictions(
    part: str = "1",
    seed: int | None = 0,
    people: int = 5,
    frames: int = 30,
    noise: float = 0.3,
    kind: LabelKind = "occurrence",
    draw: int = 0,
) -> PredictionSet:
    """Outputs are labels plus noise, one label in ten unknown. ``draw`` changes only the noise."""
    labels = np.random.default_rng([7, ord(part[0])])
    count = people * frames
    top = 5 if kind == "intensity" else 1
    truth = (labels.integers(0, top + 1, (count, len(AUS)))).astype(np.float64)
    errors = np.random.default_rng([8, draw]).normal(0, noise * top, truth.shape)
    outputs = (truth + errors).astype(np.float32).astype(np.float64)
    truth[labels.random(truth.shape) < 0.1] = np.nan
    active = np.where(np.isnan(truth), np.nan, truth >= (2 if top == 5 else 1))
    default = 2.0 if top == 5 else 0.5
    return PredictionSet(
        part=part,
        seed=seed,
        frames=tuple(f"P{part}{who}_{n}" for who in range(people) for n in range(frames)),
        subjects=tuple(f"P{part}{who}" for who in range(people) for _ in range(frames)),
        aus=AUS,
        kind=kind,
        regressed=kind == "intensity",
        truth=truth,
        active=active,
        outputs=outputs,
        threshold=np.full(len(AUS), default),
        tuned=np.array([0.4, 0.55, 0.61]) * 2 * default,
    )
