"""The held-out sets of a run, validation and test, and their evaluation."""

from collections.abc import Mapping

import numpy as np

from audetnet.console.progress import ProgressBar
from audetnet.data.batches import Batches, evaluation_batch_indices
from audetnet.data.frames import Dataset
from audetnet.distributed.world import World
from audetnet.evaluation.evaluate import Evaluator, Reference, Samples, SetResults
from audetnet.evaluation.metrics import Array
from audetnet.training.records import Record, finite_or_none, set_record, tuned_thresholds
from audetnet.training.stopping import StopRequest

SAMPLE_COUNT = 8
"""Test frames shown as pictures, evenly spaced over the set."""


class HeldOut:
    """Evaluates the held-out sets with the current model; processes share each batch."""

    def __init__(
        self,
        evaluator: Evaluator,
        dataset: Dataset,
        batches: Mapping[str, Batches],
        batch_size: int,
        world: World,
    ) -> None:
        self._evaluator = evaluator
        self._test, self._au_names = dataset.test, dataset.au_names
        self._lengths = {s.name: len(s) for s in dataset.sets() if s.name != "train"}
        self._batches = batches
        self._batch_size = batch_size
        self._world = world

    def records(self, test_batches: int | None, stop: StopRequest) -> Record:
        """A record for each set, of the test set from at most ``test_batches`` batches. The test
        set is also decided at the thresholds of the validation people. Raises Stopped.
        """
        found: Record = {}
        if "validation" in self._lengths:
            found["validation"] = self._tuning(stop)
        found["test"] = self._test_record(found, test_batches, stop)
        return found

    def whole_test(self, record: Record, stop: StopRequest) -> Record:
        """The record of an epoch, with results on the whole test set. Raises Stopped."""
        return {**record, "test": self._test_record(record, None, stop)}

    def with_references(
        self, references: Mapping[str, Reference], stop: StopRequest
    ) -> dict[str, Record]:
        """Records of the whole test set by name of the reference. Raises Stopped."""
        return {
            name: set_record(self._results("test", None, stop, reference=reference))
            for name, reference in references.items()
        }

    def is_whole(self, record: Record) -> bool:
        """Whether an epoch was evaluated on the whole test set."""
        return bool(record["test"]["frames"] == len(self._test))

    def samples(self) -> Samples:
        """Some test frames and their reconstructions."""
        last, count = len(self._test) - 1, min(SAMPLE_COUNT, len(self._test))
        chosen = np.linspace(0, last, count).round().astype(np.int64)
        return self._evaluator.samples(self._batches["test"], self._test.ids, chosen)

    def _tuning(self, stop: StopRequest) -> Record:
        results = self._results("validation", None, stop)
        best = dict(zip(self._au_names, results.best_thresholds.tolist(), strict=True))
        return {**set_record(results), "thresholds": finite_or_none(best)}

    def _test_record(self, epoch: Record, limit: int | None, stop: StopRequest) -> Record:
        tuned = tuned_thresholds(epoch)
        thresholds = None if tuned is None else np.array(list(tuned.values()), np.float64)
        return set_record(self._results("test", limit, stop, thresholds=thresholds))

    def _results(
        self,
        name: str,
        limit: int | None,
        stop: StopRequest,
        reference: Reference | None = None,
        thresholds: Array | None = None,
    ) -> SetResults:
        batch_indices = evaluation_batch_indices(self._lengths[name], self._batch_size, limit)
        with ProgressBar(f"evaluating {name}", len(batch_indices)) as bar:

            def each() -> None:
                bar.advance()
                stop.check()

            batches, all_gather = self._batches[name], self._world.all_gather
            return self._evaluator(batches, batch_indices, each, all_gather, reference, thresholds)
