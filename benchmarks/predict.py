"""``audetnet predict`` end to end, and its parts, on one thread.

``python benchmarks/predict.py RUN VIDEO [--frames 60] [--rounds 3]``: the first frames of a video,
the largest face in each. Prints milliseconds per frame and frames per second for reading, for each
installed detector, for cropping with head pose, for the network on crops (one at a time, and 32),
for the run as an ONNX file if onnxruntime is installed, and for everything together. Measures CPU
time, which on one thread is what an idle core needs. Rounds are interleaved; prints medians.
"""

import argparse
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy, OpenCV and torch are imported

import cv2
import numpy as np
import torch
from comparing import Action, in_turn

from audetnet.console.text_table import text_table
from audetnet.errors import UserError
from audetnet.faces.alignment import ByteImage
from audetnet.faces.detector import Face, LandmarkDetector, landmark_detector
from audetnet.faces.sources import DETECTORS, DetectorName
from audetnet.machine.memory import keep_freed_memory
from audetnet.prediction.au_model import AUModel, Crops
from audetnet.prediction.ensemble import Ensemble
from audetnet.prediction.exported_model import OnnxModel
from audetnet.prediction.frames import Frame, Source
from audetnet.prediction.observing import CropKind, FaceFinder
from audetnet.prediction.people import People
from audetnet.prediction.stream import recognise
from audetnet.prediction.trained_model import TrainedModel

BATCH = 32


class KnownFaces:
    """A detector that already knows the faces: what remains is the cost of everything else."""

    name: DetectorName = "facemesh"

    def __init__(self, detector: LandmarkDetector, images: list[ByteImage]) -> None:
        self._faces = {id(image): detector.faces(image) for image in images}

    def faces(self, image: ByteImage) -> list[Face]:
        return self._faces[id(image)]


def installed_detectors() -> dict[str, LandmarkDetector]:
    found: dict[str, LandmarkDetector] = {}
    for name in DETECTORS:
        try:
            found[name] = landmark_detector(name)
        except UserError as error:
            print(f"without {name}: {error}")
    return found


def _same(image: ByteImage) -> ByteImage:
    return image


def _all_faces(detector: LandmarkDetector, images: list[ByteImage]) -> None:
    for image in images:
        detector.faces(image)


def on_crops(model: AUModel, crops: Crops, size: int) -> Action:
    def run() -> None:
        for start in range(0, len(crops), size):
            model(crops[start : start + size])

    return run


def parts(run: Path, video: Path, count: int, folder: Path) -> dict[str, Action]:
    """What to measure, by name; each action processes all frames."""
    model = TrainedModel(run, torch.device("cpu"))
    ensemble, source = Ensemble([model]), Source(video, True)
    every = 1

    def read() -> list[ByteImage]:
        frames = source.frames(every)
        return [next(frames).read() for _ in range(count)]

    images = read()
    detectors = installed_detectors()
    known = FaceFinder(KnownFaces(detectors["facemesh"], images), "largest", ensemble.kinds)

    def crop() -> list[Crops]:
        kind: CropKind = ensemble.kinds[0]
        found = []
        for number, image in enumerate(images):
            frame = Frame(source="", number=number, seconds=0, read=partial(_same, image))
            found += [seen.crops[kind] for seen in known(frame, People()) if seen.crops]
        return found

    crops = np.stack(crop())
    ways: dict[str, Action] = {"reading": read}
    for name, detector in detectors.items():
        ways[f"faces and landmarks, {name}"] = partial(_all_faces, detector, images)
    ways["crop and head pose"] = crop
    ways["network, one at a time"] = on_crops(model, crops, 1)
    ways[f"network, {BATCH} at a time"] = on_crops(model, crops, BATCH)
    exported = folder / "run.onnx"
    try:
        from audetnet.prediction.exporting import export

        export(model, "onnx", exported, crops[:8])
        ways[f"the same as ONNX, {BATCH} at a time"] = on_crops(
            OnnxModel(exported, threads=1), crops, BATCH
        )
    except UserError as error:
        print(f"without ONNX: {error}")

    def whole(detector: LandmarkDetector) -> None:
        finder, seen = FaceFinder(detector, "largest", ensemble.kinds), 0
        for part in recognise([source], finder, ensemble, every, BATCH):
            seen += part.frames
            if seen >= count:
                return

    for name, detector in detectors.items():
        ways[f"end to end, {name}"] = partial(whole, detector)
    return ways


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("run", type=Path)
    flags.add_argument("video", type=Path)
    flags.add_argument("--frames", type=int, default=64, help="a multiple of 32 (default: 64)")
    flags.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    arguments = flags.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        ways = parts(arguments.run, arguments.video, arguments.frames, Path(folder))
        found = in_turn(ways, arguments.rounds, clock=time.process_time)
    rows = [["part", "ms per frame", "frames/s"]]
    for name, seconds in found.items():
        each = statistics.median(seconds) / arguments.frames
        rows.append([name, f"{1000 * each:.1f}", f"{1 / each:.1f}"])
    print(text_table(rows))


if __name__ == "__main__":
    main()
