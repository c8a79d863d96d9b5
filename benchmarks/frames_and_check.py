"""Throughput of ``create_dataset.frames`` and ``create_dataset.check``, each next to its upper
bound.

``python benchmarks/frames_and_check.py DIR``: extracting frames from a synthetic 1024x768 video
with landmark files, with one and two workers, against merely decoding the video; and the image pass
of check over the images in DIR, against merely reading their bytes. Rounds are interleaved; prints
medians.
"""

import argparse
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from comparing import Action, in_turn
from scipy.io import savemat

from audetnet.data.images import find_images
from audetnet.faces.head_pose import mean_face
from create_dataset.checking.image_inspection import inspect_images
from create_dataset.frames import main as frames

WIDTH, HEIGHT, FRAMES, ROUNDS = 1024, 768, 400, 3


def make_raw(raw: Path, picture: Path) -> None:
    """Two subjects whose face, an enlarged picture, drifts over a grey background."""
    image = cv2.imread(str(picture))
    assert image is not None
    face = cv2.resize(image, (420, 420), interpolation=cv2.INTER_CUBIC)
    for subject in ("SN001", "SN002"):
        folder = raw / "Landmark_Points" / subject / "tmp_frame_lm"
        folder.mkdir(parents=True)
        video = raw / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi"
        video.parent.mkdir(exist_ok=True)
        writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 20, (WIDTH, HEIGHT))
        for number in range(FRAMES):
            frame = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
            x, y = 200 + number % 200, 150 + number % 60
            frame[y : y + 420, x : x + 420] = face
            writer.write(frame)
            points = 24 * mean_face()[:, :2] * (1, -1) + (x + 210, y + 210)
            savemat(folder / f"{subject}_{number:04d}_lm.mat", {"pts": points})
        writer.release()


def decode(raw: Path) -> None:
    """Every frame of every video, one after the other."""
    for path in (raw / "Videos_LeftCamera").iterdir():
        video = cv2.VideoCapture(str(path))
        while video.read()[0]:
            pass


def extract(raw: Path, workers: int) -> None:
    """The script as a user runs it."""
    with tempfile.TemporaryDirectory() as out:
        status = frames(["disfa", str(raw), f"{out}/out", "--workers", str(workers)])
        assert status == 0


def medians(tasks: dict[str, Action], amount: int) -> dict[str, float]:
    """Items per second of each task, medians of interleaved rounds."""
    seconds = in_turn(tasks, ROUNDS, warm_up=0)
    return {name: amount / statistics.median(values) for name, values in seconds.items()}


def report(unit: str, rates: dict[str, float]) -> None:
    """Each rate, and its ratio to the first."""
    first = next(iter(rates.values()))
    for name, rate in rates.items():
        print(f"{name:<36}{rate:10.0f} {unit}/s {rate / first:8.2f}")


def main(argv: list[str]) -> int:
    """Run both; returns the exit status."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("data", type=Path, metavar="DIR", help="dataset directory")
    images = find_images(flags.parse_args(argv).data / "imgs")
    paths = list(images.values())
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "DISFA"
        make_raw(raw, paths[0])
        tasks: dict[str, Action] = {
            "decoding the videos": lambda: decode(raw),
            "frames, 1 worker": lambda: extract(raw, 1),
            "frames, 2 workers": lambda: extract(raw, 2),
        }
        report("frames", medians(tasks, 2 * FRAMES))

    def read() -> None:
        with ThreadPoolExecutor() as workers:
            list(workers.map(Path.read_bytes, paths))

    report(
        "images",
        medians(
            {"reading the bytes": read, "check's image pass": lambda: inspect_images(images)},
            len(paths),
        ),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
