"""What a run reports at its end, on the whole test set: the epoch chosen on the validation frames,
and the last one.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from audetnet.distributed.world import World
from audetnet.errors import UserError
from audetnet.evaluation.evaluate import Reference
from audetnet.evaluation.metrics import metric_title
from audetnet.evaluation.thresholds import Thresholds
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import AUDetNet
from audetnet.training.checkpoint import load_checkpoint
from audetnet.training.held_out import HeldOut
from audetnet.training.identity import check_identity
from audetnet.training.records import Record, best_index, tuned_thresholds
from audetnet.training.stopping import StopRequest


@dataclass(frozen=True)
class Choice:
    """The reported epoch (from 1). ``by`` says how it was chosen; ``reason``, if not by a
    validation metric, why not.
    """

    epoch: int
    by: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The records of the chosen and of the last epoch, which may be the same.
    ``with_references``: test records of the chosen epoch with person references, by the number of
    reference frames.
    """

    choice: Choice
    chosen: Record
    last: Record
    with_references: Mapping[str, Record]


def choose(history: list[Record], name: str, metric: str) -> Choice:
    """The best epoch by the metric if the set ``name`` is the validation set, else the last one: an
    epoch chosen on the test set would look better there than on new people.
    """
    best, last, title = best_index(history, name, metric) + 1, len(history), metric_title(metric)
    if name == "test":
        return Choice(
            last,
            "last epoch",
            "no validation frames: the last epoch is reported, not the best on the test set "
            f"(epoch {best} by {title}, checkpoints/best.pt), which would be optimistic",
        )
    if all(record[name]["mean"][metric] is None for record in history):
        reason = f"{name} {title} is undefined in every epoch: the last epoch is reported"
        return Choice(last, "last epoch", reason)
    return Choice(best, f"{name} {metric}")


def final_thresholds(chosen: Record, au_names: tuple[str, ...], head: AUHead) -> Thresholds:
    """The thresholds of the chosen epoch."""
    default = np.full(len(au_names), head.threshold)
    tuned = tuned_thresholds(chosen)
    found = None if tuned is None else np.array(list(tuned.values()), np.float64)
    return Thresholds(
        aus=au_names,
        scale="intensity" if head.regress else "probability",
        epoch=chosen["epoch"],
        default=default,
        validation=None if found is None else np.where(np.isnan(found), default, found),
    )


class FinalEvaluation:
    """Evaluates on the whole test set if an epoch was evaluated only on part of it. Changes and
    saves nothing, so it can be repeated.
    """

    def __init__(
        self,
        model: AUDetNet,
        held_out: HeldOut,
        best: Path,
        identity: dict[str, Any],
        world: World,
        references: Callable[[], Mapping[str, Reference]] | None,
    ) -> None:
        self._references = references
        self._model = model
        self._held_out = held_out
        self._best = best
        self._identity = identity
        self._world = world

    def __call__(
        self, history: list[Record], selection: tuple[str, str], at_end: bool, stop: StopRequest
    ) -> Outcome:
        """``at_end``: whether the model has the weights of the last epoch of the history, and not
        weights from within the next epoch. Raises Stopped, and UserError if the best checkpoint is
        needed but missing.
        """
        choice = self._world.from_main(lambda: choose(history, *selection))
        last, chosen = history[-1], history[choice.epoch - 1]
        if at_end and not self._held_out.is_whole(last):
            last = self._held_out.whole_test(last, stop)
        if choice.epoch == len(history):
            referenced = self._with_references(stop) if at_end else {}
            return Outcome(choice=choice, chosen=last, last=last, with_references=referenced)
        is_whole, referenced = self._held_out.is_whole(chosen), dict[str, Record]()
        if not is_whole or self._references is not None:
            with self._best_weights(choice.epoch):
                chosen = chosen if is_whole else self._held_out.whole_test(chosen, stop)
                referenced = self._with_references(stop)
        return Outcome(choice=choice, chosen=chosen, last=last, with_references=referenced)

    def _with_references(self, stop: StopRequest) -> dict[str, Record]:
        if self._references is None:
            return {}
        return self._held_out.with_references(self._references(), stop)

    @contextmanager
    def _best_weights(self, epoch: int) -> Iterator[None]:
        """Inside this context the model has the weights of the best epoch."""
        own = {name: value.clone() for name, value in self._model.state_dict().items()}
        self._model.load_state_dict(self._world.from_main(lambda: self._load_best(epoch)))
        try:
            yield
        finally:
            self._model.load_state_dict(own)

    def _load_best(self, epoch: int) -> dict[str, Tensor]:
        expected = f"expected the checkpoint of epoch {epoch}, the best of this run"
        if not self._best.is_file():
            raise UserError(f"{self._best}: no such file; {expected}; {self._advice(epoch)}")
        checkpoint = load_checkpoint(self._best)
        check_identity(checkpoint.identity, self._identity, self._best)
        if checkpoint.progress.epoch - 1 != epoch:
            found = f"found that of epoch {checkpoint.progress.epoch - 1}"
            raise UserError(f"{self._best}: {expected}; {found}; {self._advice(epoch)}")
        return checkpoint.model

    def _advice(self, epoch: int) -> str:
        """What to do without the best checkpoint."""
        kept = self._best.with_name(f"epoch_{epoch:04d}.pt")
        if kept.is_file():
            return f"run `cp {kept} {self._best}`, then the same command"
        return "train again with --overwrite, or use the last epoch's results in metrics.jsonl"
