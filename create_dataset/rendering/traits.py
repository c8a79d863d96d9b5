"""A person as numbers: shape, colours, age, and how they move."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray, srgb_bytes
from create_dataset.rendering.face_model import FaceModel
from create_dataset.rendering.seeding import Purpose, make_rng
from create_dataset.rendering.wrinkle_maps import Fold

SKINS = srgb_bytes(
    (233, 199, 180), (222, 180, 154), (206, 158, 126), (176, 126, 92), (134, 89, 64), (94, 62, 46)
)
"""From the lightest, skin_tone 0, to the darkest, 1."""
_HAIRS = srgb_bytes((28, 22, 20), (52, 36, 28), (92, 64, 42), (150, 112, 70), (120, 118, 116))
_HAIR_RATES = {"fair": (0.35, 0.3, 0.18, 0.09, 0.08), "dark": (0.8, 0.12, 0.0, 0.0, 0.08)}
_EYES = srgb_bytes((72, 46, 28), (98, 68, 38), (106, 116, 92), (96, 124, 146), (118, 124, 130))
_EYE_RATES = {"fair": (0.4, 0.2, 0.14, 0.18, 0.08), "dark": (0.9, 0.1, 0.0, 0.0, 0.0)}
_BEARDS, _BEARD_RATES = (0, 0.15, 0.35, 0.75), (0.35, 0.3, 0.2, 0.15)
_FOLD_ABSENT = (0.3, 0.3, 0.2, 0.25, 0.3, 0.15, 0.25, 0.3)
"""The share of people who lack each fold."""
_RESTING_FOLDS = np.array([0.25, 0.25, 0.2, 0.3, 0.05, 0.45, 0.1, 0.3])
_WIDEST = 2.2
"""Largest weight of an identity shape, in standard deviations."""


@dataclass(frozen=True, kw_only=True)
class Traits:
    """Numbers are from 0 to 1 unless stated otherwise; colours are linear light (3,)."""

    shape: FloatArray
    """Weights of the identity shapes (100,)."""
    skin_tone: float
    skin: DoubleArray
    masculine: bool
    """Beard, strong brows, receding hairline; else fuller hair, finer brows, perhaps lipstick."""
    hair: DoubleArray
    beard: float
    bald: bool
    hairline: float
    """How far it recedes, in centimetres."""
    hair_depth: float
    """Centimetres."""
    lashes: float
    """Hairs per card."""
    iris: DoubleArray
    eye_shape: FloatArray
    """As in albedo.Eyes."""
    age: float
    strength: FloatArray
    """Factor for each expression (53,), about 1."""
    asymmetry: DoubleArray
    """How much stronger each AU is on one side (A,)."""
    resting_folds: FloatArray
    """Depth of each fold (8,) in a face at rest."""
    moving_folds: FloatArray
    """Depth of each fold (8,) added by its AUs at full strength."""
    fold_offset: FloatArray
    """Shift of all folds in texels (2,)."""


def draw_traits(model: FaceModel, seed: int, person: int, au_count: int) -> Traits:
    """The person with this number (from 1)."""
    rng = make_rng(seed, Purpose.TRAITS, person)
    tone = rng.beta(1.1, 1.4)
    skin = np.array([np.interp(tone * 5, range(6), colour) for colour in SKINS.T])
    masculine = bool(rng.random() < 0.5)
    bald = masculine and bool(rng.random() < 0.12)
    age = rng.beta(1.5, 2.0)
    absent = rng.random(len(Fold)) < _FOLD_ABSENT
    folding = rng.uniform(0.25, 1.35, len(Fold)) * ~absent * (0.65 if age < 0.3 else 1.0)
    return Traits(
        shape=_draw_shape(model, rng),
        skin_tone=tone,
        skin=skin * (1 + rng.normal(0, 0.03, 3)),
        masculine=masculine,
        hair=_HAIRS[rng.choice(5, p=_HAIR_RATES["fair" if tone < 0.5 else "dark"])],
        beard=float(rng.choice(_BEARDS, p=_BEARD_RATES)) if masculine else 0.0,
        bald=bald,
        hairline=rng.uniform(-0.4, 1.2) if masculine else rng.uniform(-1.2, 0.2),
        hair_depth=_hair_depth(masculine, bald, rng),
        lashes=rng.uniform(6, 10) if masculine else rng.uniform(9, 15),
        iris=_EYES[rng.choice(5, p=_EYE_RATES["fair" if tone < 0.45 else "dark"])],
        eye_shape=np.array(
            [
                0.70 * rng.uniform(0.95, 1.05),
                0.27 * rng.uniform(0.8, 1.3),
                rng.uniform(0.2, 1),
            ],
            np.float32,
        ),
        age=age,
        strength=np.exp(rng.normal(0, 0.10, len(model.names))).astype(np.float32),
        asymmetry=rng.normal(0, 0.06, au_count),
        resting_folds=_as_float(_RESTING_FOLDS * age**1.3 * rng.uniform(0.4, 1.2, len(Fold))),
        moving_folds=_as_float(folding * (0.55 + 0.75 * age)),
        fold_offset=_as_float(rng.normal(0, 2.0, 2)),
    )


def _draw_shape(model: FaceModel, rng: np.random.Generator) -> FloatArray:
    """Normal, without outliers, and such that the lips of a face at rest are closed."""
    weights = 0.9 * np.clip(rng.standard_normal(100), -_WIDEST, _WIDEST)
    gap = model.lip_gap(model.identities).astype(np.float64)
    squares = np.einsum("ki,kj->ij", gap, gap) + 1e-9 * np.eye(3)
    opening = np.einsum("ki,k->i", gap, weights)
    return _as_float(weights - np.einsum("ki,i->k", gap, np.linalg.solve(squares, opening)))


def _hair_depth(masculine: bool, bald: bool, rng: np.random.Generator) -> float:
    depth = rng.uniform(0.25, 1.3) if masculine else rng.uniform(0.6, 1.7)
    return 0.05 if bald else depth


def _as_float(values: DoubleArray) -> FloatArray:
    return values.astype(np.float32)
