"""Whether a checkpoint fits a model and a run: otherwise an edited or foreign file would end in a
traceback or in wrong results. All checks raise UnreadableError.
"""

import json
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from audetnet.config.options import Config
from audetnet.data.batches import training_batch_indices
from audetnet.data.frames import Dataset
from audetnet.data.order import epoch_order
from audetnet.networks.model import AUDetNet
from audetnet.training.checkpoint import Checkpoint, Progress, expect, is_finite
from audetnet.training.records import selection_metric
from audetnet.training.step import make_optimisers

_RESULTS = ("loss", "code", "mean")
_LOSSES = ("au", "reconstruction")


def check_model(found: dict[str, Any], model: AUDetNet) -> None:
    """Check names, shapes and types of the model's tensors."""
    _check_tensors("model", found, model.state_dict())


def check_run(checkpoint: Checkpoint, model: AUDetNet, config: Config, dataset: Dataset) -> None:
    """Check everything that a run resumes from. Its identity must have been checked before."""
    check_model(checkpoint.model, model)
    optimisers = make_optimisers(model, config)
    names, wanted = ", ".join(map(str, checkpoint.optimisers)), ", ".join(optimisers)
    expect(names == wanted, f"it has the optimisers '{names}', expected {wanted}")
    for name, optimiser in optimisers.items():
        _check_optimiser(name, checkpoint.optimisers[name], optimiser)
    for names, group in checkpoint.meter.items():
        _check_meter(names, group)
    order = epoch_order(config.data, dataset, 0)
    available = None if order.available is None else torch.from_numpy(order.available)
    expected, found = _plan({"": available}), _plan({"": checkpoint.availability})
    expect(found == expected, f"its availability is {found['']}, expected {expected['']}")
    batch_indices = training_batch_indices(np.arange(order.length()), config.training.batch_size)
    _check_progress(checkpoint.progress, len(batch_indices))
    metric = selection_metric(config.data.regress_au_intensities)
    for number, text in enumerate(checkpoint.history, 1):
        for frames in dataset.sets():
            if frames.name != "train":
                right = _is_result(json.loads(text), frames.name, dataset.au_names, metric)
                wrong = f"its history has no results of epoch {number} on the {frames.name} frames"
                expect(right, wrong)


def _plan(tensors: dict[str, Any]) -> dict[str, str]:
    """Type and shape of tensors, as text."""
    return {
        name: f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}"
        if isinstance(t, Tensor) and t.layout == torch.strided and t.device.type != "meta"
        else type(t).__name__
        for name, t in tensors.items()
    }


def _check_tensors(place: str, found: Any, expected: dict[str, Tensor]) -> None:
    expect(isinstance(found, dict), f"{place} is not a dictionary")
    has, wanted = _plan(found), _plan(expected)
    for name, kind in wanted.items():
        expect(name in has, f"{place}: {name} is missing")
        expect(has[name] == kind, f"{place}: {name} is {has[name]}, expected {kind}")
    for name in has:
        expect(name in wanted, f"{place}: {name} is not in this model")


def _check_optimiser(name: str, found: Any, optimiser: Optimizer) -> None:
    place = f"optimiser of {name}"
    expect(
        isinstance(found, dict) and isinstance(found.get("state"), dict), f"{place} has no state"
    )
    parameters = dict(enumerate(optimiser.param_groups[0]["params"]))
    for index, state in found["state"].items():
        expect(index in parameters, f"{place}: there is no parameter {index}")
        moments = dict.fromkeys(("exp_avg", "exp_avg_sq"), parameters[index])
        _check_tensors(f"{place}, {index}", state, {"step": torch.tensor(0.0), **moments})


def _check_meter(names: Any, group: Any) -> None:
    count = len(str(names).split("|"))
    expected = {
        "sums": torch.zeros(count, dtype=torch.float64),
        "frames": torch.zeros((), dtype=torch.float64),
        "first_bad": torch.zeros(count, dtype=torch.int64),
    }
    expect(isinstance(names, str), f"its meter has the terms {names}")
    _check_tensors(f"meter of {names}", group, expected)
    expect(group["frames"] > 0, f"meter of {names}: it has seen no frames")


def _check_progress(progress: Progress, batches: int) -> None:
    expect(progress.batch <= batches, f"its progress is batch {progress.batch} of {batches}")
    done = (progress.epoch - 1) * batches + progress.batch
    expect(progress.step == done, f"its progress is step {progress.step}, expected {done}")


def _is_result(record: dict[str, Any], name: str, au_names: tuple[str, ...], metric: str) -> bool:
    """Whether a line of metrics.jsonl has everything that its readers access."""
    result = record.get(name)
    if not isinstance(result, dict) or type(result.get("frames")) is not int:
        return False
    tables = [record.get("train"), *(result.get(part) for part in _RESULTS)]
    aus = result.get("au")
    if not isinstance(aus, dict) or not all(map(_is_numbers, [*tables, *aus.values()])):
        return False
    thresholds = result.get("thresholds", dict.fromkeys(au_names))  # missing in older versions
    return (
        all(loss in result["loss"] for loss in _LOSSES)
        and metric in aus.keys() == result["mean"].keys()
        and all(tuple(values) == au_names for values in (*aus.values(), thresholds))
        and _is_numbers(thresholds)
    )


def _is_numbers(table: Any) -> bool:
    return isinstance(table, dict) and all(
        value is None or is_finite(value) for value in table.values()
    )
