"""``python -m create_dataset.render`` as a user runs it: small sets of rendered faces."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from audetnet.commands import train
from audetnet.data.ids import read_ids
from audetnet.data.ties import gamma
from create_dataset import check
from create_dataset.render import main
from create_dataset.rendering import plan, worker
from create_dataset.rendering.request import DEFAULT_RATES
from tests.conftest import ROOT

TINY = ("--people", "3", "--frames", "2", "--size", "32", "--every", "20", "--au-rate", "all=0.4")


def render(out: Path, *flags: str) -> int:
    return main([str(out), "--workers", "1", *flags])


def files_of(directory: Path) -> dict[str, bytes]:
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 people, 2 frames each, 32x32."""
    out = tmp_path_factory.mktemp("tiny") / "faces"
    assert render(out, *TINY) == 0
    return out


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is planned and written but what costs time: pictures are grey."""

    def grey(self: worker.RenderWorker, job: worker.RenderJob, *_: object) -> int:
        for shot in job.shots:
            Image.new("RGB", (self.size, self.size), "grey").save(self.images / shot.file)
        return len(job.shots)

    monkeypatch.setattr(worker.RenderWorker, "__call__", grey)


def tables_of(out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labels and factors by frame id."""
    labels = pd.read_csv(out / "aus.csv", index_col=0)
    factors = pd.read_csv(out / "factors.csv", index_col=0)
    assert list(labels.index) == list(factors.index)
    return labels, factors


def sets_of(out: Path) -> dict[str, list[str]]:
    names = ("train", "validation", "test")
    paths = {name: out / f"{name}_ids.csv" for name in names}
    return {name: read_ids(path) for name, path in paths.items() if path.exists()}


def test_a_directory_is_complete_and_consistent(tiny: Path) -> None:
    labels, factors = tables_of(tiny)
    sets = sets_of(tiny)
    assert sorted(chain(*sets.values())) == sorted(labels.index)
    people = [{frame.split("_")[0] for frame in ids} for ids in sets.values()]
    assert sum(map(len, people)) == len(set.union(*people)) == 3
    assert list(factors["subject"]) == [frame.split("_")[0] for frame in factors.index]
    assert {"yaw", "pitch", "roll", "light_x", "light_y", "skin_tone"} <= set(factors.columns)
    exact = pd.read_csv(tiny / "intensities.csv", index_col=0)
    np.testing.assert_allclose(exact[labels.columns], labels, atol=0.5)
    described = json.loads((tiny / "dataset.json").read_text())
    assert (described["kind"], described["threshold"]) == ("intensity", 2)
    assert not (tiny / "render.unfinished").exists()
    with Image.open(tiny / "contact_sheet.png") as sheet:
        assert sheet.size == (2 * 32, 3 * (32 + 12))


def test_pictures_show_different_faces(tiny: Path) -> None:
    """Neither grey nor the same, and a face stands out from its background."""
    pictures = [np.asarray(Image.open(path), float) for path in (tiny / "imgs").iterdir()]
    assert len(pictures) == 6 and {picture.shape for picture in pictures} == {(32, 32, 3)}
    for picture in pictures:
        assert picture[8:24, 8:24].std() > 10
    differences = [np.abs(a - b).mean() for a in pictures for b in pictures if a is not b]
    assert min(differences) > 1


@pytest.mark.slow
def test_the_check_finds_no_error_and_it_trains(
    tiny: Path, tmp_path: Path, edited_cfg: Callable[..., Path]
) -> None:
    assert check.main([str(tiny), "--resized"]) == 0
    cfg = edited_cfg(("max_epochs=4", "max_epochs=1"))
    flags = ["--cfg", str(cfg), "--data", str(tiny), "--run", str(tmp_path / "run")]
    assert train.main([*flags, "--device", "cpu", "--cache", str(tmp_path / "cache")]) == 0


def test_what_is_there_is_not_rendered_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "faces"
    shutil.copytree(tiny, out)
    (out / "imgs" / "SN002_1.jpg").unlink()
    (out / "imgs" / "SN003_0.jpg").write_bytes(b"")
    (out / "aus.csv").unlink()
    rendered: list[str] = []
    film = worker.RenderWorker.__call__

    def noted(
        self: worker.RenderWorker, job: worker.RenderJob, *rest: Callable[..., object]
    ) -> int:
        rendered.extend(shot.file for shot in job.shots)
        return film(self, job, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(worker.RenderWorker, "__call__", noted)
    assert render(out, *TINY) == 0
    assert rendered == ["SN002_1.jpg", "SN003_0.jpg"]
    assert files_of(out) == files_of(tiny)


@pytest.mark.slow
def test_two_processes_write_what_one_writes(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces"
    assert main([str(out), "--workers", "2", *TINY]) == 0
    assert files_of(out) == files_of(tiny)


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=lambda sign: sign.name)
def test_a_killed_run_goes_on(tmp_path: Path, sign: signal.Signals) -> None:
    flags = ["--people", "6", "--frames", "40", "--size", "32", "--workers", "2"]
    out = tmp_path / "faces"
    command = [sys.executable, "-m", "create_dataset.render", str(out), *flags]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        start_new_session=True,
        # Where the tests run in the background, it is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 200
    while not (out / "imgs").is_dir() or len(list((out / "imgs").iterdir())) < 20:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, sign)
    assert process.wait(60) == (130 if sign == signal.SIGINT else -sign)
    kept = {path.name: path.stat().st_mtime_ns for path in (out / "imgs").iterdir()}
    assert 20 <= len(kept) < 240 and not (out / "aus.csv").exists()
    assert main([str(out), *flags]) == 0
    whole = tmp_path / "whole"
    assert main([str(whole), *flags]) == 0
    assert {name: (out / "imgs" / name).stat().st_mtime_ns for name in kept} == kept
    assert files_of(out) == files_of(whole)


@pytest.mark.slow
def test_minimal_dataset_is_what_its_readme_says(tmp_path: Path, minimal_data: Path) -> None:
    """Byte for byte."""
    readme = (minimal_data / "README.md").read_text()
    command = shlex.split(readme.split("```")[1])
    assert command[:4] == ["python", "-m", "create_dataset.render", "minimal_dataset"]
    out = tmp_path / "minimal_dataset"
    flags = command[4:-1]
    assert flags[-1] == "--sheet"
    assert render(out, *flags, str(out / Path(command[-1]).name)) == 0
    (out / "README.md").write_text(readme)
    made = files_of(out)
    shipped = {name: file for name, file in files_of(minimal_data).items() if "cache/" not in name}
    assert made.keys() == shipped.keys()
    assert [name for name in made if made[name] != shipped[name]] == []


def test_rates_and_ranges_are_those_asked_for(tmp_path: Path, no_pictures: None) -> None:
    flags = ["--people", "40", "--frames", "50", "--size", "16", "--au-rate", "AU12=0.4"]
    flags += ["--au-rate", "AU5=0", "--yaw", "-10", "30", "--roll", "0", "0", "--light-x", "0.2"]
    assert render(tmp_path / "faces", *flags, "0.6", "--intensity", "2", "2.8") == 0
    labels, factors = tables_of(tmp_path / "faces")
    rates = (labels >= 2).mean()
    for au, rate in (DEFAULT_RATES | {"AU12": 0.4, "AU5": 0}).items():
        assert rates[au] == pytest.approx(rate, rel=0.13, abs=0.004), au
    assert labels["AU12"].max() == 3
    assert -10 <= factors["yaw"].min() < 0 and 20 < factors["yaw"].max() <= 30
    assert (factors["roll"] == 0).all()
    assert factors["light_x"].between(0.2, 0.6).all()


@pytest.mark.parametrize(
    ("au", "factor", "strength"),
    [
        ("AU12", "skin_tone", 0.9),
        ("AU12", "light_x", -0.8),
        ("AU4", "yaw", 0.5),
        ("AU25", "identity_group", 0.95),
        ("AU6", "age", 0.0),
    ],
)
def test_a_tie_is_as_strong_as_asked_in_every_set(
    au: str, factor: str, strength: float, tmp_path: Path, no_pictures: None
) -> None:
    flags = ["--people", "40", "--frames", "40", "--size", "16"]
    assert render(tmp_path / "tied", *flags, "--correlate", f"{au}:{factor}={strength}") == 0
    assert render(tmp_path / "free", *flags) == 0
    labels, factors = tables_of(tmp_path / "tied")
    for ids in sets_of(tmp_path / "tied").values():
        active, values = labels.loc[ids, au] >= 2, factors.loc[ids, factor]
        assert gamma(active.to_numpy(), values.to_numpy()) == pytest.approx(strength, abs=0.03)
    free, free_factors = tables_of(tmp_path / "free")
    assert sorted(labels[au]) == sorted(free[au])
    assert labels.drop(columns=au).equals(free.drop(columns=au))
    assert factors[free_factors.columns].equals(free_factors)


def test_gamma_is_a_count_of_pairs() -> None:
    """Against its definition, with ties."""
    draws = np.random.default_rng(0)
    active, factor = draws.random(60) < 0.3, draws.integers(0, 6, 60).astype(float)
    signs = np.sign(factor[active][:, None] - factor[~active][None])
    assert gamma(active, factor) == pytest.approx(signs.sum() / np.abs(signs).sum())


def test_the_same_expression_on_many_people(tmp_path: Path, no_pictures: None) -> None:
    out = tmp_path / "faces"
    assert render(out, "--same-expression", "5", "--frames", "8", "--size", "16") == 0
    labels, factors = tables_of(out)
    pairs = pd.read_csv(out / "pairs.csv", index_col=0)["pair"]
    assert pairs.value_counts().to_dict() == {f"expression_{frame}": 5 for frame in range(8)}
    assert (labels.groupby(pairs).nunique() == 1).all(axis=None)
    of_person = ["skin_tone", "age", "beard"]
    others = factors.drop(columns=["subject", *of_person])
    assert (others.groupby(pairs).nunique() == 1).all(axis=None)
    assert factors["skin_tone"].nunique() == 5


def test_the_same_person_under_many_lights(tmp_path: Path, no_pictures: None) -> None:
    out = tmp_path / "faces"
    assert render(out, "--people", "2", "--frames", "4", "--same-person", "6", "--size", "16") == 0
    labels, factors = tables_of(out)
    pairs = pd.read_csv(out / "pairs.csv", index_col=0)["pair"]
    assert (pairs.value_counts() == 6).all() and pairs.nunique() == 2 * 4
    lights = ["light_x", "light_y"]
    assert (labels.groupby(pairs).nunique() == 1).all(axis=None)
    assert (factors.drop(columns=lights).groupby(pairs).nunique() == 1).all(axis=None)
    assert (factors[lights].groupby(pairs).nunique() == 6).all(axis=None)


@pytest.mark.slow
def test_without_wrinkles_the_skin_stays_smooth(tiny: Path, tmp_path: Path) -> None:
    """Only pictures differ, and only those in which something folds."""
    assert render(tmp_path / "smooth", *TINY, "--no-wrinkles") == 0
    smooth, folded = files_of(tmp_path / "smooth"), files_of(tiny)
    differing = {name for name in folded if smooth[name] != folded[name]}
    assert differing >= {"render.json", "contact_sheet.png"}
    pictures = differing - {"render.json", "contact_sheet.png"}
    assert pictures and all(name.startswith("imgs/") for name in pictures)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--au-rate", "AU12=2"], "--au-rate AU12=2: expected AU=RATE with a rate from 0 to 0.9"),
        (["--au-rate", "AU12"], "--au-rate AU12: expected AU=RATE with a rate from 0 to 0.9"),
        (["--au-rate", "AU3=0.1"], "--au-rate AU3=0.1: no such AU"),
        (["--intensity", "4", "2"], "--intensity 4 2: expected two numbers from 0 to 5"),
        (["--yaw", "-90", "0"], "--yaw -90 0: expected two numbers from -60 to 60"),
        (["--correlate", "AU12:skin=0.9"], "--correlate AU12:skin=0.9: no 'skin'"),
        (["--correlate", "AU3:yaw=0.9"], "--correlate AU3:yaw=0.9: no 'AU3'"),
        (["--correlate", "AU12:yaw=1.5"], "expected AU:FACTOR=GAMMA with a gamma from -1 to 1"),
        (
            ["--correlate", "AU12:yaw=0.5", "--correlate", "AU12:age=0.5"],
            "--correlate AU12:age=0.5: AU12 is already tied",
        ),
        (
            ["--people", "3", "--correlate", "AU25:age=0.5"],
            "--correlate AU25:age: impossible in the train set (1 person: SN",
        ),
        (["--same-person", "3", "--correlate", "AU12:yaw=0.5"], "--correlate: frames of a paired"),
        (
            ["--same-expression", "3", "--people", "3"],
            "--same-expression sets the number",
        ),
        (["--people", "1"], "--people: expected at least 2"),
        (["--size", "4"], "--size: expected 16 to 1024 pixels, not 4"),
        (["--sheet", "a.gif"], "--sheet a.gif: expected a name that ends in .png or .jpg"),
    ],
)
def test_mistakes_are_one_line(
    flags: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render(tmp_path / "faces", "--frames", "20", *flags) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert line in said
    assert not (tmp_path / "faces").exists()


def test_pictures_of_two_requests_are_not_mixed(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(tiny)
    assert render(tiny, *TINY, "--seed", "1") == 2
    assert "rendered with seed = 0, not 1; use the same flags" in capsys.readouterr().err
    assert files_of(tiny) == before
    other = tmp_path / "photographs"
    (other / "imgs").mkdir(parents=True)
    (other / "imgs" / "a.jpg").write_bytes(b"a photograph")
    assert render(other, *TINY) == 2
    assert "holds images, but there is no" in capsys.readouterr().err
    assert list(files_of(other)) == ["imgs/a.jpg"]


def test_without_numba_it_is_one_line(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "from create_dataset.render import main\n"
        f"sys.exit(main([{str(tmp_path / 'faces')!r}]))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "rendering faces needs numba: pip install -e '.[render]' (numba is not installed)"
    )


def test_people_and_frames_do_not_depend_on_how_many_there_are(no_pictures: None) -> None:
    """Person 1 of two is person 1 of many: traits, pose and light."""
    from create_dataset.rendering.face_model import read_face_model
    from create_dataset.rendering.request import Request

    model = read_face_model()
    few, many = (
        plan.make_plan(model, Request(people=people, frames=5, size=16, seed=3))
        for people in (2, 7)
    )
    for name in ("yaw", "light_x", "skin_tone", "blur"):
        np.testing.assert_array_equal(few.factors[name], many.factors[name][:2])
