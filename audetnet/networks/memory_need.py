"""How much memory a model needs: checked before the weights are allocated, and explained when a
batch runs out of memory.
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
from audetnet.networks.model_plan import ModelPlan

_FLOAT_BYTES, _TRAINED_BYTES = 4, 16
"""Bytes of a float32 number, and of a trained one: with its gradient and Adam's two moments."""
_GIGA = 1e9
_OUT_OF_MEMORY = re.compile(r"tried to allocate ([\d.]+ \w+)", re.IGNORECASE)
"""The error of torch's allocators, on CPU and GPU."""


def check_memory(plan: ModelPlan, device: torch.device) -> None:
    """Raise CfgError, at the largest block, if the weights do not fit into this machine's memory,
    or weights, gradients and optimiser state do not fit into the device's.
    """
    steps = [step for network in plan.networks.values() for step in network.steps]
    weights = _FLOAT_BYTES * sum(step.parameters for step in steps)
    frozen = _FLOAT_BYTES * sum(step.frozen for step in steps)
    training = frozen + (weights - frozen) // _FLOAT_BYTES * _TRAINED_BYTES
    host_memory = installed_memory()
    device_memory = _memory_of(device)
    if weights <= (host_memory or weights) and training <= (device_memory or training):
        return
    largest = max(steps, key=lambda step: step.parameters)
    memory = host_memory if host_memory is not None and weights > host_memory else device_memory
    key = next((key for key in WIDTH_KEYS if key in largest.options.arguments), None)
    raise largest.options.where.error(
        f"has {largest.parameters:,} weights; all networks together take {weights / _GIGA:,.1f} GB "
        f"({training / _GIGA:,.1f} GB with gradients and Adam's moments), but the memory is "
        f"{(memory or 0) / _GIGA:,.1f} GB: "
        + (f"lower {key} or its input channels" if key else "use a smaller network"),
        key,
    )


def _memory_of(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return installed_memory()


@contextmanager
def explained_out_of_memory(
    config: Config, plan: ModelPlan, device: torch.device
) -> Iterator[None]:
    """Turn torch's out-of-memory errors into a CfgError with the sizes."""
    try:
        yield
    except RuntimeError as error:
        allocation = _OUT_OF_MEMORY.search(str(error))
        if allocation is None and not isinstance(error, torch.OutOfMemoryError):
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
        size = f"{allocation[1]} more were requested; " if allocation else ""
        raise config.places[TrainingOptions].error(
            f"{device} ran out of memory with batch_size={batch}: lower it ({size}the largest "
            f"output, {_block_text(step)} of {{{name}}}, takes "
            f"{_FLOAT_BYTES * batch * math.prod(step.shape) / _GIGA:,.1f} GB per batch)",
            "batch_size",
        ) from error


def _block_text(step: Step) -> str:
    return f"[{step.options.type}] on line {step.options.where.line}"
