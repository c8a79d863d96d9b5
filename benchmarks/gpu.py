"""Everything that has to be measured on a GPU, as a Markdown table for NOTES.md, in under nine
minutes.

``python benchmarks/gpu.py [--only NAME ...] [--device auto] > gpu.md``: the largest cfg on 2,000
synthetic 256x256 frames. Each line runs in its own process with a time limit; if one fails, its
cell says why, the others continue, and the exit status is 1. Alternatives are timed in turn after
two warm-up rounds, synchronising the device around each round. Rows are printed as they are
measured. On a CPU everything is tiny: that only shows that it works.
"""

import argparse
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from gpu_bench import HEAD, Bench, Row, cpu_bench, gpu_bench, markdown
from gpu_lines import LINES, Line
from trainees import made_array

from audetnet.machine.devices import select_device
from audetnet.machine.memory import keep_freed_memory

TOTAL = 525.0
"""Seconds for all lines together."""
ROUNDS_SHARE = 0.8
"""Share of a line's time after which no further round begins."""
_LONGEST_ERROR = 300


def failure(name: str, error: BaseException | str) -> Row:
    """The row of a line that failed."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    said = " ".join(text.split())[:_LONGEST_ERROR]
    return Row(line=name, way="", measured="failed", remarks=said, failed=True)


def here(name: str, line: Line, bench: Bench) -> Iterator[Row]:
    """The rows of a line, in this process."""
    try:
        yield from line.run(bench)
    except Exception as error:
        traceback.print_exc()
        yield failure(name, error)


def work(name: str, line: Line, bench: Bench, connection: Connection) -> None:
    """Run a line in its own process: send its rows, then None."""
    if not bench.on_gpu:
        keep_freed_memory()
    for row in here(name, line, bench):
        connection.send(row)
    connection.send(None)


def apart(name: str, line: Line, bench: Bench, seconds: float) -> Iterator[Row]:
    """The rows of a line from its own process, limited to ``seconds``: a line that hangs, or leaves
    the device in a bad state, does not affect the others.
    """
    until = time.monotonic() + seconds
    spawn = get_context("spawn")
    connection, end = spawn.Pipe(duplex=False)
    process = spawn.Process(target=work, args=(name, line, bench, end))
    process.start()
    end.close()
    try:
        while connection.poll(max(0.0, until - time.monotonic())):
            row = connection.recv()
            if row is None:
                process.join(5)
                return
            yield row
        yield failure(name, f"exceeded its {seconds:.0f} seconds")
    except EOFError:
        process.join(5)
        yield failure(name, f"its process ended with status {process.exitcode}")
    finally:
        if process.is_alive():
            process.kill()
        process.join()


def rows(names: list[str], bench: Bench, in_process: bool) -> Iterator[Row]:
    """The rows of all lines; each has its own time plus what earlier lines did not use."""
    end = time.monotonic() + TOTAL
    for index, name in enumerate(names):
        kept = sum(LINES[later].seconds for later in names[index + 1 :])
        start = time.monotonic()
        seconds = max(1.0, end - start - kept)
        timed = replace(bench, deadline=start + ROUNDS_SHARE * seconds)
        print(f"{name}: at most {seconds:.0f} s", file=sys.stderr, flush=True)
        line = LINES[name]
        yield from here(name, line, timed) if in_process else apart(name, line, timed, seconds)
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def device_name(device: torch.device) -> str:
    """The product name of the device, with software versions."""
    if device.type == "cpu":
        return f"CPU ({platform.machine()}, {torch.get_num_threads()} threads)"
    properties = torch.cuda.get_device_properties(device)
    memory = properties.total_memory / 2**30
    cudnn = torch.backends.cudnn.version()
    return f"{properties.name} ({memory:.0f} GiB, CUDA {torch.version.cuda}, cuDNN {cudnn})"


def main(argv: list[str]) -> int:
    """Print the table; returns the exit status."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--only", nargs="+", choices=LINES, default=list(LINES), metavar="NAME")
    flags.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    flags.add_argument("--in-process", action="store_true", help="run all lines in this process")
    arguments = flags.parse_args(argv)
    device = select_device(arguments.device)
    if device.type == "cuda":
        device = torch.device("cuda", device.index or 0)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        array = Path(folder) / "frames.npy"
        bench = gpu_bench(device, array) if device.type == "cuda" else cpu_bench(array)
        made_array(array, bench.frames, bench.size)
        batches = f"batches of {bench.few}, {bench.medium} and {bench.many}"
        print(
            f"{device_name(device)}, torch {torch.__version__}, {date.today():%Y-%m-%d}; ", end=""
        )
        print(f"{bench.cfg.name} at {bench.size}x{bench.size}, {batches}\n")
        print(markdown(HEAD))
        print("|---" * len(HEAD) + "|", flush=True)
        for row in rows(arguments.only, bench, arguments.in_process):
            failed = failed or row.failed
            print(row, flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
