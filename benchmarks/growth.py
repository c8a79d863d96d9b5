"""How time and memory scale: ``python benchmarks/growth.py [--largest N] [--figure growth.png]``.

Trains a small network with a Discriminator for whole epochs (Trainer: order, loader, steps,
evaluation of 256 frames) on generated arrays: no images are needed. Every measurement has its own
process. Memory is the peak of what the process itself holds (RssAnon in /proc, Linux); the pages of
the mapped array belong to the system, which drops them if memory is short. Prints tables and draws
a figure. ``--mapped``: train for a minute on a million 256x256 frames, 183 GiB in a sparse file,
more than the memory of most machines.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from audetnet.config.reader import parse_config
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import Dataset, FrameSet
from audetnet.distributed.world import World
from audetnet.machine.memory import keep_freed_memory
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import plan_model
from audetnet.training.checkpoint import load_checkpoint
from audetnet.training.logs import RunDirectory
from audetnet.training.settings import RunSettings
from audetnet.training.trainer import Trainer
from audetnet.vocabulary import VOCABULARY

CPU = torch.device("cpu")
AUS = 12
TEST_FRAMES = 256
SIZES = 16, 32, 64, 128, 256
LABELS = {
    "image size": "freed memory kept, as train.py does",
    "image size, freed memory given back": "given back, as glibc does",
}
CFG = """
{{General}}

[training_options]
batch_size={batch}
max_epochs=1
train_main_net_every_n_batches=2

[data_options]
regress_au_intensities=False
balance_dataset_with_momu={momu}
epoch_size={frames}
sampling_size=8
image_size={size}

[loss_options]
au_regression_loss_function=BCEWithLogits
gradient_loss_lambda_discr=10
discriminator_loss_lambda=0.01
reconstruction_loss_lambda=1

{{Encoder}}

[net]
{net}
channels=3

[convolutional]
filters=16
kernel_size=4
stride=4
activation=relu

[avgpool]
pool_size={pooled}
stride={pooled}

[connected]
output_features=32

{{AUPredictor}}

[net]
{net}
channels=16

[connected]
output_features=12

{{Decoder}}

[net]
{net}
channels=32

[upsample]
output_sizes={size},{size}

[convolutional]
filters=3
kernel_size=1
stride=1
activation=tanh

{{Discriminator}}

[net]
{net}
channels=32

[connected]
output_features=64
activation=leaky_relu

[connected]
output_features=1
"""


@dataclass(frozen=True)
class Case:
    """One epoch: frames of size x size in batches, in random or balanced order."""

    frames: int
    batch: int = 256
    size: int = 16
    momu: bool = False
    keep: bool = True
    """Whether to keep freed memory, as train.py does on a CPU (audetnet/machine/memory.py)."""


@dataclass(frozen=True)
class Cost:
    """Seconds for the epoch, seconds before it, and the memory of the process in MiB."""

    epoch: float
    start: float
    memory: float


class Peak:
    """The peak RssAnon of this process, sampled 20 times per second."""

    def __init__(self) -> None:
        self.mib = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.look()
            time.sleep(0.05)

    def look(self) -> None:
        status = Path("/proc/self/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
        self.mib = max(self.mib, int(line.split()[1]) / 1024)


def frame_set(name: str, first: int, count: int) -> FrameSet:
    """Frames with ids and labels; rare AUs as in DISFA."""
    generator = np.random.default_rng(first)
    rates = np.linspace(0.02, 0.35, AUS)
    labels = (generator.random((count, AUS)) < rates).astype(np.float32)
    ids = tuple(f"S{row % 27:03}_{row}" for row in range(first, first + count))
    return FrameSet(
        name=name,
        ids=ids,
        paths=(Path("none"),) * count,
        subjects=tuple(i[:4] for i in ids),
        labels=labels,
    )


def sparse_array(path: Path, count: int, size: int) -> "np.ndarray":
    """A mapped array whose file takes no disk space."""
    shape = (count, 3, size, size)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    array: np.ndarray = np.load(path, mmap_mode="r")
    return array


def prepared(case: Case, folder: Path, deadline: float | None = None) -> Trainer:
    """A trainer with everything it reads in ``folder``."""
    rates = "learning_rate=0.001\nbeta1=0.5\nbeta2=0.99"
    text = CFG.format(**asdict(case), pooled=case.size // 4, net=rates)
    config = parse_config(text, "growth.cfg", VOCABULARY)
    train = frame_set("train", 0, case.frames)
    test = frame_set("test", case.frames, TEST_FRAMES)
    names = tuple(f"AU{n}" for n in range(AUS))
    dataset = Dataset(
        train=train,
        test=test,
        validation=None,
        au_names=names,
        kind="occurrence",
        active_from=1.0,
        notes=(),
    )
    pixels = sparse_array(folder / "a.npy", case.frames + TEST_FRAMES, case.size)
    packed = PackedFrames(pixels, [*train.ids, *test.ids])
    settings = RunSettings(
        directory=folder / "run",
        seed=0,
        device=CPU,
        bf16=False,
        save_every=0,
        deadline=deadline,
        residence="off",
        compile=False,
        world=World(),
    )
    plan = plan_model(config, (case.size, case.size))
    model = build_model(plan, config.data, 0)
    return Trainer(config, plan, model, dataset, packed, None, settings, {}, {})


def measure(case: Case) -> Cost:
    """Train one epoch in this process."""
    torch.set_num_threads(1)
    if case.keep:
        keep_freed_memory()
    peak, begin = Peak(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        trainer = prepared(case, Path(folder))
        started = time.perf_counter()
        trainer.run()
        record = json.loads(Path(folder, "run", "metrics.jsonl").read_text())
    peak.look()
    return Cost(record["seconds"], started - begin, peak.mib)


def in_a_process(case: Case) -> Cost:
    command = [sys.executable, __file__, "--one", json.dumps(asdict(case))]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return Cost(**json.loads(output.splitlines()[-1]))


def tables(largest: int) -> dict[str, list[tuple[Case, Cost]]]:
    """Every series of cases, smallest first, printed as measured."""
    counts = [n for n in (1_000, 10_000, 100_000, 1_000_000) if n <= largest]
    series = {
        "frames, random order": [Case(n) for n in counts],
        "frames, MOMU": [Case(n, momu=True) for n in counts],
        "batch size": [Case(20_480, batch=b) for b in (16, 64, 256, 1024)],
        "image size": [Case(4_096, batch=64, size=s) for s in SIZES],
        "image size, freed memory given back": [
            Case(4_096, batch=64, size=s, keep=False) for s in SIZES
        ],
    }
    found: dict[str, list[tuple[Case, Cost]]] = {}
    for name, cases in series.items():
        print(
            f"\n{name}\n{'frames':>9} {'batch':>6} {'size':>5} {'epoch s':>9} {'us/frame':>9}"
            f" {'start s':>8} {'MiB':>7}"
        )
        for case in cases:
            cost = in_a_process(case)
            found.setdefault(name, []).append((case, cost))
            print(
                f"{case.frames:>9} {case.batch:>6} {case.size:>5} {cost.epoch:>9.2f}"
                f" {cost.epoch / case.frames * 1e6:>9.1f} {cost.start:>8.2f} {cost.memory:>7.0f}",
                flush=True,
            )
    return found


def draw(found: dict[str, list[tuple[Case, Cost]]], path: Path) -> None:
    """Plot epoch time and memory against frames; time per frame against batch and image size."""
    figure = Figure(figsize=(11, 7), layout="constrained")
    time_axes, memory_axes, batch_axes, size_axes = figure.subplots(2, 2).flat
    for name in ("frames, random order", "frames, MOMU"):
        counts = [case.frames for case, _ in found[name]]
        label = name.removeprefix("frames, ")
        time_axes.loglog(counts, [cost.epoch for _, cost in found[name]], "o-", label=label)
        memory_axes.semilogx(counts, [cost.memory for _, cost in found[name]], "o-", label=label)
    linear = found["frames, random order"][-1]
    rate = linear[1].epoch / linear[0].frames
    time_axes.loglog(counts, [n * rate for n in counts], ":", color="grey", label="linear")
    time_axes.set(title="An epoch", xlabel="frames of 16x16", ylabel="seconds")
    memory_axes.set(title="Memory of the process", xlabel="frames of 16x16", ylabel="MiB")
    memory_axes.set_ylim(bottom=0)
    for axes, name, attribute in (
        (batch_axes, "batch size", "batch"),
        (size_axes, "image size", "size"),
        (size_axes, "image size, freed memory given back", "size"),
    ):
        values = [getattr(case, attribute) for case, _ in found[name]]
        costs = [cost.epoch / case.frames * 1e6 for case, cost in found[name]]
        axes.loglog(values, costs, "o-", label=LABELS.get(name))
        axes.set_xticks(values, list(map(str, values)))
        axes.set_xticks([], minor=True)
        axes.set(title="A frame", xlabel=name.split(",")[0], ylabel="microseconds")
    for axes in (time_axes, memory_axes, size_axes):
        axes.legend(frameon=False)
    FigureCanvasAgg(figure).print_png(str(path))


def mapped(seconds: float) -> None:
    """Train for some seconds on an array that does not fit in memory."""
    keep_freed_memory()
    peak, case = Peak(), Case(1_000_000, batch=64, size=256)
    with tempfile.TemporaryDirectory() as folder:
        trainer = prepared(case, Path(folder), time.monotonic() + seconds)
        begin = time.perf_counter()
        trainer.run()
        taken = time.perf_counter() - begin
        step = load_checkpoint(RunDirectory(Path(folder, "run")).latest).progress.step
    peak.look()
    size = case.frames * 3 * case.size**2 / 2**30
    print(
        f"{step * case.batch} of {case.frames} frames of 256x256 ({size:.0f} GiB) trained on: "
        f"{step * case.batch / taken:.0f} images/s, memory of the process {peak.mib:.0f} MiB"
    )


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--largest", type=int, default=1_000_000)
    flags.add_argument("--figure", type=Path, default=Path("growth.png"))
    flags.add_argument("--mapped", action="store_true")
    flags.add_argument("--one", help=argparse.SUPPRESS)
    arguments = flags.parse_args()
    if arguments.one:
        print(json.dumps(asdict(measure(Case(**json.loads(arguments.one))))))
    elif arguments.mapped:
        mapped(60)
    else:
        draw(tables(arguments.largest), arguments.figure)


if __name__ == "__main__":
    main()
