"""``audetnet export``: the file predicts what the run predicts, without torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from audetnet.commands.export import main
from audetnet.commands.predict import main as predict_main
from audetnet.data.images import read_upright, resized
from audetnet.errors import UserError
from audetnet.prediction import exported_model
from audetnet.prediction.au_model import Outputs
from audetnet.prediction.exported_model import OnnxModel
from audetnet.prediction.exporting import Difference
from audetnet.prediction.trained_model import TrainedModel
from audetnet.training.checkpoint import load_checkpoint
from audetnet.training.saved import reported_checkpoint
from tests.conftest import ROOT
from tests.prediction.conftest import FakeDetector

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="session")
def onnx_file(intensity_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("onnx") / "run.onnx"
    assert main([str(intensity_run), "--out", str(out)]) == 0
    return out


def _crops(data: Path, count: int) -> np.ndarray:
    paths = sorted((data / "imgs").glob("*.jpg"))[:count]
    return np.stack([resized(read_upright(path), (64, 64)) for path in paths])


@pytest.mark.parametrize("count", [1, 2, 7])
def test_onnx_equals_the_run(
    count: int, onnx_file: Path, intensity_run: Path, minimal_data: Path
) -> None:
    crops = _crops(minimal_data, count)
    exported, own = OnnxModel(onnx_file), TrainedModel(intensity_run, torch.device("cpu"))
    for a, b in zip(vars(exported(crops)).values(), vars(own(crops)).values(), strict=True):
        assert a.shape == b.shape and len(a) == count
        np.testing.assert_allclose(a, b, atol=1e-4)
    info, original = vars(exported.info), vars(own.info)
    own_alone = ("path", "digest")
    assert {k: v for k, v in info.items() if k not in own_alone} == {
        k: v for k, v in original.items() if k not in own_alone
    }
    assert exported.info.kind == "intensity" and exported.info.thresholds == (2.0,) * 12


def test_the_metadata_are_complete(onnx_file: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(onnx_file))
    said = json.loads(session.get_modelmeta().custom_metadata_map["audetnet"])
    assert said["aus"][:2] == ["AU1", "AU2"] and said["unit"] == "intensity, 0-5"
    assert said["normalisation"]["mean"] == [0.5, 0.5, 0.5]
    assert {"version", "thresholds", "landmarks", "frame_size"} <= said.keys()
    (crops,) = session.get_inputs()
    assert crops.name == "crops" and crops.type == "tensor(uint8)"
    assert crops.shape[1:] == [64, 64, 3] and isinstance(crops.shape[0], str)


def test_prediction_by_onnx_needs_no_torch(
    onnx_file: Path, intensity_run: Path, minimal_data: Path, tmp_path: Path
) -> None:
    """The same table, from a process that cannot import torch."""
    out = tmp_path / "onnx.csv"
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from audetnet.commands.predict import main\n"
        f"sys.exit(main({[str(onnx_file), str(minimal_data / 'imgs'), '--aligned']} "
        f"+ ['--out', {str(out)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    other = tmp_path / "run.csv"
    flags = [str(minimal_data / "imgs"), "--aligned", "--device", "cpu", "--out", str(other)]
    assert predict_main([str(intensity_run), *flags]) == 0
    exported, own = pd.read_csv(out), pd.read_csv(other)
    assert len(exported) == 12
    np.testing.assert_allclose(exported.filter(like="_r"), own.filter(like="_r"), atol=1.01e-4)


def test_finding_faces_needs_no_torch(onnx_file: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np; from audetnet import load\n"
        f"rows = load({str(onnx_file)!r}).predict(np.zeros((64, 64, 3), np.uint8)).rows\n"
        "print(rows[0]['reason'])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout == "no face found\n", done.stderr


def test_pt2_equals_the_run(run: Path, minimal_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.pt2"
    assert main([str(run), "--to", "pt2", "--out", str(out)]) == 0
    files = {"audetnet": ""}
    program = torch.export.load(out, extra_files=files)
    assert json.loads(files["audetnet"])["unit"] == "probability, 0-1"
    crops = _crops(minimal_data, 5)
    values, _, _ = program.module()(torch.from_numpy(crops))
    own = TrainedModel(run, torch.device("cpu"))(crops)
    np.testing.assert_allclose(values.detach(), own.values, atol=1e-6)


@pytest.mark.parametrize("target", [pytest.param("onnx", marks=pytest.mark.slow), "pt2"])
def test_a_file_with_other_outputs_is_not_kept(
    target: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    real = TrainedModel.__call__

    def off(self: TrainedModel, *arguments: object) -> Outputs:
        found = real(self, *arguments)  # type: ignore[arg-type]
        return Outputs(found.values + 2e-4, found.z1, found.z2)

    monkeypatch.setattr(TrainedModel, "__call__", off)
    out = tmp_path / f"run.{target}"
    assert main([str(run), "--to", target, "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{out}: not written: its AUs differ" in line and "by 2.0e-04" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("aus, codes", [(float("nan"), 0.0), (0.0, float("nan")), (2.0, 0.0)])
def test_nan_is_a_difference(aus: float, codes: float) -> None:
    assert not Difference(aus, codes).is_within(1.0)
    assert Difference(0.5, 1.0).is_within(1.0)


def test_missing_packages_are_a_line(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for name, need in (("onnxscript", "onnx and onnxscript"), ("onnxruntime", "onnxruntime")):
        monkeypatch.setitem(sys.modules, name, None)
        assert main([str(run), "--out", str(tmp_path / "run.onnx")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert need in line and exported_model.INSTALL in line
    assert predict_main([str(tmp_path / "run.onnx"), str(tmp_path)]) == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--out", "a.pt"], "--out a.pt: expected a file ending in .onnx"),
        (["--crops", "EMPTY"], "contains no images"),
    ],
)
def test_mistakes_are_a_line(
    flags: list[str], message: str, run: Path, tmp_path: Path, capsys
) -> None:
    assert main([str(run), *(str(tmp_path) if f == "EMPTY" else f for f in flags)]) == 2
    assert message in capsys.readouterr().err


def test_a_foreign_onnx_file_is_a_line(
    tmp_path: Path, photos: Path, detector: FakeDetector, capsys
) -> None:
    import onnx

    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    x, y = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in "xy")
    onnx.save(
        onnx.helper.make_model(onnx.helper.make_graph([node], "g", [x], [y]), ir_version=10),
        tmp_path / "a.onnx",
    )
    (tmp_path / "b.onnx").write_bytes(b"no network")
    for name, message in (
        ("a", "not a network written by audetnet export"),
        ("b", "not a readable"),
        ("c", "no such file"),
    ):
        assert predict_main([str(tmp_path / f"{name}.onnx"), str(photos)]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_reference_needs_the_run(
    onnx_file: Path, photos: Path, detector, tmp_path: Path, capsys
) -> None:
    flags = ["--reference", "median", "--faces", "largest", "--out", str(tmp_path / "out.csv")]
    assert predict_main([str(onnx_file), str(photos), *flags]) == 2
    assert "--reference needs the run itself" in capsys.readouterr().err


@pytest.fixture(scope="session")
def checkpoint(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portable checkpoint of a run; do not modify."""
    out = tmp_path_factory.mktemp("checkpoint") / "run.pt"
    assert (
        main(
            [
                str(run),
                "--to",
                "checkpoint",
                "--data",
                str(ROOT / "minimal_dataset"),
                "--out",
                str(out),
            ]
        )
        == 0
    )
    return out


def test_a_portable_checkpoint_predicts_what_the_run_predicts(
    checkpoint: Path, run: Path, minimal_data: Path
) -> None:
    crops = _crops(minimal_data, 4)
    alone, own = (TrainedModel(path, torch.device("cpu")) for path in (checkpoint, run))
    np.testing.assert_array_equal(alone(crops).values, own(crops).values)
    assert alone.info.thresholds == own.info.thresholds
    assert checkpoint.stat().st_size < reported_checkpoint(run).stat().st_size / 2


def test_a_portable_checkpoint_needs_no_dataset_for_a_reference(
    checkpoint: Path, run: Path, minimal_data: Path
) -> None:
    crops = _crops(minimal_data, 4)
    alone = TrainedModel(checkpoint, torch.device("cpu"))
    own = TrainedModel(run, torch.device("cpu"), minimal_data)
    for model in (alone, own):
        model.prepare_neutral()
    np.testing.assert_array_equal(alone.neutral(crops), own.neutral(crops))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("thresholds", {"scale": "intensity"}, "thresholds are not those of its AUs"),
        ("training_level", [1.0, "a"], "people at rest does not fit its z1"),
        ("training_level", [[1.0]], "people at rest does not fit its z1"),
    ],
)
def test_what_a_checkpoint_carries_is_checked(
    key: str, value: object, message: str, checkpoint: Path, tmp_path: Path
) -> None:
    damaged = load_checkpoint(checkpoint)
    damaged.description[key] = value
    damaged.save(tmp_path / "damaged.pt")
    with pytest.raises(UserError, match=message):
        TrainedModel(tmp_path / "damaged.pt", torch.device("cpu"))


def test_a_run_does_not_overwrite_its_own_checkpoint(run: Path, capsys) -> None:
    own = reported_checkpoint(run)
    assert main([str(own), "--to", "checkpoint", "--out", str(own)]) == 2
    assert "is the checkpoint to export" in capsys.readouterr().err
    assert main([str(run), "--data", str(run)]) == 2
    assert "--data: can only be used with --to checkpoint" in capsys.readouterr().err
