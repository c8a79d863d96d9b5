"""Person references in a run: in training with [person_reference], and next to the plain results at
its end.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from audetnet.commands.train import main
from audetnet.data.batches import Batch
from audetnet.data.metadata import subject_indices
from audetnet.distributed.world import World
from audetnet.evaluation.evaluate import Reference, encoded
from audetnet.training.preparation import (
    PeopleAtRest,
    reader,
    reference_block,
    training_people_at_rest,
)
from audetnet.training.records import reference_table
from audetnet.training.with_references import CHOICES, references_by_count
from tests.forked import forked_world
from tests.training.conftest import (
    FROZEN_STEM,
    QUICK,
    REFERENCE,
    assert_same_bits,
    data_option,
    saved_tensors,
    start,
)
from tests.training.stem_bench import Bench

narrow_resnet = pytest.mark.usefixtures("narrow_resnet")
Edited = Callable[..., Path]
Train = Callable[..., Path]
Z1 = data_option("person_reference=z1")
FEW = "4 of 4 training people have fewer than 5 frames (all frames): their median may show"


def options(*lines: str) -> tuple[str, str]:
    """An edit that adds options to [person_reference]."""
    return "[person_reference]", "\n".join(["[person_reference]", *lines])


@pytest.fixture
def bench(edited_cfg: Edited, minimal_data: Path, narrow_resnet: None) -> Bench:
    cfg = edited_cfg(*FROZEN_STEM, REFERENCE, data_option("stem_views=1"))
    return Bench(cfg, minimal_data)


def people(bench: Bench, name: str) -> "np.ndarray":
    frames = {each.name: each for each in bench.data.sets()}[name]
    return subject_indices(frames.subjects)


@pytest.mark.parametrize("with_stem", [True, False])
def test_the_medians_of_training_people_and_their_mean(bench: Bench, with_stem: bool) -> None:
    """Of the block's input: the stem's outputs."""
    model, batches = bench.model(), bench.batches("train", with_stem)
    rest = training_people_at_rest(model, batches, bench.data.train, seed=0)
    assert rest is not None and rest.missing == 0
    pixels = torch.from_numpy(bench.frames.gather(bench.frames.rows(bench.data.train.ids)))
    with torch.no_grad():
        stem = model.stem(pixels / 255).numpy()
    who = people(bench, "train")
    medians = np.stack([np.median(stem[who == each], axis=0) for each in range(4)])
    tolerance = {"rtol": 2e-3, "atol": 2e-3} if with_stem else {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(rest.values.numpy(), medians, **tolerance)
    found = reference_block(model)
    assert found is not None and found[0] == 2
    np.testing.assert_allclose(found[1].mean_rest.numpy(), medians.mean(axis=0), **tolerance)
    (batch,) = batches([np.array([6, 1, 3])])
    assert torch.equal(rest(batch, 1, 0), rest.values[torch.from_numpy(who[[6, 1, 3]])])


def test_reading_changes_nothing_else(
    edited_cfg: Edited, minimal_data: Path, narrow_resnet: None
) -> None:
    """Neither statistics nor random draws, even with trainable blocks before it: a resumed run
    reads again.
    """
    first = "[convolutional] # 32x16x16"
    before = (
        "[convolutional]\nbatch_normalise=1\nfilters=4\nkernel_size=1\nstride=1\n"
        f"[dropout]\nprobability=0.5\n[route]\nbranch_at_layer=1\n[person_reference]\n{first}"
    )
    bench = Bench(edited_cfg(*FROZEN_STEM, (first, before)), minimal_data)
    model, batches = bench.model().train(), bench.batches("train", True)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    drawn = torch.random.get_rng_state()
    assert training_people_at_rest(model, batches, bench.data.train, seed=0) is not None
    changed = [n for n, tensor in model.state_dict().items() if not torch.equal(tensor, state[n])]
    assert changed == ["encoder.blocks.5.mean_rest"]
    assert torch.equal(torch.random.get_rng_state(), drawn) and model.training


def part_of_batch(length: int, rank: int, processes: int) -> Batch:
    part = World(rank, processes).part(length)
    subjects = (torch.arange(length) % 3)[part]
    return Batch(
        indices=np.arange(length)[part],
        frames=torch.zeros(len(subjects), 3, 1, 1, dtype=torch.uint8),
        labels=torch.zeros(len(subjects), 1),
        subjects=subjects,
        length=length,
        part=part,
    )


def test_a_share_of_the_frames_has_unknown_people() -> None:
    """The same share and frames for any number of processes; other frames in the next batch."""
    values = torch.tensor([1.0, 2.0, 6.0]).view(3, 1, 1, 1)
    rest = PeopleAtRest(values=values, missing=0.3, seed=0)
    whole = rest(part_of_batch(3000, 0, 1), 1, 0).flatten()
    own = values.flatten()[torch.arange(3000) % 3]
    unknown = whole == 3.0
    assert torch.equal(whole[~unknown], own[~unknown])
    assert unknown.float().mean().item() == pytest.approx(0.3, abs=0.03)
    parts = [rest(part_of_batch(3000, rank, 4), 1, 0).flatten() for rank in range(4)]
    assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(rest(part_of_batch(3000, 0, 1), 1, 0).flatten(), whole)
    for place in ((1, 1), (2, 0)):
        assert not torch.equal(rest(part_of_batch(3000, 0, 1), *place).flatten(), whole)
    every = replace(rest, missing=0.0)(part_of_batch(3000, 0, 1), 1, 0).flatten()
    assert torch.equal(every, own)


def test_a_step_subtracts_the_reference(bench: Bench) -> None:
    """What the rest of the Encoder reads in training is the stem minus the person's median."""
    model, batches = bench.model(), bench.batches("train", True)
    step = bench.step(model)
    step.rest = training_people_at_rest(model, batches, bench.data.train, seed=0)
    (batch,) = batches([np.array([5, 0, 2, 7])])
    seen: list[Tensor] = []
    model.encoder.blocks[3].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    step(batch, 2, 1, 0)
    assert step.rest is not None and batch.stem is not None
    expected = batch.stem.float() - step.rest.values[batch.subjects]
    torch.testing.assert_close(seen[0].detach(), expected)


@pytest.mark.parametrize("with_stem", [True, False])
def test_test_people_are_read_at_rest_at_the_block(bench: Bench, with_stem: bool) -> None:
    model, batches = bench.model().eval(), bench.batches("test", with_stem)
    both = {"test": batches, "train": bench.batches("train", with_stem)}
    references = references_by_count(model, bench.data, both, seed=0)
    assert list(references) == ["1", "5", "20", "all"] == list(CHOICES)
    assert {reference.place for reference in references.values()} == {"stem"}
    stem = reader(model, 2, batches)(np.arange(4))
    who = people(bench, "test")
    medians = [np.median(stem[who == each].numpy(), axis=0) for each in range(2)]
    for name in ("5", "20", "all"):
        np.testing.assert_allclose(references[name].at_rest.numpy(), medians, rtol=1e-5)
    singles = references["1"].at_rest
    for each in range(2):
        assert any(torch.equal(singles[each], one) for one in stem[who == each])
    (batch,) = batches([np.array([2, 0, 3])])
    seen: list[Tensor] = []
    model.encoder.blocks[3].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        encoded(model, batch, references["all"])
    expected = stem[[2, 0, 3]] - references["all"].at_rest[who[[2, 0, 3]]]
    torch.testing.assert_close(seen[0], expected)


def test_plain_is_the_mean_of_the_training_people(bench: Bench) -> None:
    """Evaluating without references equals using the mean for everyone, and differs from using each
    person's own."""
    model = bench.model()
    batches = {name: bench.batches(name, True) for name in ("train", "test")}
    training_people_at_rest(model, batches["train"], bench.data.train, seed=0)
    found = reference_block(model)
    assert found is not None
    everyone = found[1].mean_rest.expand(2, *found[1].mean_rest.shape)
    plain = bench.evaluated(model, True)
    assert bench.evaluated(model, True, Reference("stem", everyone)).losses == plain.losses
    own = references_by_count(model, bench.data, batches, seed=0)["all"]
    assert bench.evaluated(model, True, own).losses != plain.losses


@pytest.fixture
def z1_bench(edited_cfg: Edited, minimal_data: Path, narrow_resnet: None) -> Bench:
    return Bench(edited_cfg(*FROZEN_STEM, Z1, name="z1.cfg"), minimal_data)


@pytest.mark.parametrize("with_stem", [True, False])
def test_z1_is_read_minus_the_persons_median_plus_the_mean_level(
    z1_bench: Bench, with_stem: bool
) -> None:
    """From at most 20 frames of each training person; z2 is unchanged."""
    model = z1_bench.model().eval()
    batches = {name: z1_bench.batches(name, with_stem) for name in ("train", "test")}
    reference = references_by_count(model, z1_bench.data, batches, seed=0)["all"]
    assert reference.place == "z1"
    codes = {}
    for name, each in batches.items():
        (batch,) = each([np.arange(len(people(z1_bench, name)))])
        with torch.no_grad():
            codes[name] = encoded(model, batch)
    who = {name: people(z1_bench, name) for name in batches}
    medians = {
        name: np.stack(
            [np.median(codes[name].z1[who[name] == p].numpy(), axis=0) for p in set(who[name])]
        )
        for name in batches
    }
    level = medians["train"].mean(axis=0)
    (batch,) = batches["test"]([np.arange(4)])
    with torch.no_grad():
        code = encoded(model, batch, reference)
    expected = codes["test"].z1.numpy() - medians["test"][who["test"]] + level
    np.testing.assert_allclose(code.z1.numpy(), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(code.z2, codes["test"].z2)


def results_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text())
    return found


def rows_of_reference_table(printed: str) -> list[str]:
    _, table = printed.split("none: the result of the table above.\n")
    return [line.split()[0] for line in table.splitlines()[1:6]]


@pytest.mark.usefixtures("narrow_resnet")
def test_a_run_with_the_block(
    train: Train,
    edited_cfg: Edited,
    capsys: pytest.CaptureFixture[str],
    stop_after: Callable[[int | None], None],
) -> None:
    """Its mean is in the checkpoint, its results have both tables, and after a stop it resumes to
    the same bits.
    """
    cfg = edited_cfg(*QUICK, *FROZEN_STEM, REFERENCE, options("missing=0.3"))
    stop_after(None)
    whole = train(cfg, "whole")
    output = capsys.readouterr()
    assert FEW in output.err
    assert rows_of_reference_table(output.out) == ["none", "1", "5", "20", "all"]
    results = results_of(whole)
    beside = results["with_person_reference"]
    assert list(beside) == ["1", "5", "20", "all"]
    assert all(record["frames"] == 4 for record in beside.values())
    plain = results["chosen"]["test"]
    assert beside["all"]["loss"] == beside["5"]["loss"] != plain["loss"]
    assert results["chosen"] == json.loads((whole / "metrics.jsonl").read_text().splitlines()[-1])
    latest = saved_tensors(whole / "checkpoints" / "latest.pt")
    (mean,) = (tensor for name, tensor in latest.items() if name.endswith("mean_rest"))
    assert mean.shape == (64, 8, 8) and mean.abs().sum() > 0
    for count in (3, 9):  # in the first epoch, and among the evaluations with references
        stop_after(count)
        train(cfg, "stopped")
    stop_after(None)
    resumed = train(cfg, "stopped")
    assert_same_bits(*(run / "checkpoints" / "latest.pt" for run in (whole, resumed)))
    assert results_of(resumed)["with_person_reference"] == beside


def test_a_run_with_z1(
    train: Train, edited_cfg: Edited, capsys: pytest.CaptureFixture[str]
) -> None:
    """It trains like a run without, bit for bit, and has the second table."""
    short = (*QUICK, ("max_epochs=2", "max_epochs=1"))
    plain = train(edited_cfg(*short, name="plain.cfg"), "plain")
    assert results_of(plain)["with_person_reference"] == {}
    assert "person references" not in capsys.readouterr().out
    z1 = train(edited_cfg(*short, Z1, name="z1.cfg"), "z1")
    printed = capsys.readouterr().out
    assert rows_of_reference_table(printed) == ["none", "1", "5", "20", "all"]
    own, other = (saved_tensors(run / "checkpoints" / "latest.pt") for run in (plain, z1))
    assert all(torch.equal(own[name], other[name]) for name in own)
    results, without = results_of(z1), results_of(plain)
    assert results["chosen"]["test"] == without["chosen"]["test"]
    assert results["with_person_reference"]["all"]["loss"] != results["chosen"]["test"]["loss"]
    losses = [r["loss"]["reconstruction"] for r in results["with_person_reference"].values()]
    assert all(np.isfinite(losses))


def without_subjects(data: Path, directory: Path, ids: str) -> Path:
    """The dataset, with a different person for every frame of a list."""
    pattern = "|".join([*(data / ids).read_text().split(), "[^_]+"])
    copy = Path(shutil.copytree(data, directory / "data"))
    metadata = json.loads((copy / "dataset.json").read_text())
    (copy / "dataset.json").write_text(json.dumps({**metadata, "subject_pattern": pattern}))
    return copy


def test_unknown_people_get_the_median_of_all_frames(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    model, batches, train = bench.model(), bench.batches("train", True), bench.data.train
    strangers = replace(train, subjects=train.ids)
    assert training_people_at_rest(model, batches, strangers, seed=0) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        line.startswith("[person_reference] subtracts the median of all")
        and "subject_pattern" in line
    )
    found, every = reference_block(model), reader(model, 2, batches)(np.arange(8)).numpy()
    assert found is not None
    np.testing.assert_allclose(found[1].mean_rest.numpy(), np.median(every, axis=0), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("narrow_resnet")
@pytest.mark.parametrize("unknown", ["train", "test"])
def test_without_known_subjects_a_note_says_so_and_training_continues(
    unknown: str,
    edited_cfg: Edited,
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """For either set: results with references need both."""
    short = (*QUICK, ("max_epochs=2", "max_epochs=1"))
    cfg = edited_cfg(*short, *FROZEN_STEM, REFERENCE)
    data = without_subjects(minimal_data, tmp_path, f"{unknown}_ids.csv")
    assert start(cfg, tmp_path / "run", data=data) == 0
    said = capsys.readouterr().err
    assert ("[person_reference] subtracts the median of all" in said) == (unknown == "train")
    (line,) = (x for x in said.splitlines() if "no results with person references" in x)
    assert f"the {unknown} frames" in line and "subject_pattern or subjects" in line
    assert results_of(tmp_path / "run")["with_person_reference"] == {}
    latest = saved_tensors(tmp_path / "run" / "checkpoints" / "latest.pt")
    (mean,) = (tensor for name, tensor in latest.items() if name.endswith("mean_rest"))
    assert mean.abs().sum() > 0


@pytest.mark.usefixtures("narrow_resnet")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(None, "No such file", id="a list that is missing"),
        pytest.param("SN001_0,1\n", "expected one frame id per row", id="a table"),
        pytest.param("nobody_1\n", "names none of the training frames", id="of other frames"),
    ],
)
def test_an_unusable_frame_list_is_one_line_and_can_be_corrected(
    text: str | None,
    said: str,
    edited_cfg: Edited,
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "neutral.csv"
    if text is not None:
        path.write_text(text)
    named = options("frames=named", f"frame_list={path}")
    short = (*QUICK, ("max_epochs=2", "max_epochs=1"))
    cfg, run = edited_cfg(*short, *FROZEN_STEM, REFERENCE, named), tmp_path / "run"
    assert start(cfg, run) == 2
    (line,) = (x for x in capsys.readouterr().err.splitlines() if str(path) in x)
    assert line.startswith(f"{path}") and said in line
    if text == "nobody_1\n":
        first = (minimal_data / "train_ids.csv").read_text().splitlines()[0]
        path.write_text(f"{first}\n")
        assert start(cfg, run) == 0
        assert "4 of 4 training people have fewer than 5" in capsys.readouterr().err


@pytest.mark.usefixtures("narrow_resnet")
@pytest.mark.parametrize("change", ["who is who", "the list"])
def test_other_people_or_another_list_prevent_resuming(
    change: str,
    edited_cfg: Edited,
    minimal_data: Path,
    tmp_path: Path,
    stop_after: Callable[[int | None], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They determine the references, so the checkpoint must not be resumed."""
    ids = (minimal_data / "train_ids.csv").read_text().splitlines()
    path, run = tmp_path / "neutral.csv", tmp_path / "run"
    path.write_text("\n".join(ids))
    named = options("frames=named", f"frame_list={path}")
    cfg = edited_cfg(*QUICK, *FROZEN_STEM, REFERENCE, named)
    data = Path(shutil.copytree(minimal_data, tmp_path / "data"))
    stop_after(1)
    assert start(cfg, run, data=data) == 0
    if change == "the list":
        path.write_text("\n".join(ids[1:]))
    else:
        metadata = json.loads((data / "dataset.json").read_text())
        other = {**metadata, "subject_pattern": "SN00[12]|SN00"}
        (data / "dataset.json").write_text(json.dumps(other))
    capsys.readouterr()
    assert start(cfg, run, data=data) == 2
    assert "this run was started with" in capsys.readouterr().err


def test_the_table_by_the_number_of_frames() -> None:
    def record(value: float | None) -> dict[str, Any]:
        return {"mean": {"f1": value, "2afc": 0.5}}

    table = reference_table(record(0.25), {"1": record(None), "all": record(0.75)})
    header, *rows = table.splitlines()
    assert header.split() == ["reference", "frames", "F1", "2AFC"]
    assert [row.split() for row in rows] == [
        ["none", "0.250", "0.500"],
        ["1", "-", "0.500"],
        ["all", "0.750", "0.500"],
    ]


@pytest.mark.slow
def test_two_processes_equal_one(edited_cfg: Edited, minimal_data: Path, tmp_path: Path) -> None:
    """With views of a stem, a person's reference and a share of unknown people."""
    edits = [*QUICK, *FROZEN_STEM, REFERENCE, options("missing=0.3")]
    edits += [("max_epochs=2", "max_epochs=1"), data_option("stem_views=2")]
    edits += [("batch_size=4", "batch_size=6")]
    text = edited_cfg(*edits).read_text()
    cfg = tmp_path / "plain.cfg"
    cfg.write_text(text.replace("batch_normalise=1", "batch_normalise=0"))
    runs = [tmp_path / "alone", tmp_path / "several"]
    for run, size in zip(runs, (1, 2), strict=True):
        flags = ["--cfg", str(cfg), "--data", str(minimal_data), "--run", str(run)]
        call = partial(main, [*flags, "--cache", str(tmp_path / run.name / "c"), "--device", "cpu"])
        ranks = forked_world(size, call, tmp_path / f"printed_{size}")
        assert [rank.wait() for rank in ranks] == [0] * size, ranks[0].printed()
        assert ranks[0].printed().count("with person references: each frame minus the median") == 1
    records = [json.loads((run / "metrics.jsonl").read_text()) for run in runs]
    for name in ("au_loss", "reconstruction_loss", "image_discriminator_penalty"):
        alone, several = (record["train"][name] for record in records)
        assert several == pytest.approx(alone, rel=1e-4), name
    for name, value in records[0]["test"]["loss"].items():
        assert records[1]["test"]["loss"][name] == pytest.approx(value, rel=1e-3)
    beside = [results_of(run)["with_person_reference"] for run in runs]
    for name, record in beside[0].items():
        assert beside[1][name]["loss"] == pytest.approx(record["loss"], rel=1e-3)
    both = [saved_tensors(run / "checkpoints" / "latest.pt") for run in runs]
    (mean,) = (name for name in both[0] if name.endswith("mean_rest"))
    assert torch.equal(both[0][mean], both[1][mean])
