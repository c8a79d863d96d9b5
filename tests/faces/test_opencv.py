"""OpenCV is an optional part: only faces and videos need it."""

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.training.conftest import QUICK

NEEDED = "detecting and cropping faces and reading videos need OpenCV: pip install -e '.[faces]' ("


def _without_opencv(module: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """``main(arguments)`` of a module, in a process that cannot import cv2."""
    program = (
        "import sys; sys.modules['cv2'] = None\n"
        f"from {module} import main\n"
        f"sys.exit(main({[str(argument) for argument in arguments]}))"
    )
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)


def test_one_module_imports_it() -> None:
    modules = [*(ROOT / "audetnet").rglob("*.py"), *(ROOT / "create_dataset").rglob("*.py")]
    importers = {
        path.relative_to(ROOT).as_posix()
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(name.name == "cv2" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "cv2")
    }
    assert importers == {"audetnet/faces/opencv.py"}


def test_training_and_predicting_crops_do_not_need_it(
    edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path
) -> None:
    run, out = tmp_path / "run", tmp_path / "predictions.csv"
    flags = ["--cfg", edited_cfg(*QUICK), "--data", minimal_data, "--cache", tmp_path / "cache"]
    train, predict = "audetnet.commands.train", "audetnet.commands.predict"
    done = _without_opencv(train, *flags, "--run", run, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert (run / "results.json").is_file()
    crops = minimal_data / "imgs"
    done = _without_opencv(predict, run, crops, "--aligned", "--out", out, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert len(out.read_text().splitlines()) == 13
    done = _without_opencv(predict, run, crops, "--out", tmp_path / "faces.csv", "--device", "cpu")
    assert done.returncode == 2 and done.stderr.startswith(NEEDED)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("source", ["images", "disfa"])
def test_extraction_says_so_before_it_begins(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = _without_opencv("create_dataset.frames", source, tmp_path, out)
    assert done.returncode == 2 and not out.exists()
    assert done.stderr.startswith(NEEDED) and done.stderr.count("\n") == 1


def test_a_video_of_crops_needs_it(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    program = (
        "import sys; sys.modules['cv2'] = None\n"
        "from audetnet.errors import exit_status\n"
        "from audetnet.prediction.sources import find_sources\n"
        f"sys.exit(exit_status(lambda: find_sources([{str(tmp_path)!r}])))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and done.stderr.startswith(NEEDED)
