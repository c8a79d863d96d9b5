"""The processes of a run, as torchrun starts them: who computes which part of a batch, and what
they tell each other. Every question has its answer for a single process, so nobody need ask whether
there are several.

The batch of the cfg is cut over all processes, and every loss is divided by the size of the whole
batch before gradients are added up. So a run's numbers do not depend on how many processes share
it, but for rounding.
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
_PATIENCE = timedelta(hours=4)
"""How long a process waits for the others. A process that dies ends the others' waiting at once;
this is for one that decodes a large dataset while they wait.
"""


@dataclass(frozen=True)
class World:
    """This process among those of a run; ``local_rank`` is its number on its machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is nobody to speak to."""
        return self.size == 1

    def part(self, length: int) -> slice:
        """This process's part of ``length`` items that are cut over all processes."""
        return slice(length * self.rank // self.size, length * (self.rank + 1) // self.size)

    def gather(self, part: Tensor, length: int) -> Tensor:
        """``length`` rows, from the parts that the processes hold; a row's gradients, summed over
        the processes, go back to the one that holds it.
        """
        if len(part) == length:
            return part
        own = self.part(length)
        before = part.new_zeros((own.start, *part.shape[1:]))
        after = part.new_zeros((length - own.stop, *part.shape[1:]))
        return self.sum(torch.cat([before, part, after]))

    def sum(self, value: Tensor) -> Tensor:
        """A tensor summed over the processes; gradients, of any order, are summed as well."""
        return value if self.is_alone else _Sum.apply(value)

    def all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """Sum tensors of one type over the processes, as one flat message."""
        if not self.is_alone and tensors:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            dist.all_reduce(flat)
            _unflatten(flat, tensors)

    def broadcast_from_main(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite tensors, of any types, with those of the first process."""
        if not self.is_alone:
            for kind in dict.fromkeys(tensor.dtype for tensor in tensors):
                alike = [tensor.detach() for tensor in tensors if tensor.dtype == kind]
                flat = torch.cat([tensor.reshape(-1) for tensor in alike])
                dist.broadcast(flat, 0)
                _unflatten(flat, alike)

    def all_or_none(self, make: Callable[[], Value]) -> Value:
        """What each process makes. Where a UserError stops some of them, the first of these says
        its line, and all end.
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
        """What to raise where all processes meet the same mistake: one of them says it."""
        return error if self.is_main else SystemExit(EXIT_USER_ERROR)

    def from_main(self, make: Callable[[], Value]) -> Value:
        """What the first process makes, on all of them. A UserError ends all."""
        made: list[Any] = [self.all_or_none(lambda: make() if self.is_main else None)]
        if not self.is_alone:
            dist.broadcast_object_list(made, 0, device=torch.device("cpu"))
        return made[0]  # type: ignore[no-any-return]

    def all_gather(self, value: Value) -> list[Value]:
        """The value of every process, in the order of their ranks."""
        if self.is_alone:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def any(self, here: bool) -> bool:
        """Whether it is so in any of the processes. Waits for the host of each of them, not for its
        device.
        """
        return bool(self.max(float(here))[0])

    def max(self, *values: float) -> list[float]:
        """The largest of each value over the processes. Waits as ``any`` does."""
        found = torch.tensor(values, dtype=torch.float64)
        if not self.is_alone:
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return found.tolist()

    def in_turn(self, make: Callable[[], Value]) -> Value:
        """Make something that lies in files: first the first process, then one on each other
        machine, then all others, who find what was made. UserError: see ``all_or_none``.
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
    """All-reduce by sum; the gradient of a sum over processes is again one."""

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
    """This process as torchrun has started it; alone where it has not."""
    if not dist.is_torchelastic_launched():
        return World()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    return World(*(int(os.environ[name]) for name in names))


@contextmanager
def process_group(world: World, device: torch.device) -> Iterator[None]:
    """Within it the processes can speak to each other: by gloo for what is on the CPU, by NCCL for
    what is on a GPU. After an error nobody is waited for: the connection ends with the process.
    """
    if world.is_alone:
        yield
        return
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield
        dist.barrier()  # in torch 2.6 gloo may wait for ever for a peer that has ended already
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or not _is_lost_connection(error):
            raise
        raise UserError(
            f"rank {world.rank} of {world.size} processes: lost contact with another process of "
            "this run, whose own message or torchrun's says why. The same command goes on from the "
            f"last checkpoint ({' '.join(str(error).split())})"
        ) from error
    dist.destroy_process_group()


def _is_lost_connection(error: RuntimeError) -> bool:
    """What the transports say when a peer has gone: NCCL by type, gloo in words."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)
