"""The training loop: epochs of batches, then evaluate, save and log. A killed run resumes from its
last save.
"""

import json
import time
from typing import Any

import torch

from audetnet.config.options import Config
from audetnet.console.lines import say
from audetnet.console.progress import ProgressBar
from audetnet.data.augment import Augmentation
from audetnet.data.batches import (
    Batch,
    Batches,
    PackedRows,
    resident_frames,
    training_batch_indices,
)
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import Dataset
from audetnet.data.momu import Indices
from audetnet.data.order import epoch_order
from audetnet.data.views import views_of_epoch
from audetnet.distributed.batch_norm import synchronise_batch_norm
from audetnet.evaluation.evaluate import Evaluator
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import AUDetNet
from audetnet.networks.model_plan import ModelPlan
from audetnet.objectives.objective import objectives_of
from audetnet.objectives.reconstruction import evaluation_loss
from audetnet.training.checkpoint import Checkpoint, Progress
from audetnet.training.compiled import compile_networks, memory_format
from audetnet.training.held_out import HeldOut
from audetnet.training.logs import NullLog, RunDirectory, RunLog
from audetnet.training.meter import Meter
from audetnet.training.outcome import FinalEvaluation, final_thresholds
from audetnet.training.preparation import PeopleAtRest, fit_blocks, training_people_at_rest
from audetnet.training.records import Record, best_index, selection_metric
from audetnet.training.run_length import check_length
from audetnet.training.saving import Saver
from audetnet.training.settings import RunSettings
from audetnet.training.step import TrainingStep, make_optimisers
from audetnet.training.stopping import Stopped, StopRequest
from audetnet.training.with_references import reference_maker

CHECK_INTERVAL = 16
"""Batches between two reads of the terms, for the progress bar and to detect non-finite values."""


class Trainer:
    """A run from its first or next batch to its last. ``stem``: the frozen stem's outputs for the
    packed frames, if precomputed. ``identity`` and ``description``: see Checkpoint.
    """

    def __init__(
        self,
        config: Config,
        plan: ModelPlan,
        model: AUDetNet,
        dataset: Dataset,
        packed: PackedFrames,
        stem: PackedFrames | None,
        settings: RunSettings,
        identity: dict[str, Any],
        description: dict[str, Any],
    ) -> None:
        self._config = config
        self._encoder = plan.encoder
        self._settings = settings
        self._model = model.to(settings.device).to(memory_format=memory_format(settings.device))
        synchronise_batch_norm(model, settings.world)
        if settings.compile:
            compile_networks(model, settings.device)
        self._dataset = dataset
        self._identity, self._description = identity, description
        self._paths = RunDirectory(settings.directory)
        self._world = world = settings.world
        epochs, test_frames = config.training.max_epochs, len(dataset.test)
        self._log = RunLog(self._paths, epochs, test_frames) if world.is_main else NullLog()
        objectives = objectives_of(plan)
        self._head = head = AUHead(
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
        loss = evaluation_loss(objectives)
        evaluator = Evaluator(model, head, loss, dataset.au_names, self._precision)
        self._batches = self._batches_of(packed, stem)
        self._held_out = HeldOut(
            evaluator, dataset, self._batches, config.training.batch_size, world
        )
        self._order = epoch_order(config.data, dataset, settings.seed)
        self._progress = Progress()
        check_length(config, self._order.length(), world.size)
        self._meter = Meter()
        self._history: list[Record] = []
        self._seconds = 0.0
        self._started = time.monotonic()
        self._saver = Saver(self._paths, settings.save_every, world, self._meter, self._checkpoint)

    def _batches_of(self, packed: PackedFrames, stem: PackedFrames | None) -> dict[str, Batches]:
        device, residence = self._settings.device, self._settings.residence
        resident = resident_frames(packed, device, residence)
        outputs = None if stem is None else PackedRows.load(stem, device, residence)
        return {
            frames.name: Batches(frames, packed, device, resident, self._world, outputs)
            for frames in self._dataset.sets()
        }

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            self._settings.device.type, torch.bfloat16, enabled=self._settings.bf16
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Resume from a checkpoint that ``compatibility.check_run`` has accepted."""
        self._model.load_state_dict(checkpoint.model)
        for name, optimiser in self._optimisers.items():
            groups = optimiser.state_dict()["param_groups"]  # from the cfg
            state = checkpoint.optimisers[name]["state"]
            optimiser.load_state_dict({"state": state, "param_groups": groups})
        self._progress = checkpoint.progress
        self._meter.load_state_dict(checkpoint.meter, self._settings.device)
        self._history = [json.loads(text) for text in checkpoint.history]
        self._seconds = checkpoint.seconds
        if checkpoint.availability is not None:
            self._order.available = checkpoint.availability.numpy().copy()
        self._saver.has_trained_checkpoint = self._progress.step > 0

    def run(self) -> bool:
        """Train, evaluate, save and log until the last epoch, and report. Returns False if stopped
        before, with everything saved.
        """
        self._world.broadcast_from_main([*self._model.parameters(), *self._model.buffers()])
        self._prepare()
        stop = StopRequest(self._settings.deadline, self._world)
        self._world.from_main(lambda: self._log.open(self._history))
        try:
            self._train(stop)
            self._report(stop)
            return True
        except Stopped as reason:
            say(f"stopped ({reason}) {self._where()}; run the same command to resume")
            return False
        finally:
            self._log.close()
            stop.close()

    def _prepare(self) -> None:
        """Compute what is derived from the training frames before the first epoch."""
        model, train, batches = self._model, self._dataset.train, self._batches["train"]
        rest = self._step.rest = self._world.all_or_none(self._people_at_rest)
        if self._progress.step == 0:
            encoder, targets = self._encoder, self._head.targets
            self._world.from_main(lambda: fit_blocks(model, batches, train, encoder, targets, rest))
            self._world.broadcast_from_main(list(model.buffers()))

    def _people_at_rest(self) -> PeopleAtRest | None:
        train, batches = self._dataset.train, self._batches["train"]
        return training_people_at_rest(self._model, batches, train, self._settings.seed)

    def _train(self, stop: StopRequest) -> None:
        if self._progress.step == 0:
            self._saver.save()  # a run's directory always holds its latest checkpoint
        try:
            while self._progress.epoch <= self._config.training.max_epochs:
                self._train_epoch(stop)
                self._finish_epoch(stop)
        except Stopped:
            self._saver.save()
            raise

    def _where(self) -> str:
        progress = self._progress
        if progress.epoch > self._config.training.max_epochs:
            return "after the last epoch, while evaluating on the whole test set"
        return f"in epoch {progress.epoch}, after {progress.batch} of its batches"

    def _report(self, stop: StopRequest) -> None:
        evaluation = FinalEvaluation(
            self._model,
            self._held_out,
            self._paths.best,
            self._identity,
            self._world,
            reference_maker(
                self._model, self._config.data, self._dataset, self._batches, self._settings.seed
            ),
        )
        at_end = self._progress.batch == 0
        outcome = evaluation(self._history, self._selection(), at_end, stop)
        thresholds = final_thresholds(outcome.chosen, self._dataset.au_names, self._head)
        self._world.from_main(lambda: self._log.finish(self._history, outcome, thresholds))

    def _train_epoch(self, stop: StopRequest) -> None:
        epoch = self._progress.epoch
        self._set_learning_rates(epoch)
        batch_indices = self._batch_indices(self._order(epoch))
        self._model.train()
        remaining = batch_indices[self._progress.batch :]
        with ProgressBar(f"epoch {epoch}", len(batch_indices), self._progress.batch) as bar:
            for batch in self._batches["train"](remaining, self._views(epoch)):
                self._train_batch(batch, epoch)
                bar.advance()
                stop.check()  # first: a host that waits for a GPU does not see that a peer has died
                if self._progress.batch % CHECK_INTERVAL == 0:
                    self._saver.check_terms(epoch)
                    bar.show(self._meter.means())
                if self._saver.is_due():
                    self._saver.save()
        self._world.any(False)
        self._saver.checked()

    def _views(self, epoch: int) -> Indices | None:
        """Which view of each training frame to use in an epoch."""
        views = self._config.data.stem_views
        if views is None or views == 1:
            return None
        return views_of_epoch(len(self._dataset.train), views, self._settings.seed, epoch)

    def _batch_indices(self, order: Indices) -> list[Indices]:
        return training_batch_indices(order, self._config.training.batch_size, self._world.size)

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

    def _finish_epoch(self, stop: StopRequest) -> None:
        """Evaluate and log the current epoch, then enter the next one and save, even if the log
        cannot be written.

        A run that is killed before it has saved writes the same log again.
        """
        record = self._evaluate_epoch(stop)
        self._history.append(record)
        try:
            self._log_epoch()
        finally:
            epoch = record["epoch"]
            self._progress = Progress(epoch + 1, 0, self._progress.step)
            self._meter.clear()
            self._order.finish_epoch()
            self._saver.save(epoch, best_index(self._history, *self._selection()) == epoch - 1)

    def _log_epoch(self) -> None:
        samples = self._held_out.samples()
        self._world.from_main(lambda: self._log.epoch(self._history, samples, self._model))

    def _evaluate_epoch(self, stop: StopRequest) -> Record:
        training = self._config.training
        epoch = self._progress.epoch
        return {
            "epoch": epoch,
            "step": self._progress.step,
            "learning_rate": {
                name: o.param_groups[0]["lr"] for name, o in self._optimisers.items()
            },
            "train": self._meter.means(),
            **self._held_out.records(
                None if epoch == training.max_epochs else training.max_test_iters, stop
            ),
            "seconds": round(self._elapsed(), 3),
        }

    def _selection(self) -> tuple[str, str]:
        """(set, metric) that select the best epoch."""
        chosen = "test" if self._dataset.validation is None else "validation"
        return chosen, selection_metric(self._config.data.regress_au_intensities)

    def _elapsed(self) -> float:
        """Seconds spent on this run, including those before it was resumed."""
        return self._seconds + time.monotonic() - self._started

    def _checkpoint(self) -> Checkpoint:
        """The current state, with tensors on the device."""
        available = self._order.available
        return Checkpoint(
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
