"""Runs examples/predict_images.py with the real detector."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT

data = pytest.importorskip("skimage.data")


@pytest.mark.slow
def test_the_example_runs(run: Path, tmp_path: Path) -> None:
    """On a photograph from scikit-image, and an empty image."""
    Image.fromarray(data.astronaut()).save(tmp_path / "astronaut.png")
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "nobody.png")
    images = [str(tmp_path / name) for name in ("astronaut.png", "nobody.png")]
    done = subprocess.run(
        [sys.executable, "examples/predict_images.py", str(run), *images],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    first, second, *means = done.stdout.splitlines()
    assert first.startswith(f"{images[0]} face 0: ")
    assert second == f"{images[1]} no face found"
    assert means[0].split()[0] == "AU01_p" and len(means) > 24
