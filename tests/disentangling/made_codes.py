"""Codes whose truth is known: latent AUs in z1, persons and moments in z2, and what leaks."""

import numpy as np
import torch

from audetnet.disentangling.codes import Codes, FactorSet
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.expressions import BY_LABELS, NONE, Expressions
from audetnet.disentangling.identity_embedding import ReferenceNetworks
from audetnet.disentangling.reference_classifier import ReferenceClassifier
from audetnet.disentangling.table import Column
from audetnet.evaluation.metrics import Array

AUS, TRAITS, MOMENTS = 4, 6, 6
WIDTHS = (16, 32)
AU_NAMES = tuple(f"AU{number}" for number in (1, 2, 12, 25))
KINDS = ("independent", "linear", "even", "confounded")


def own_networks(aus: int, people: int) -> ReferenceNetworks:
    """The report's own classifier for both, untrained, even if dlib is installed."""
    classifier = ReferenceClassifier(aus, people)
    return ReferenceNetworks(classifier, classifier)


def made_data(kind: str, seed: int = 0, people: int = 12, frames: int = 60) -> ColumnData:
    """Codes of ``people`` test people and as many training people.

    independent: AUs have the same rates in all people and are in z1 only. linear: their latent
    values are in z2, too. even: their squares are. confounded: rates differ by person, but within a
    person nothing of the AUs is in z2.
    """
    numbers = np.random.default_rng(seed)
    person = np.repeat(np.arange(2 * people), frames)
    count = len(person)
    own = numbers.normal(size=(count, AUS))
    base = numbers.normal(size=(2 * people, AUS)) * (1.2 if kind == "confounded" else 0)
    latent = own + base[person]
    moments = numbers.normal(size=(count, MOMENTS))
    nuisance = np.concatenate([2 * numbers.normal(size=(2 * people, TRAITS))[person], moments], 1)
    z1 = latent @ numbers.normal(size=(AUS, WIDTHS[0])) + 0.3 * numbers.normal(
        size=(count, WIDTHS[0])
    )
    z2 = nuisance @ numbers.normal(size=(TRAITS + MOMENTS, WIDTHS[1]))
    z2 += 0.3 * numbers.normal(size=z2.shape)
    leaked = {"linear": own, "even": own**2 - 1}.get(kind)
    if leaked is not None:
        z2 += leaked @ numbers.normal(size=(AUS, WIDTHS[1]))
    labels = (latent > 0.8).astype(np.float64)
    train, test = person < people, person >= people
    of_train, of_test = (
        _codes(person[rows], labels[rows], z1[rows], z2[rows]) for rows in (train, test)
    )
    names = tuple(f"moment {index}" for index in range(MOMENTS))
    return ColumnData(
        column=Column(kind, "made", "run"),
        train=of_train,
        test=of_test,
        factors=(FactorSet(group="factors", names=names, values=moments[test], codes=of_test),),
        expressions=Expressions(np.full(len(of_test), NONE), BY_LABELS),
        au_names=AU_NAMES,
        networks=own_networks(AUS, people),
        device=torch.device("cpu"),
        seed=0,
    )


def _codes(person: Array, labels: Array, z1: Array, z2: Array) -> Codes:
    people, numbered = np.unique(person, return_inverse=True)
    ids = tuple(f"{who}_{row}" for row, who in enumerate(person))
    return Codes(
        ids=ids,
        people=tuple(map(str, people)),
        person=numbered.astype(np.int64),
        labels=labels,
        z1=z1,
        z2=z2,
    )
