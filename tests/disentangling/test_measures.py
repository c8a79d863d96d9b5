"""Every row lands where theory says, on codes whose truth is known."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from audetnet.disentangling.block_metrics import macro_auc
from audetnet.disentangling.columns import ColumnData, labels_as_z1, permuted
from audetnet.disentangling.measures import aus, dependence, factors, info_nce, person, redundancy
from audetnet.disentangling.probes import au_scores
from audetnet.disentangling.table import Cell, NotMeasuredError
from audetnet.evaluation.people import Estimate
from tests.disentangling.made_codes import AU_NAMES, KINDS, made_data

PEOPLE = 12
MODULES = {
    "aus": aus,
    "person": person,
    "factors": factors,
    "dependence": dependence,
    "redundancy": redundancy,
    "info_nce": info_nce,
}


@cache
def _subject(kind: str, null: str = "") -> ColumnData:
    subject = made_data(kind)
    nulls = {one.column.name: one for one in permuted(subject)}
    return nulls[null] if null else subject


@cache
def found(measure: str, kind: str, null: str = "") -> dict[str, Cell]:
    """The cells of a measure, computed once a session."""
    return dict(MODULES[measure].measure(_subject(kind, null)).cells)


def value(key: str, kind: str, null: str = "") -> float:
    (measure,) = (
        name for name, module in MODULES.items() if key in [row.key for row in module.ROWS]
    )
    cell = found(measure, kind, null)[key]
    assert isinstance(cell, Estimate)
    return cell.value


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_aus_are_found_in_z1(kind: str) -> None:
    assert value("au_z1_linear_auc", kind) > 0.95
    assert value("au_z1_rbf_auc", kind) > 0.9
    assert value("au_z1_linear_f1", kind) > 0.8


@pytest.mark.parametrize("probe", ["linear", "rbf"])
def test_the_leak_is_found_where_there_is_one(probe: str) -> None:
    assert value(f"au_z2_{probe}_auc", "independent") == pytest.approx(0.5, abs=0.06)
    assert value(f"leak_{probe}", "independent") == pytest.approx(0, abs=0.12)
    assert value(f"au_z2_{probe}_auc", "linear") > 0.8
    assert value(f"leak_{probe}", "linear") > 0.6
    assert value(f"au_z2_{probe}_auc", "even") > 0.6


def test_identity_is_where_it_was_put() -> None:
    assert value("identity_z1", "independent") < 2.5 / PEOPLE
    assert value("same_person_z1", "independent") == pytest.approx(0.5, abs=0.05)
    for kind in KINDS:
        assert value("identity_z2", kind) > 0.95
        assert value("same_person_z2", kind) > 0.75


@pytest.mark.parametrize("probe", ["linear", "kernel"])
def test_moments_are_in_z2_only(probe: str) -> None:
    assert value(f"factors_z2_{probe}", "independent") > 0.8
    assert value(f"factors_z1_{probe}", "independent") < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("statistic", ["dcor", "hsic"])
@pytest.mark.parametrize("scope", ["pooled", "within"])
def test_dependence(statistic: str, scope: str) -> None:
    key = f"{statistic}_{scope}"
    assert abs(value(key, "independent")) < 0.01
    assert value(key, "linear") > 0.05
    assert value(key, "even") > 0.01
    none, some = (found("dependence", kind)[key] for kind in ("independent", "even"))
    assert isinstance(none, Estimate) and isinstance(some, Estimate)
    assert none.p is not None and none.p > 0.02
    assert some.p is not None and some.p < 0.01
    assert some.low > 0


@pytest.mark.parametrize("scope", ["pooled", "within"])
def test_redundancy_sees_linear_leaks_only(scope: str) -> None:
    for kind in ("independent", "even"):
        assert value(f"redundancy_z2_z1_{scope}", kind) < 0.1
        assert value(f"redundancy_z1_z2_{scope}", kind) < 0.1
    assert value(f"redundancy_z2_z1_{scope}", "linear") > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["pooled", "within"])
def test_info_nce_sees_every_leak(scope: str) -> None:
    assert value(f"nce_{scope}_nats", "independent") < 0.05
    assert value(f"nce_{scope}_auc", "independent") == pytest.approx(0.5, abs=0.06)
    assert value(f"nce_{scope}_nats", "linear") > 0.5
    assert value(f"nce_{scope}_auc", "linear") > 0.75
    assert value(f"nce_{scope}_auc", "even") > 0.53


@pytest.mark.slow
def test_first_trap_a_random_split_would_find_aus_in_z2() -> None:
    """AU rates differ by person and z2 knows the person: frames split at random show a leak, folds
    by person hardly one.
    """
    codes = _subject("confounded").test
    pretended = np.random.default_rng(0).integers(40, size=len(codes))
    scores = au_scores(codes.z2, codes.labels, pretended, non_linear=False)
    ones = np.ones(len(codes.people))
    by_frame = macro_auc(scores, codes.labels, codes.person)(ones)
    by_person = value("au_z2_linear_auc", "confounded")
    assert by_frame > 0.7
    assert by_person < 0.62
    null = value("au_z2_linear_auc", "confounded", "z2 perm. in person")
    assert by_person == pytest.approx(null, abs=0.1)


def test_second_trap_pure_aus_tell_who_it_is() -> None:
    """z1 holds the AUs alone, yet knows the person far better than chance: as true AU labels do."""
    subject = _subject("confounded")
    labels = person.measure(labels_as_z1(subject)).cells["identity_z1"]
    assert isinstance(labels, Estimate)
    assert labels.value > 2 / PEOPLE
    assert value("identity_z1", "confounded") > 2 / PEOPLE
    assert abs(value("dcor_within", "confounded")) < 0.01
    assert value("dcor_pooled", "confounded") > 0.1
    assert value("nce_within_nats", "confounded") < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("null", ["z2 permuted", "z2 perm. in person"])
def test_nulls_are_at_chance_whatever_leaks(null: str) -> None:
    for key in ("au_z2_linear_auc", "au_z2_rbf_auc", "nce_pooled_auc", "nce_within_auc"):
        assert value(key, "linear", null) == pytest.approx(0.5, abs=0.08), key
    assert abs(value("dcor_pooled", "linear", null)) < 0.01
    assert abs(value("dcor_within", "linear", null)) < 0.01
    assert value("redundancy_z2_z1_pooled", "linear", null) < 0.05
    assert value("factors_z2_kernel", "linear", null) < 0.05


def test_only_the_global_null_forgets_the_person() -> None:
    assert value("identity_z2", "linear", "z2 permuted") < 2.5 / PEOPLE
    assert value("identity_z2", "linear", "z2 perm. in person") > 0.95


@pytest.mark.parametrize("measure", MODULES)
def test_cells_are_those_of_the_rows(measure: str) -> None:
    expected = {row.key for row in MODULES[measure].ROWS if not row.key.startswith("augmentation")}
    cells = found(measure, "linear")
    measured = {key for key, cell in cells.items() if isinstance(cell, Estimate)}
    assert measured == expected
    assert set(cells) == {row.key for row in MODULES[measure].ROWS}
    for key in measured:
        cell = cells[key]
        assert isinstance(cell, Estimate) and cell.low <= cell.value <= cell.high, key


@pytest.mark.slow
@pytest.mark.parametrize("measure", MODULES)
def test_the_same_seed_gives_the_same_numbers(measure: str) -> None:
    subject = made_data("linear", people=6, frames=40)
    first, second = (MODULES[measure].measure(subject) for _ in range(2))
    assert str(first) == str(second)


@pytest.mark.parametrize("measure", ["dependence", "redundancy", "info_nce"])
def test_without_z2_its_rows_say_so(measure: str) -> None:
    with pytest.raises(NotMeasuredError, match="no z2"):
        MODULES[measure].measure(_without_z2(_subject("linear")))


def test_without_z2_z1_is_measured() -> None:
    subject = _without_z2(_subject("independent"))
    assert set(aus.measure(subject).cells) == {
        "au_z1_linear_auc",
        "au_z1_linear_f1",
        "au_z1_rbf_auc",
        "au_z1_rbf_f1",
    }
    assert set(person.measure(subject).cells) == {"identity_z1", "same_person_z1"}


def _without_z2(subject: ColumnData) -> ColumnData:
    train, test = (replace(c, z2=c.z2[:, :0]) for c in (subject.train, subject.test))
    return replace(subject, train=train, test=test)


def _of_people(subject: ColumnData, people: int) -> ColumnData:
    test = subject.test.take(np.flatnonzero(subject.test.person < people))
    rows = np.flatnonzero(subject.factors[0].codes.person < people)
    sets = (replace(subject.factors[0], values=subject.factors[0].values[rows], codes=test),)
    return replace(subject, test=test, factors=sets)


@pytest.mark.parametrize(("measure", "people"), [("aus", 2), ("redundancy", 2), ("person", 1)])
def test_too_few_people_are_said(measure: str, people: int) -> None:
    with pytest.raises(NotMeasuredError, match=f"these are of {people}"):
        MODULES[measure].measure(_of_people(_subject("linear"), people))


def test_dependence_of_one_person_has_no_interval() -> None:
    cell = dependence.measure(_of_people(_subject("linear"), 1)).cells["dcor_within"]
    assert isinstance(cell, Estimate) and cell.value > 0.05 and np.isnan(cell.low)


def test_factors_of_too_few_people_are_said() -> None:
    cells = factors.measure(_of_people(_subject("linear"), 2)).cells
    assert "at least 3 people" in str(cells["factors_z1_linear"])
    assert "no factors are known" in str(cells["augmentation_z1_linear"])


def test_frames_without_subjects_are_said() -> None:
    subject = _subject("linear")
    count = len(subject.test)
    everyone = replace(subject.test, people=tuple(map(str, range(count))), person=np.arange(count))
    with pytest.raises(NotMeasuredError, match=r"name the subjects in dataset\.json"):
        aus.measure(replace(subject, test=everyone))


def test_traits_of_few_people_are_left_out() -> None:
    """A factor that is constant for each of 6 people says nothing; that of 12 is measured."""
    subject = _subject("linear")
    (given,) = subject.factors
    trait = subject.test.person[:, None].astype(np.float64)
    sets = replace(given, names=(*given.names, "skin"), values=np.hstack([given.values, trait]))
    many = factors.measure(replace(subject, factors=(sets,)))
    few = factors.measure(_of_people(replace(subject, factors=(sets,)), 6))
    assert "skin" in {each.factor for each in many.factors}
    assert "skin" not in {each.factor for each in few.factors}


def test_too_few_frames_are_said() -> None:
    subject = _subject("linear")
    few = replace(
        subject, train=subject.train.take(np.arange(50)), test=subject.test.take(np.arange(9))
    )
    for measure, line in (("info_nce", "100 training frames"), ("dependence", "20 frames")):
        with pytest.raises(NotMeasuredError, match=line):
            MODULES[measure].measure(few)


@pytest.mark.slow
def test_shares_of_factors() -> None:
    """AUs: 2 (AUC - 0.5); person: above chance; others: R^2, at least 0."""
    known = {
        (k.factor, k.block, k.measure): k
        for measure in ("aus", "person", "factors")
        for k in MODULES[measure].measure(_subject("independent")).factors
    }
    au = known["AU12", "z1", "AUC, linear probe"]
    assert au.share == pytest.approx(2 * au.estimate.value - 1) and au.share > 0.9
    person = known["person", "z2", "balanced accuracy"]
    assert person.share == pytest.approx((person.estimate.value - 1 / 12) / (11 / 12))
    assert known["moment 0", "z1", "R^2, kernel probe"].share < 0.1
    assert known["moment 0", "z2", "R^2, kernel probe"].share > 0.8
    assert {k.factor for k in known.values()} >= set(AU_NAMES)
