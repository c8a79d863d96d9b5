"""The loop: epochs of batches, then evaluate, save and log. Killed at any moment, it goes on from
the last save.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from audetnet.config.options import Config, TrainingOptions
from audetnet.console import say
from audetnet.data.augment import Augmentation
from audetnet.data.batches import (
    Batch,
    Batches,
    evaluation_cuts,
    resident_frames,
    training_cuts,
)
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import Dataset
from audetnet.data.momu import Indices
from audetnet.data.order import epoch_order
from audetnet.distributed.batch_norm import synchronise_batch_norm
from audetnet.evaluation.evaluate import Evaluator, SetResults
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import AUDetNet
from audetnet.objectives.objective import Objective
from audetnet.objectives.reconstruction import evaluated_loss
from audetnet.progress import ProgressBar
from audetnet.training.checkpoint import Checkpoint, Progress
from audetnet.training.compiled import compile_networks, memory_format
from audetnet.training.logs import RunDirectory, RunLog, Silence
from audetnet.training.meter import Meter, NotFiniteError
from audetnet.training.records import Record, best_index, set_record
from audetnet.training.settings import RunSettings
from audetnet.training.step import TrainingStep, make_optimisers
from audetnet.training.stopping import Stopped, StopRequest

SAVE_INTERVAL = 600.0
"""Seconds between two saves within an epoch."""
CHECK_INTERVAL = 16
"""Batches between two looks at the terms: for the progress bar, and to stop where one is not
finite.
"""
SAMPLE_COUNT = 8
"""Test frames shown as pictures, evenly spread over the set."""


class Trainer:
    """A run from its first or its next batch to its last. ``identity`` and ``description``: see
    Checkpoint.
    """

    def __init__(
        self,
        config: Config,
        objectives: Sequence[Objective],
        model: AUDetNet,
        dataset: Dataset,
        packed: PackedFrames,
        settings: RunSettings,
        identity: dict[str, Any],
        description: dict[str, Any],
    ) -> None:
        self._config = config
        self._settings = settings
        self._model = model.to(settings.device).to(memory_format=memory_format(settings.device))
        synchronise_batch_norm(model, settings.world)
        if settings.compile:
            compile_networks(model, settings.device)
        self._dataset = dataset
        self._identity, self._description = identity, description
        self._paths = RunDirectory(settings.directory)
        self._world = world = settings.world
        self._log = RunLog(self._paths, config.training.max_epochs) if world.is_first else Silence()
        head = AUHead(
            config.loss.au_regression_loss_function,
            config.data.regress_au_intensities,
            dataset.active_from,
        )
        self._optimisers = make_optimisers(model, config)
        self._step = TrainingStep(
            model,
            self._optimisers,
            objectives,
            config.training.train_main_net_every_n_batches,
            head,
            settings.seed,
            self._precision,
            Augmentation(),
            world,
        )
        loss = evaluated_loss(objectives)
        self._evaluator = Evaluator(model, head, loss, dataset.au_names, self._precision)
        resident = resident_frames(packed, settings.device, settings.residence)
        self._batches = {
            frames.name: Batches(frames, packed, settings.device, resident, world)
            for frames in dataset.sets()
        }
        self._order = epoch_order(config.data, dataset.train, dataset.active_from, settings.seed)
        self._progress = Progress()
        self._check_length()
        self._meter = Meter()
        self._history: list[Record] = []
        self._seconds = 0.0
        self._started = self._saved = time.monotonic()

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            self._settings.device.type, torch.bfloat16, enabled=self._settings.bf16
        )

    def _check_length(self) -> None:
        """Raise UserError for a run in which nothing would be learnt."""
        training = self._config.training
        frames = self._order.length()
        if training.batch_size < self._world.size:
            raise self._config.places[TrainingOptions].error(
                f"batch_size={training.batch_size} is less than the {self._world.size} processes "
                "that share a batch",
                "batch_size",
            )
        batches = len(self._cuts(np.arange(frames))) * training.max_epochs
        if batches < training.train_main_net_every_n_batches:
            raise self._config.places[TrainingOptions].error(
                f"the main network would never be trained: {frames} frames in "
                f"{training.max_epochs} epochs are "
                f"{batches} batches, and "
                f"train_main_net_every_n_batches={training.train_main_net_every_n_batches}",
                "train_main_net_every_n_batches",
            )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of the same run."""
        self._model.load_state_dict(checkpoint.model)
        for name, optimiser in self._optimisers.items():
            optimiser.load_state_dict(checkpoint.optimisers[name])
        self._progress = checkpoint.progress
        self._meter.load_state_dict(checkpoint.meter, self._settings.device)
        self._history = [json.loads(text) for text in checkpoint.history]
        self._seconds = checkpoint.seconds
        if checkpoint.availability is not None:
            self._order.available = checkpoint.availability.numpy().copy()

    def run(self) -> bool:
        """Train, evaluate, save and log until the last epoch. False if stopped before; everything
        is saved then.
        """
        self._world.copy_from_first([*self._model.parameters(), *self._model.buffers()])
        stop = StopRequest(self._settings.deadline, self._world)
        self._log.open(self._history)
        try:
            while self._progress.epoch <= self._config.training.max_epochs:
                self._train_epoch(stop)
                self._finish_epoch(stop)
            best = self._history[best_index(self._history, *self._selection())]
            self._log.finish(self._history, best, " ".join(self._selection()))
            return True
        except Stopped as reason:
            self._save()
            done = f"epoch {self._progress.epoch}, {self._progress.batch} of its batches"
            say(f"stopped ({reason}) in {done}; the same command goes on from there")
            return False
        finally:
            self._log.close()
            stop.close()

    def _train_epoch(self, stop: StopRequest) -> None:
        epoch = self._progress.epoch
        self._set_learning_rates(epoch)
        cuts = self._cuts(self._order(epoch))
        self._model.train()
        remaining = cuts[self._progress.batch :]
        with ProgressBar(f"epoch {epoch}", len(cuts), self._progress.batch) as bar:
            for batch in self._batches["train"](remaining):
                self._train_batch(batch, epoch)
                bar.advance()
                stop.check()  # first: a host that waits for a GPU does not see that a peer has died
                if self._progress.batch % CHECK_INTERVAL == 0:
                    self._check_finite()
                    bar.show(self._meter.means())
                if time.monotonic() - self._saved > SAVE_INTERVAL:
                    self._save()
        self._world.any(False)
        self._check_finite()

    def _cuts(self, order: Indices) -> list[Indices]:
        return training_cuts(order, self._config.training.batch_size, self._world.size)

    def _train_batch(self, batch: Batch, epoch: int) -> None:
        progress = self._progress
        for terms in self._step(batch, progress.step + 1, epoch, progress.batch):
            self._meter.add(terms, batch.length, progress.batch + 1)
        progress.batch += 1
        progress.step += 1

    def _set_learning_rates(self, epoch: int) -> None:
        factor = self._config.training.learning_rate_factor(epoch)
        for optimiser in self._optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = group["base_lr"] * factor

    def _check_finite(self) -> None:
        found = self._meter.first_not_finite()
        if found is not None:
            batch, term = found
            last = (
                f"the last good checkpoint is {self._paths.latest}"
                if self._paths.latest.is_file()
                else "there is no checkpoint yet"
            )
            error = NotFiniteError(
                f"epoch {self._progress.epoch}, batch {batch}: {term} is not finite; "
                f"{last}. Lower a learning_rate "
                "or a lambda of the cfg and start a new run"
            )
            raise self._world.common(error)

    def _finish_epoch(self, stop: StopRequest) -> None:
        """Evaluate and log the epoch in work, then enter the next one and save.

        A run that is killed before it has saved writes the same log again.
        """
        record = self._evaluate_epoch(stop)
        self._history.append(record)
        self._log_epoch()
        self._progress = Progress(self._progress.epoch + 1, 0, self._progress.step)
        self._meter.clear()
        self._order.finish_epoch()
        self._save(record["epoch"])

    def _log_epoch(self) -> None:
        test = self._dataset.test
        chosen = np.linspace(0, len(test) - 1, min(SAMPLE_COUNT, len(test))).round()
        samples = self._evaluator.samples(self._batches["test"], test.ids, chosen.astype(np.int64))
        self._log.epoch(self._history, samples, self._model)

    def _evaluate_epoch(self, stop: StopRequest) -> Record:
        training = self._config.training
        epoch = self._progress.epoch
        limits = {} if epoch == training.max_epochs else {"test": training.max_test_iters}
        record: Record = {
            "epoch": epoch,
            "step": self._progress.step,
            "learning_rate": {
                name: o.param_groups[0]["lr"] for name, o in self._optimisers.items()
            },
            "train": self._meter.means(),
        }
        for frames in self._dataset.sets():
            if frames.name != "train":
                record[frames.name] = set_record(
                    self._evaluate(frames.name, len(frames), limits.get(frames.name), stop)
                )
        record["seconds"] = round(self._elapsed(), 3)
        return record

    def _evaluate(self, name: str, count: int, limit: int | None, stop: StopRequest) -> SetResults:
        cuts = evaluation_cuts(count, self._config.training.batch_size, limit)
        with ProgressBar(f"evaluating {name}", len(cuts)) as bar:

            def each() -> None:
                bar.advance()
                stop.check()

            return self._evaluator(self._batches[name], cuts, each, self._world.of_all)

    def _selection(self) -> tuple[str, str]:
        """(set, metric) that the best epoch is chosen by."""
        chosen = "test" if self._dataset.validation is None else "validation"
        return chosen, "icc" if self._config.data.regress_au_intensities else "f1"

    def _elapsed(self) -> float:
        """Seconds of work on this run, those before its resumptions included."""
        return self._seconds + time.monotonic() - self._started

    def _save(self, finished_epoch: int | None = None) -> None:
        """Write the latest checkpoint and, after an epoch, those that are kept. Never one that is
        not finite.
        """
        self._check_finite()
        self._saved = time.monotonic()
        if not self._world.is_first:
            return
        available = self._order.available
        checkpoint = Checkpoint(
            identity=self._identity,
            description=self._description,
            model=self._model.state_dict(),
            optimisers={
                name: optimiser.state_dict() for name, optimiser in self._optimisers.items()
            },
            progress=self._progress,
            meter=self._meter.state_dict(),
            availability=None if available is None else torch.from_numpy(available),
            history=[json.dumps(record) for record in self._history],
            seconds=self._elapsed(),
        )
        if finished_epoch is not None:
            if best_index(self._history, *self._selection()) == finished_epoch - 1:
                checkpoint.save(self._paths.best)
            if self._settings.save_every and finished_epoch % self._settings.save_every == 0:
                checkpoint.save(self._paths.kept(finished_epoch))
        checkpoint.save(self._paths.latest)
