"""The processes of a run, as torchrun starts them, and how they communicate. Everything also works
in a single process, so callers need not check whether there are several.

The batch of the cfg is split over all processes, and every loss is divided by the size of the whole
batch before gradients are summed. So a run's numbers do not depend on the number of processes, up
to rounding.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from audetnet.errors import EXIT_USER_ERROR, UserError

Value = TypeVar("Value")
_TIMEOUT = timedelta(hours=4)
"""How long a process waits for the others. It is this long because one may be decoding a large
dataset; when a process dies, the others stop waiting at once.
"""


@dataclass(frozen=True)
class World:
    """This process among those of a run; ``local_rank`` counts the processes of its machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether this is the only process."""
        return self.size == 1

    def part(self, length: int) -> slice:
        """This process's part of ``length`` items split over all processes."""
        return slice(length * self.rank // self.size, length * (self.rank + 1) // self.size)

    def gather(self, part: Tensor, length: int) -> Tensor:
        """All ``length`` rows, from the parts held by the processes. Differentiable: a row's
        gradients are summed over the processes and returned to the one that holds it.
        """
        if len(part) == length:
            return part
        own = self.part(length)
        before = part.new_zeros((own.start, *part.shape[1:]))
        after = part.new_zeros((length - own.stop, *part.shape[1:]))
        return self.sum(torch.cat([before, part, after]))

    def sum(self, value: Tensor) -> Tensor:
        """A tensor summed over the processes. Differentiable to any order: gradients are summed
        too.
        """
        return value if self.is_alone else _Sum.apply(value)

    def all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """Sum tensors of one dtype over the processes in place, as one flat message."""
        if not self.is_alone and tensors:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            dist.all_reduce(flat)
            _unflatten(flat, tensors)

    def broadcast_from_main(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite tensors, of any dtypes, with those of the main process."""
        if not self.is_alone:
            for kind in dict.fromkeys(tensor.dtype for tensor in tensors):
                alike = [tensor.detach() for tensor in tensors if tensor.dtype == kind]
                flat = torch.cat([tensor.reshape(-1) for tensor in alike])
                dist.broadcast(flat, 0)
                _unflatten(flat, alike)

    def all_or_none(self, make: Callable[[], Value]) -> Value:
        """Call ``make`` in every process and return its result. If a UserError stops any of them,
        the first of these reports it and all exit.
        """
        value: Value | None = None
        error: UserError | None = None
        try:
            value = make()
        except UserError as mistake:
            error = mistake
        failed = [rank for rank, wrong in enumerate(self.all_gather(error is not None)) if wrong]
        if failed:
            raise (error if failed[0] == self.rank else None) or SystemExit(EXIT_USER_ERROR)
        return cast(Value, value)

    def shared_error(self, error: UserError) -> BaseException:
        """What to raise if all processes find the same error, so that only one reports it."""
        return error if self.is_main else SystemExit(EXIT_USER_ERROR)

    def from_main(self, make: Callable[[], Value]) -> Value:
        """Call ``make`` in the main process and return its result in all. A UserError ends all."""
        made: list[Any] = [self.all_or_none(lambda: make() if self.is_main else None)]
        if not self.is_alone:
            dist.broadcast_object_list(made, 0, device=torch.device("cpu"))
        return made[0]  # type: ignore[no-any-return]

    def all_gather(self, value: Value) -> list[Value]:
        """The value of every process, by rank."""
        if self.is_alone:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def any(self, here: bool) -> bool:
        """Whether it is true in any process. Synchronises the hosts, not the devices."""
        return bool(self.max(float(here))[0])

    def max(self, *values: float) -> list[float]:
        """The maximum of each value over the processes. Synchronises like ``any``."""
        found = torch.tensor(values, dtype=torch.float64)
        if not self.is_alone:
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return found.tolist()

    def in_turn(self, make: Callable[[], Value]) -> Value:
        """Call ``make``, which creates files or finds them: first in the main process, then in one
        process of each other machine, then in all others. UserErrors as in ``all_or_none``.
        """
        own = 0 if self.is_main else 1 if self.local_rank == 0 else 2
        made: list[Value] = []

        def take(turn: int) -> None:
            if turn == own:
                made.append(make())

        for turn in range(1 if self.is_alone else 3):
            self.all_or_none(partial(take, turn))
        return made[0]


class _Sum(torch.autograd.Function):
    """All-reduce by sum, whose gradient is again an all-reduce by sum."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(gradient)
        return total


def _unflatten(flat: Tensor, tensors: Sequence[Tensor]) -> None:
    pieces = flat.split([tensor.numel() for tensor in tensors])
    for tensor, piece in zip(tensors, pieces, strict=True):
        tensor.copy_(piece.view_as(tensor))


def launched_world() -> World:
    """This process as started by torchrun; a single process otherwise."""
    if not dist.is_torchelastic_launched():
        return World()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    return World(*(int(os.environ[name]) for name in names))


@contextmanager
def process_group(world: World, device: torch.device) -> Iterator[None]:
    """Connect the processes inside the context: gloo for CPU tensors, NCCL for GPU tensors. After
    an error no process waits for the others; the connection ends with the process.
    """
    if world.is_alone:
        yield
        return
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, timeout=_TIMEOUT)
    try:
        yield
        dist.barrier()  # gloo in torch 2.6 may wait for ever for a peer that has already exited
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or not _is_lost_connection(error):
            raise
        raise UserError(
            f"rank {world.rank} of {world.size} processes: lost the connection to another process "
            "of this run; its own message or torchrun's says why. Run the same command again to "
            f"resume from the last checkpoint ({' '.join(str(error).split())})"
        ) from error
    dist.destroy_process_group()


def _is_lost_connection(error: RuntimeError) -> bool:
    """How the backends report a lost peer: NCCL by exception type, gloo by message."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)
