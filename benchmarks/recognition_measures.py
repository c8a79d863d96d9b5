"""What recognition.py measures in a trained arm, with the report's measures, and its storage."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recognition_arms import SIZE, fresh_predictor_cfg

from audetnet.baselines.method import Method, Scores
from audetnet.baselines.run import run_method
from audetnet.config.options import PREDICTOR
from audetnet.config.reader import parse_config
from audetnet.data.cache import pack_frames
from audetnet.data.factors import find_factors
from audetnet.data.frames import Dataset
from audetnet.disentangling.block_metrics import leak_ratio, macro_auc
from audetnet.disentangling.codes import Codes, balanced_sample, known_factors
from audetnet.disentangling.columns import ColumnData, labels_as_z1
from audetnet.disentangling.exchanged_codes import partners
from audetnet.disentangling.expressions import find_expressions
from audetnet.disentangling.identity_embedding import identity_follows_z2, reference_networks
from audetnet.disentangling.measures import aus, factors, fresh_predictor, person
from audetnet.disentangling.reference_classifier import ReferenceClassifier, trained_classifier
from audetnet.disentangling.table import Column, Findings, NotMeasuredError
from audetnet.disentangling.trained_run import TrainedRun, encoded_run
from audetnet.evaluation.at_rest import reference_block
from audetnet.evaluation.people import Estimate, mean_over_frames
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.model import Pixels
from audetnet.seeds import Purpose, numpy_generator
from audetnet.training.frames_of_run import packed_frames, stem_rows
from audetnet.training.saved import SavedModel, load_saved
from audetnet.vocabulary import VOCABULARY

CPU = torch.device("cpu")
_FRAMES, _BATCH = 4000, 64
_SEED = 0
"""Seed of the reference classifier, the folds and the pairs: the same for all arms."""


@dataclass(frozen=True)
class Result:
    """The result of an arm or a baseline: numbers by name, and its scores."""

    made_of: str
    numbers: Mapping[str, float]
    method: Method


def save(path: Path, result: Result) -> None:
    """Write PATH.npz, then PATH.json."""
    method = result.method
    arrays = {
        f"{key}/{part}": getattr(scores, part)
        for key, scores in method.by_reference.items()
        for part in ("tuning", "test")
    }
    np.savez(path.with_suffix(".npz"), labels=method.tuning_labels, **arrays)
    content = {
        "made_of": result.made_of,
        "name": method.name,
        "tuned_on": method.tuned_on,
        "head": asdict(method.head),
        "numbers": result.numbers,
    }
    path.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n")


def kept(path: Path, made_of: str) -> Result | None:
    """What ``save`` wrote; None if there is nothing, or if its fingerprint differs."""
    if not path.with_suffix(".json").is_file():
        return None
    content: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    if content["made_of"] != made_of:
        return None
    with np.load(path.with_suffix(".npz")) as arrays:
        keys = dict.fromkeys(name.split("/")[0] for name in arrays if "/" in name)
        method = Method(
            name=content["name"],
            head=AUHead(**content["head"]),
            tuned_on=content["tuned_on"],
            tuning_labels=arrays["labels"],
            by_reference={
                key: Scores(arrays[f"{key}/tuning"], arrays[f"{key}/test"]) for key in keys
            },
        )
    return Result(made_of, content["numbers"], method)


def own_classifier(dataset: Dataset, cache: Path) -> ReferenceClassifier:
    """The report's reference classifier, from the cache if it is there."""
    packed = pack_frames(dataset.images(), SIZE, True, cache)
    train, _ = balanced_sample(dataset.train, _FRAMES)
    pixels = packed.gather(packed.rows(train.ids))
    return trained_classifier(train, pixels, dataset.active_from, cache, CPU, _SEED)


def measured(
    made_of: str,
    title: str,
    directory: Path,
    *,
    data: Path,
    dataset: Dataset,
    cache: Path,
    seed: int,
    learns_z2: bool,
) -> Result:
    """All results of the run in a directory; without z2 if it has learnt nothing. Recognition with
    a [person_reference] uses as many frames as the table says; the codes have the median over all
    frames subtracted.
    """
    saved = load_saved(directory)
    method = run_method(title, saved, dataset, CPU, cache, seed)
    classifier = own_classifier(dataset, cache)
    run = _encoded(saved, dataset, cache)
    column = _column(run, dataset, classifier)
    found = _numbers(column, data)
    if learns_z2:
        last = json.loads((directory / "results.json").read_text())["last"]
        found["L1"] = last["test"]["loss"]["reconstruction"]
        found |= _exchanged(run, column.test, classifier)
    else:
        found = {key: value for key, value in found.items() if not _is_of_z2(key)}
    return Result(made_of, found, method)


def _encoded(saved: SavedModel, dataset: Dataset, cache: Path) -> TrainedRun:
    model = saved.trained()
    packed = packed_frames(saved, dataset, cache)
    stem = stem_rows(saved, model, packed, dataset, CPU, cache)
    (train, _), (test, _) = (balanced_sample(f, _FRAMES) for f in (dataset.train, dataset.test))
    return encoded_run(
        saved.root.name,
        saved.config,
        model,
        saved.head(),
        CPU,
        dataset.active_from,
        (train, test),
        packed,
        stem,
        reference_block(model) is not None,
    )


def _column(run: TrainedRun, dataset: Dataset, classifier: ReferenceClassifier) -> ColumnData:
    return ColumnData(
        column=Column(run.name, "an arm", "run"),
        train=run.codes(of_training=True),
        test=run.codes(of_training=False),
        run=run,
        expressions=find_expressions(run.test, {}),
        au_names=dataset.au_names,
        networks=reference_networks(classifier),
        device=CPU,
        seed=_SEED,
    )


def _numbers(column: ColumnData, data: Path) -> dict[str, float]:
    run = column.model_run
    table = find_factors(data, None, None)
    known = () if table is None else tuple(known_factors(table, column.test))
    of_outputs = run.with_scores_as_z1()
    outputs = replace(
        column,
        train=of_outputs.codes(of_training=True),
        test=of_outputs.codes(of_training=False),
        blocks=("z1",),
    )
    found = _values(_found(aus.measure, column))
    found |= _values(_found(fresh_predictor.measure, _with_fresh_predictor(column)))
    found |= _values(_found(person.measure, column))
    for floor, floor_column in (("labels", labels_as_z1(column)), ("outputs", outputs)):
        floors = _values(_found(person.measure, floor_column))
        if "identity_z1" in floors:
            found[f"identity floor {floor}"] = floors["identity_z1"]
    by_factor = _found(factors.measure, replace(column, factors=known)).factors
    found |= {
        f"z2 {each.factor}": each.estimate.value
        for each in by_factor
        if each.block == "z2" and "kernel" in each.measure
    }
    return found


def _is_of_z2(key: str) -> bool:
    return "z2" in key or "leak" in key


def _found(measure: Any, column: ColumnData) -> Findings:
    try:
        findings: Findings = measure(column)
    except NotMeasuredError:
        return Findings({})
    return findings


def _values(findings: Findings) -> dict[str, float]:
    cells = findings.cells.items()
    return {key: cell.value for key, cell in cells if isinstance(cell, Estimate)}


def _with_fresh_predictor(column: ColumnData) -> ColumnData:
    """With an AUPredictor that has something to learn, trained on occurrences with cross-entropy,
    and with standardised codes: the outputs of a ridge vary by a few hundredths.
    """
    run = _scaled(column.model_run)
    text = fresh_predictor_cfg(len(column.au_names), run.test_code.whole.shape[-1])
    fresh = parse_config(text, Path("the fresh AUPredictor"), VOCABULARY).networks[PREDICTOR]
    config = replace(run.config, networks={**run.config.networks, PREDICTOR: fresh})
    head = AUHead("BCEWithLogits", False, run.active_from)
    return replace(column, run=replace(run, config=config, head=head))


def _scaled(run: TrainedRun) -> TrainedRun:
    """Each channel with mean 0 and variance 1 over the training frames."""
    whole, z1_channels = run.train_code.whole, run.train_code.z1_channels
    deviation, mean = torch.std_mean(whole, dim=(0, 2, 3), keepdim=True)
    train, test = (
        Code((code.whole - mean) / deviation.clamp(min=1e-6), z1_channels)
        for code in (run.train_code, run.test_code)
    )
    return replace(run, train_code=train, test_code=test)


def _exchanged(run: TrainedRun, codes: Codes, classifier: ReferenceClassifier) -> dict[str, float]:
    """Row 8 of the report, with its own classifier, from codes that are already computed."""
    who = codes.person
    partner = partners(who, numpy_generator(_SEED, Purpose.DISENTANGLING))
    code = run.test_code
    mixed = Code.of(code.z1, code.z2[torch.from_numpy(partner)])
    (rebuilt, rebuilt_faces), (scores, faces) = (_seen(run, classifier, c) for c in (code, mixed))
    of_z1, of_rebuilt = (macro_auc(each, codes.labels, who) for each in (scores, rebuilt))
    rows = np.arange(len(who))
    goes = identity_follows_z2(faces, rebuilt_faces, rows, who, partner)
    everyone = np.ones(len(codes.people))
    return {
        "judge on reconstructions": of_rebuilt(everyone),
        "exchange AUs": leak_ratio(of_z1, of_rebuilt)(everyone),
        "exchange person": mean_over_frames(goes, who)(everyone),
    }


@torch.no_grad()
def _seen(run: TrainedRun, classifier: ReferenceClassifier, code: Code) -> tuple[Any, Any]:
    seen: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for part in code.whole.split(_BATCH):
        picture = Pixels.shown(run.model.decode(Code(part, code.z1_channels)))
        seen[0].append(classifier.scores(picture))
        seen[1].append(classifier.embedding(picture))
    first, second = (torch.cat(each).double().numpy() for each in seen)
    return first, second
