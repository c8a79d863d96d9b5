"""How much memory a model needs: said in a line before the weights are made, or where a batch has
found the memory full.
"""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from audetnet.config.options import Config, TrainingOptions
from audetnet.machine.memory import installed_memory
from audetnet.networks.blocks.block import WIDTH_KEYS
from audetnet.networks.graph import Step
from audetnet.networks.model import ModelPlan

_NUMBER, _LEARNING = 4, 16
"""Bytes of a float32 number, and of one that learns: with its gradient and Adam's two moments."""
_GIGA = 1e9
_REFUSED = re.compile(r"tried to allocate ([\d.]+ \w+)", re.IGNORECASE)
"""What torch's allocators say, of the CPU and of GPUs."""


def check_memory(plan: ModelPlan, device: torch.device) -> None:
    """Raise CfgError, at the largest block, where this machine's memory cannot hold the weights, or
    the device's what training keeps of each.
    """
    steps = [step for network in plan.networks.values() for step in network.steps]
    weights = _NUMBER * sum(step.parameters for step in steps)
    frozen = _NUMBER * sum(step.frozen for step in steps)
    training = frozen + (weights - frozen) // _NUMBER * _LEARNING
    here = installed_memory()
    there = _memory_of(device)
    if weights <= (here or weights) and training <= (there or training):
        return
    largest = max(steps, key=lambda step: step.parameters)
    memory = here if here is not None and weights > here else there
    key = next((key for key in WIDTH_KEYS if key in largest.options.arguments), None)
    raise largest.options.where.error(
        f"has {largest.parameters:,} weights; those of all networks are {weights / _GIGA:,.1f} GB "
        f"({training / _GIGA:,.1f} GB with gradients and Adam's moments), and the memory is "
        f"{(memory or 0) / _GIGA:,.1f} GB: "
        + (f"lower {key} or the channels that it reads" if key else "use a smaller network"),
        key,
    )


def _memory_of(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return installed_memory()


@contextmanager
def told_when_full(config: Config, plan: ModelPlan, device: torch.device) -> Iterator[None]:
    """Within it, memory that torch cannot have becomes a CfgError with the size."""
    try:
        yield
    except RuntimeError as error:
        refused = _REFUSED.search(str(error))
        if refused is None and not isinstance(error, torch.OutOfMemoryError):
            raise
        batch = config.training.batch_size
        name, step = max(
            (
                (network.options.name, step)
                for network in plan.networks.values()
                for step in network.steps
            ),
            key=lambda found: math.prod(found[1].shape),
        )
        size = f"{refused[1]} more were asked for; " if refused else ""
        raise config.places[TrainingOptions].error(
            f"the memory of {device} is full with batch_size={batch}: lower it ({size}the largest "
            f"output, {_named(step)} of {{{name}}}, takes "
            f"{_NUMBER * batch * math.prod(step.shape) / _GIGA:,.1f} GB a batch)",
            "batch_size",
        ) from error


def _named(step: Step) -> str:
    return f"[{step.options.type}] on line {step.options.where.line}"
