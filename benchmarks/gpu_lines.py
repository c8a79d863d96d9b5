"""The lines of gpu.py: each compares ways of training, or counts something."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from comparing import Action
from gpu_bench import Bench, Row, arithmetic, compared, image_limits, rate_of, time_left
from gpu_compile import compiling, graphs
from torch.profiler import ProfilerActivity, profile
from trainees import Trainee, config_of, mapped_frames
from training import plain_way

from audetnet.data.batches import Batches
from audetnet.data.momu import Indices
from audetnet.distributed.world import World, process_group
from audetnet.training.meter import Meter

ROOT = Path(__file__).parents[1]
CUDA_TESTS = "tests/training"
"""Where the tests marked cuda are; tests elsewhere may need more packages."""
_GIGA, _TERA = 1e9, 1e12
_HOST_WAITS = ("aten::_local_scalar_dense", "aten::nonzero")
_DEVICE_WAITS = ("cudaStreamSynchronize", "cudaEventSynchronize", "cudaMemcpy")


def limits(bench: Bench) -> Iterator[Row]:
    """Peak rates of the device."""
    for kind in ("bfloat16", "TF32", "float32"):
        if kind == "TF32" and not bench.on_gpu:
            continue
        speed = arithmetic(bench, kind) / _TERA
        yield Row(
            line="limits",
            way=f"matrix product, {kind}",
            measured=f"{speed:,.3g} TFLOP/s",
            remarks=f"{bench.side} x {bench.side}, best of 5",
        )
    source, target = (
        torch.zeros(bench.copied, dtype=torch.uint8, device=bench.device) for _ in range(2)
    )
    speed = rate_of(bench, lambda: target.copy_(source), 2 * bench.copied) / _GIGA
    yield Row(line="limits", way="copy within device memory", measured=f"{speed:,.4g} GB/s")


def speed(bench: Bench, *, line: str, many: bool, image_critic: bool) -> Iterator[Row]:
    """float32 and bf16, relative to the limit of the device."""
    batch = bench.many if many else bench.medium
    cuts = bench.cuts(batch)
    ways = {f"float32, batch {batch}": False, f"bf16, batch {batch}": True}
    limit = image_limits(bench, batch, image_critic)
    trainees = {way: bench.trainee(batch, image_critic, bf16=bf16) for way, bf16 in ways.items()}
    yield from compared(
        bench,
        line,
        {way: partial(trainee, cuts) for way, trainee in trainees.items()},
        len(cuts) * batch,
        limits={way: limit[bf16] for way, bf16 in ways.items()},
    )


def plain(bench: Bench) -> Iterator[Row]:
    """The step of a plain implementation, without loading, against whole training."""
    batch = bench.medium
    cuts = bench.cuts(batch)
    frames, packed = mapped_frames(bench.array)
    first = plain_way(config_of(bench.cfg, batch), frames, packed, None, bench.device)
    own = bench.trainee(batch, True)
    ways: dict[str, Action] = {
        "plain eager step, float32, without augmentation": partial(first, cuts),
        "audetnet, float32": partial(own, cuts),
    }
    yield from compared(bench, "plain", ways, len(cuts) * batch)


def data(bench: Bench) -> Iterator[Row]:
    """End to end, against frames that are already on the device."""
    batch = bench.medium
    cuts = bench.cuts(batch)
    for image_critic, name in ((False, "without image critic"), (True, "with it")):
        there, resident, read = (
            bench.trainee(batch, image_critic, bf16=True, resident=kind != "read")
            for kind in ("there", "resident", "read")
        )
        same = [next(iter(there.batches(cuts[:1])))] * len(cuts)
        ways = {
            f"{name}: the same batch repeatedly": partial(there.train, same, len(cuts)),
            f"{name}: all frames on the device": partial(resident, cuts),
            f"{name}: end to end from the mapped array": partial(read, cuts),
        }
        yield from compared(bench, "data", ways, len(cuts) * batch)


class Pageable(Batches):
    """Copies batches from pageable memory."""

    def _pinned(self, host: torch.Tensor) -> torch.Tensor:
        return host


def pinned(bench: Bench) -> Iterator[Row]:
    """Pinned buffers against pageable memory."""
    if not bench.on_gpu:
        yield Row(line="pinned", way="", measured="-", remarks="pinned memory needs CUDA")
        return
    target = torch.empty(bench.copied, dtype=torch.uint8, device=bench.device)
    for way, host in (("pageable", target.cpu()), ("pinned", target.cpu().pin_memory())):
        copy = partial(target.copy_, host, non_blocking=True)
        speed = rate_of(bench, copy, bench.copied) / _GIGA
        yield Row(line="pinned", way=f"copy from {way} memory", measured=f"{speed:,.3g} GB/s")
    batch = bench.medium
    cuts = bench.cuts(batch)
    how = {"pageable": Pageable, "pinned": Batches}
    ways = {
        f"end to end without image critic, {way}": partial(
            bench.trainee(batch, False, bf16=True, resident=False, batches=kind), cuts
        )
        for way, kind in how.items()
    }
    yield from compared(bench, "pinned", ways, len(cuts) * batch)


def layout(bench: Bench) -> Iterator[Row]:
    """Channels last against channels first, in each precision."""
    batch = bench.medium
    cuts = bench.cuts(batch)
    formats = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
    for bf16, precision in ((False, "float32"), (True, "bf16")):
        ways = {
            f"{name}, {precision}": partial(
                bench.trainee(batch, True, bf16=bf16, layout=memory_format), cuts
            )
            for name, memory_format in formats.items()
        }
        yield from compared(bench, "channels_last", ways, len(cuts) * batch)


class Messaging(World):
    """A single process that sends all messages of a distributed run, to itself."""

    is_alone = False


def messages(bench: Bench) -> Iterator[Row]:
    """NCCL (gloo on a CPU) with one process, including synchronised batch norm."""
    batch = bench.medium
    cuts = bench.cuts(batch)
    backend = "NCCL" if bench.on_gpu else "gloo"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {**address, "RANK": "0", "WORLD_SIZE": "1"}
    if bench.on_gpu:  # independent of the machine's network
        os.environ |= {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    world = Messaging()
    with process_group(world, bench.device):
        silent = bench.trainee(batch, True, bf16=True)
        messaging = bench.trainee(batch, True, bf16=True, world=world)
        world.broadcast_from_main([*messaging.model.parameters(), *messaging.model.buffers()])
        ways = {
            "no messages": partial(silent, cuts),
            f"one process with all messages, {backend}": partial(messaging, cuts),
        }
        yield from compared(bench, "nccl", ways, len(cuts) * batch)


def fed(trainee: Trainee, cuts: list[Indices]) -> None:
    """Train as the trainer does between two reads of the meter."""
    meter = Meter()
    for index, groups in enumerate(trainee(cuts)):
        for terms in groups:
            meter.add(terms, len(cuts[index]), index + 1)


def waits(bench: Bench, action: Callable[[], object]) -> dict[str, int]:
    """How often the host waits for values or for the device, according to torch's profiler."""
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * bench.on_gpu
    with profile(activities=activities) as seen:
        action()
    counts = {event.key: event.count for event in seen.key_averages()}
    names = (*_HOST_WAITS, *_DEVICE_WAITS) if bench.on_gpu else _HOST_WAITS
    return {name: counts.get(name, 0) for name in names}


def syncs(bench: Bench) -> Iterator[Row]:
    """Whether the host ever waits in a step, after the first few."""
    batch = bench.medium
    cuts = bench.cuts(batch)
    one = torch.ones(2, device=bench.device)
    nothing, known = (waits(bench, action) for action in (lambda: None, lambda: one.sum().item()))
    watching = ("cudaStreamSynchronize" if bench.on_gpu else _HOST_WAITS[0],)
    blind = [name for name in watching if known[name] <= nothing[name]]
    for way, resident in (("frames on the device", True), ("end to end", False)):
        trainee = bench.trainee(batch, True, bf16=True, resident=resident)
        for _ in range(2):
            fed(trainee, cuts)
        bench.settle()
        if bench.on_gpu:
            torch.cuda.set_sync_debug_mode("error")
            try:
                fed(trainee, cuts)
            finally:
                torch.cuda.set_sync_debug_mode("default")
            yield Row(
                line="syncs",
                way=f"{way}: operations that synchronise",
                measured=f"0 in {len(cuts)} batches",
                remarks="torch.cuda.set_sync_debug_mode('error') did not raise",
            )
        if blind:
            said = f"the profiler does not see {', '.join(blind)} here"
            yield Row(line="syncs", way=way, measured="-", remarks=said)
            continue
        some = cuts[-2 * trainee.every :]  # the profiler is slow
        found = waits(bench, partial(fed, trainee, some))
        more = {name: count - nothing[name] for name, count in found.items()}
        yield Row(
            line="syncs",
            way=f"{way}: waits seen by the profiler",
            measured=f"{sum(more.values())} in {len(some)} batches",
            remarks=", ".join(f"{name} {count}" for name, count in more.items())
            + ("" if bench.on_gpu else "; on CPUs fused Adam reads its own counters"),
        )


def marked_tests(bench: Bench) -> Iterator[Row]:
    """The tests that need a CUDA device."""
    if find_spec("pytest") is None:
        yield Row(line="tests", way="", measured="-", remarks="pytest is not installed")
        return
    flags = ("-m", "cuda", "-n", "0", "-q", "-rfE", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *flags, CUDA_TESTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=time_left(bench),
        check=False,
    )
    counts = re.findall(r"\d+ (?:passed|failed|skipped|errors?)\b", done.stdout)
    if done.returncode:
        failed = re.findall(r"^(?:FAILED|ERROR) (.*)", done.stdout, re.MULTILINE)
        lines = (done.stdout + done.stderr).split("\n")
        raise RuntimeError(", ".join(counts) + ": " + "; ".join(failed or lines[-3:]))
    yield Row(line="tests", way="pytest -m cuda", measured=", ".join(counts))


@dataclass(frozen=True)
class Line:
    """What to run, and the seconds reserved for it on a GPU like an H100; it may also use what
    earlier lines left.
    """

    run: Callable[[Bench], Iterator[Row]]
    seconds: int


def _speed(name: str, *, many: bool, image_critic: bool) -> Callable[[Bench], Iterator[Row]]:
    return partial(speed, line=name, many=many, image_critic=image_critic)


LINES: dict[str, Line] = {
    "limits": Line(limits, 20),
    "speed_64": Line(_speed("speed_64", many=False, image_critic=True), 35),
    "speed_256": Line(_speed("speed_256", many=True, image_critic=True), 45),
    "speed_64_no_image_critic": Line(
        _speed("speed_64_no_image_critic", many=False, image_critic=False), 25
    ),
    "speed_256_no_image_critic": Line(
        _speed("speed_256_no_image_critic", many=True, image_critic=False), 25
    ),
    "plain": Line(plain, 35),
    "data": Line(data, 40),
    "pinned": Line(pinned, 25),
    "channels_last": Line(layout, 40),
    "nccl": Line(messages, 30),
    "syncs": Line(syncs, 30),
    "tests": Line(marked_tests, 50),
    "cuda_graphs": Line(graphs, 50),
    "compile": Line(compiling, 75),
}
