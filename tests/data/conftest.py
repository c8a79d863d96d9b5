"""Fixtures for tests of the data room: image files and dataset directories."""

import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    """Writes random PNG files of one size and returns them by frame id."""

    def write(*ids: str, size: tuple[int, int] = (6, 4), name: str = "imgs") -> dict[str, Path]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        random = np.random.default_rng(len(ids))
        paths = {frame: folder / f"{frame}.png" for frame in ids}
        for path in paths.values():
            Image.fromarray(random.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
        return paths

    return write


@pytest.fixture
def dataset_directory(tmp_path: Path) -> Callable[..., Path]:
    """Writes a dataset directory. Its images are empty files, since listing does not open them."""

    def write(
        labels: Mapping[str, Sequence[float]],
        train: Sequence[str],
        test: Sequence[str],
        images: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        name: str = "dataset",
    ) -> Path:
        directory = tmp_path / name
        (directory / "imgs").mkdir(parents=True)
        for frame in {*labels, *train, *test} if images is None else images:
            (directory / "imgs" / f"{frame}.jpg").touch()
        table = {frame: np.array(row, dtype=float) for frame, row in labels.items()}
        (directory / "aus.pkl").write_bytes(pickle.dumps(table))
        (directory / "train_ids.csv").write_text("".join(f"{frame}\n" for frame in train))
        (directory / "test_ids.csv").write_text("".join(f"{frame}\n" for frame in test))
        if metadata is not None:
            (directory / "dataset.json").write_text(json.dumps(metadata))
        return directory

    return write
