"""The lines of gpu.py that compile: torch.compile as in train.py, and CUDA graphs."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from comparing import seconds_of
from gpu_bench import Bench, Row, compared
from trainees import Trainee

from audetnet.data.momu import Indices
from audetnet.networks.model import AUDetNet
from audetnet.objectives.critic_chain import needs_double_backward
from audetnet.objectives.objective import Terms
from audetnet.training.compiled import compile_networks
from audetnet.training.step import TrainingStep


def _compiled(line: str, name: str, bench: Bench, trainee: Trainee, cuts: list[Indices]) -> Row:
    """The first round, which compiles. A failure to compile is an error here, not a warning."""
    counters = torch._dynamo.utils.counters
    torch._dynamo.config.suppress_errors = False
    counters.clear()
    taken = seconds_of(bench.settled(partial(trainee, cuts)))
    graphs = counters["stats"]["unique_graphs"]
    if not graphs:
        raise RuntimeError(f"{name}: torch.compile compiled nothing")
    skipped = counters["inductor"]["cudagraph_skips"]
    breaks = sum(counters["graph_break"].values())
    return Row(
        line=line,
        way=f"{name}: first round",
        measured=f"{taken:,.1f} s",
        remarks=f"{graphs} graphs, {breaks} breaks, {skipped} left out of CUDA graphs",
    )


def compile_with(model: AUDetNet, **options: str) -> None:
    """Compile the networks that compile_networks compiles, with other options."""
    critics = model.critics()
    for name, network in model.networks().items():
        if name not in critics or not needs_double_backward(network):
            network.compile(dynamic=False, **options)


def compiling(bench: Bench) -> Iterator[Row]:
    """--compile against eager. On a CPU, where compiling is slow, graphs are only captured."""
    batch, line = bench.medium, "compile"
    way = "--compile" if bench.on_gpu else "captured graphs, not compiled"
    cuts = bench.cuts(batch)
    eager, compiled = (bench.trainee(batch, True, bf16=bench.on_gpu) for _ in range(2))
    if bench.on_gpu:
        compile_networks(compiled.model, bench.device)
    else:
        compile_with(compiled.model, backend="eager")
    yield _compiled(line, way, bench, compiled, cuts)
    ways = {"eager": partial(eager, cuts), way: partial(compiled, cuts)}
    yield from compared(bench, line, ways, len(cuts) * batch)


class MarkedStep(TrainingStep):
    """Marks the beginning of a step, after which outputs of CUDA graphs may be overwritten."""

    def __call__(self, *arguments: Any) -> list[Terms]:
        torch.compiler.cudagraph_mark_step_begin()
        return super().__call__(*arguments)


def graphs(bench: Bench) -> Iterator[Row]:
    """CUDA graphs from torch.compile, at the batch size with the largest launch overhead."""
    batch, line, graphed = bench.few, "cuda_graphs", "CUDA graphs (reduce-overhead)"
    if not bench.on_gpu:
        yield Row(line=line, way="", measured="-", remarks="CUDA graphs need CUDA")
        return
    cuts = bench.cuts(batch)
    kinds = {"eager": TrainingStep, "--compile": TrainingStep, graphed: MarkedStep}
    trainees = {
        way: bench.trainee(batch, False, bf16=True, step=step) for way, step in kinds.items()
    }
    compile_networks(trainees["--compile"].model, bench.device)
    yield _compiled(line, "--compile", bench, trainees["--compile"], cuts)
    compile_with(trainees[graphed].model, mode="reduce-overhead")
    yield _compiled(line, graphed, bench, trainees[graphed], cuts)
    ways = {way: partial(trainee, cuts) for way, trainee in trainees.items()}
    yield from compared(bench, line, ways, len(cuts) * batch)
