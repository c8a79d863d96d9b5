"""OpenCV is an optional part: only faces and videos need it."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.training.conftest import QUICK

NEEDED = "detecting and cropping faces and reading videos need OpenCV: pip install -e '.[faces]' ("


def _without_opencv(program: str) -> subprocess.CompletedProcess[str]:
    """A program in a process that cannot import cv2."""
    command = [sys.executable, "-c", f"import sys; sys.modules['cv2'] = None\n{program}"]
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
    run, crops, out = (str(path) for path in (tmp_path / "run", minimal_data / "imgs", tmp_path))
    data = ["--data", str(minimal_data), "--cache", f"{out}/cache"]
    train = ["train", "--cfg", str(edited_cfg(*QUICK)), *data, "--run", run, "--device", "cpu"]
    predict = ["predict", run, crops, "--device", "cpu", "--out"]
    commands = [train, [*predict, f"{out}/crops.csv", "--aligned"], [*predict, f"{out}/faces.csv"]]
    done = _without_opencv(
        "from audetnet.commands.main import main\n"
        f"for command in {commands}: print('status:', main(command))"
    )
    assert re.findall(r"^status: (\d)$", done.stdout, re.M) == ["0", "0", "2"], done.stderr
    assert (tmp_path / "run" / "results.json").is_file()
    assert len((tmp_path / "crops.csv").read_text().splitlines()) == 13
    assert done.stderr.splitlines()[-1].startswith(NEEDED)


@pytest.mark.parametrize("source", ["images", "disfa"])
def test_extraction_says_so_before_it_begins(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = _without_opencv(
        "from create_dataset.frames import main\n"
        f"sys.exit(main({[source, str(tmp_path), str(out)]}))"
    )
    assert done.returncode == 2 and not out.exists()
    assert done.stderr.startswith(NEEDED) and done.stderr.count("\n") == 1


def test_a_video_of_crops_needs_it(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    done = _without_opencv(
        "from audetnet.errors import exit_status\n"
        "from audetnet.prediction.sources import find_sources\n"
        f"sys.exit(exit_status(lambda: find_sources([{str(tmp_path)!r}])))"
    )
    assert done.returncode == 2 and done.stderr.startswith(NEEDED)
