"""What helps to recognise AUs in unseen people and to disentangle the codes: ``python
benchmarks/recognition.py DIR [--seeds 3] [--arms A,B] [--epochs N] [--work DIR]``.

Trains every arm (recognition_arms.py) with each seed using train.py's own trainer, on the shared
outputs of a frozen stem, and evaluates it with the report's measures on the test people of DIR,
along with ridge regression on HOG and on the frozen stem. F1 thresholds are chosen on validation
people: those of DIR, else a quarter of the training people, who are then not trained on. Nothing is
chosen on the test people: the last epoch is measured. Two processes run in parallel, one thread
each. Finished results are kept in --work: run the same command again to resume.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recognition_arms import ARMS, BASE, Arm, cfg_text
from recognition_measures import CPU, Result, kept, measured, own_classifier, save
from recognition_table import Numbers, draw, markdown

from audetnet.baselines.features import hog_reader, stem_readers
from audetnet.baselines.ridge import ridge_method
from audetnet.commands import train
from audetnet.console.arguments import names, positive
from audetnet.console.lines import note, say
from audetnet.data.frames import Dataset, DatasetPaths, load_dataset
from audetnet.errors import UserError, did_you_mean, exit_status
from audetnet.machine.memory import keep_freed_memory
from audetnet.recogniser import CHECKPOINT, NAME

_AT_ONCE = 2
_MADE_OF = "made_of.txt"
_BASELINES = {
    "hog": "HOG + ridge",
    "stem": "stem + ridge",
    "stem-mirror": "stem, mirror mean + ridge",
}
_CAPTION = """Medians over seeds; in brackets the difference from "{base}" with its 95 % interval
over the {people} test people, resampled alike for both. F1 at thresholds chosen on {validation}
validation people, and at the AU loss's own; "5" and "20": with this many frames of each test person
as reference. Leak: (AUC of z2 - 0.5) / (AUC of z1 - 0.5). Identity: balanced accuracy, chance
1 / {people}; the true AU labels give {floor:.3f}. z2: R2 of kernel ridge regressions. "rest":
[person_reference] before the ridge; its codes have the median over all frames of a person
subtracted."""


@dataclass(frozen=True)
class Bench:
    """The data that all arms share, and where results are kept."""

    data: Path
    work: Path
    epochs: int

    @property
    def cache(self) -> Path:
        return self.work / "cache"

    def dataset(self) -> Dataset:
        return self._loaded(self.validation)

    @cached_property
    def validation(self) -> tuple[str, ...]:
        """The training people to hold out if DIR has no validation people: every fourth."""
        dataset = self._loaded(())
        people = sorted(set(dataset.train.subjects))
        return () if dataset.validation is not None else tuple(people[3::4])

    def _loaded(self, validation: tuple[str, ...]) -> Dataset:
        paths = DatasetPaths(directory=self.data)
        return load_dataset(paths, False, None, validation or None)

    def place(self, name: str, seed: int) -> Path:
        return self.work / f"{name}-{seed}"

    def cfg(self, arm: Arm, dataset: Dataset) -> str:
        return cfg_text(
            arm,
            aus=len(dataset.au_names),
            people=dataset.train.people,
            epochs=self.epochs,
            regress=dataset.kind == "intensity",
            validation=self.validation,
        )

    def made_of(self, name: str, dataset: Dataset) -> str:
        """A fingerprint of everything a result depends on, except its seed."""
        arm = next((arm for arm in ARMS if arm.name == name), None)
        cfg = name if arm is None else self.cfg(arm, dataset)
        if arm is not None and arm.starts_from_shipped:
            cfg += hashlib.sha256(CHECKPOINT.read_bytes()).hexdigest()
        return hashlib.sha256(f"{dataset.digest()} {cfg}".encode()).hexdigest()[:16]


def main(argv: list[str]) -> int:
    """Run the benchmark; returns its exit status."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("data", type=Path, metavar="DIR", help="dataset directory")
    flags.add_argument("--seeds", type=positive, default=3)
    flags.add_argument("--arms", type=names, help="by name (default: all but the slow ones)")
    flags.add_argument("--epochs", type=positive, default=12)
    flags.add_argument("--work", type=Path, default=Path("runs/recognition"))
    flags.add_argument("--one", help=argparse.SUPPRESS)
    flags.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    given = flags.parse_args(argv)
    bench = Bench(given.data, given.work, given.epochs)
    if given.one is not None:
        return exit_status(lambda: _one(bench, given.one, given.seed))
    return exit_status(lambda: _all(bench, given.seeds, given.arms))


def _all(bench: Bench, seeds: int, asked: tuple[str, ...] | None) -> int:
    arms = _chosen(asked)
    dataset = bench.dataset()
    for line in dataset.notes:
        note(line)
    titles = {**_BASELINES, **{arm.name: arm.title for arm in arms}}
    tasks = [(name, seed) for seed in range(seeds) for name in titles]
    missing = [task for task in tasks if _result(bench, dataset, *task) is None]
    if missing:
        _prepare(bench, dataset)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        failed = [line for line in pool.map(lambda task: _child(bench, *task), missing) if line]
    rows = {
        title: [r for seed in range(seeds) if (r := _result(bench, dataset, name, seed))]
        for name, title in titles.items()
    }
    _report(bench, dataset, {title: results for title, results in rows.items() if results})
    for line in failed:
        note(line)
    return 1 if failed else 0


def _chosen(asked: tuple[str, ...] | None) -> list[Arm]:
    if asked is None:
        return [arm for arm in ARMS if not arm.is_slow]
    known = {arm.name: arm for arm in ARMS}
    for name in asked:
        if name not in known:
            raise UserError(f"--arms {name}: no such arm{did_you_mean(name, known)}")
    return [known[name] for name in dict.fromkeys((BASE, *asked))]


def _result(bench: Bench, dataset: Dataset, name: str, seed: int) -> Result | None:
    return kept(bench.place(name, seed), bench.made_of(name, dataset))


def _prepare(bench: Bench, dataset: Dataset) -> None:
    """Compute what all arms share, so that no two processes do so at once."""
    say("computing the outputs of the stem, and training the reference classifier, once for all")
    stem_readers(dataset, bench.cache, CPU)
    hog_reader(dataset, bench.cache)
    own_classifier(dataset, bench.cache)


def _child(bench: Bench, name: str, seed: int) -> str | None:
    """Train and measure in a separate process; returns a line if it failed."""
    log, start = bench.work / f"{name}-{seed}.log", time.monotonic()
    command = [sys.executable, __file__, str(bench.data), "--work", str(bench.work)]
    command += ["--epochs", str(bench.epochs), "--one", name, "--seed", str(seed)]
    with log.open("w") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
    say(f"{name}, seed {seed}: {time.monotonic() - start:.0f} s")
    if status.returncode == 0:
        return None
    last = next(reversed([line for line in log.read_text().splitlines() if line.strip()]), "")
    return f"{name}, seed {seed}, failed: {last} (see {log})"


def _one(bench: Bench, name: str, seed: int) -> int:
    torch.set_num_threads(1)
    keep_freed_memory()
    dataset = bench.dataset()
    made_of, place = bench.made_of(name, dataset), bench.place(name, seed)
    if name in _BASELINES:
        title = _BASELINES[name]
        reader = hog_reader(dataset, bench.cache) if name == "hog" else None
        readers = reader or stem_readers(dataset, bench.cache, CPU)
        method = ridge_method(title, readers[title], dataset, seed)
        save(place, Result(made_of, {}, method))
        return 0
    arm = next(arm for arm in ARMS if arm.name == name)
    cfg = bench.work / f"{name}.cfg"
    cfg.write_text(bench.cfg(arm, dataset))
    flags = ["--cfg", str(cfg), "--data", str(bench.data), "--run", str(place), "--device", "cpu"]
    flags += ["--seed", str(seed), "--save-every", "0", "--cache", str(bench.cache)]
    if arm.starts_from_shipped:
        flags += ["--init", NAME]
    if _trained_of(place) != made_of:
        flags.append("--overwrite")
        place.mkdir(parents=True, exist_ok=True)
        (place / _MADE_OF).write_text(made_of)
    if status := train.main(flags):
        return status
    result = measured(
        made_of,
        arm.title,
        place,
        data=bench.data,
        dataset=dataset,
        cache=bench.cache,
        seed=seed,
        learns_z2=arm.decoder is not None,
    )
    save(place, result)
    return 0


def _trained_of(place: Path) -> str | None:
    """The fingerprint of the run in a directory; None if there is none."""
    path = place / _MADE_OF
    return path.read_text() if path.is_file() else None


def _report(bench: Bench, dataset: Dataset, rows: dict[str, list[Result]]) -> None:
    base = next(arm.title for arm in ARMS if arm.name == BASE)
    numbers = Numbers(rows, base, dataset)
    caption = _CAPTION.format(
        base=base,
        people=dataset.test.people,
        validation=0 if dataset.validation is None else dataset.validation.people,
        floor=numbers.floor(),
    )
    text = f"{markdown(numbers, rows)}\n\n{caption}\n"
    (bench.work / "recognition.md").write_text(text)
    draw(numbers, rows, bench.work / "recognition.png")
    say(f"\n{text}\n{bench.work / 'recognition.png'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
