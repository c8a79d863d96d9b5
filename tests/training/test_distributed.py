"""Several processes train like one. They are started by torchrun if it matters for the test, else
forked with its environment, which is far quicker."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from audetnet.commands.train import main
from audetnet.data.batches import training_batch_indices
from audetnet.distributed.world import World, process_group
from tests.conftest import ROOT
from tests.forked import forked_world, free_port
from tests.objectives.all_objectives import with_objectives
from tests.pages import SEVERAL_GPUS
from tests.training.steps_of_a_rank import LENGTHS, Outcome, save_steps, steps

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
SECONDS_TO_STOP = 60
"""Far more than needed; without a limit a run here could last for hours."""


def _start(processes: int, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*TORCHRUN, str(processes), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _run(processes: int, call: Callable[[], int], output: Path) -> str:
    """Forked; all that they print."""
    ranks = forked_world(processes, call, output)
    statuses = [rank.wait() for rank in ranks]
    assert statuses == [0] * processes, ranks[0].printed()
    return ranks[0].printed()


@pytest.mark.parametrize("size", range(1, 6))
@pytest.mark.parametrize("length", range(12))
def test_parts_cover_a_batch_once_and_leave_no_process_idle(length: int, size: int) -> None:
    worlds = [World(rank, size) for rank in range(size)]
    items = list(range(length))
    assert [item for world in worlds for item in items[world.part(length)]] == items
    parts = [items[world.part(length)] for world in worlds]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    for batch in training_batch_indices(np.arange(length), 4, size):
        assert all(len(batch[world.part(len(batch))]) for world in worlds), "one has no frames"


@pytest.fixture
def cfgs(tmp_path: Path) -> dict[str, Path]:
    """cfg/minimal.cfg: without batch norm, as it is, and with batch norm in the image critic, whose
    penalty then needs a double backward over all processes; and with an {Objectives} section."""
    text = (ROOT / "cfg" / "minimal.cfg").read_text()
    assert text.count("batch_normalise=1") > 3
    main, section, critic = text.partition("{Image Discriminator}")
    assert section and "filters=8\n" in critic
    texts = {
        "none": text.replace("batch_normalise=1", "batch_normalise=0"),
        "main": text,
        "critic": main
        + section
        + critic.replace("filters=8\n", "filters=8\nbatch_normalise=1\n", 1),
    }
    texts["objectives"] = with_objectives(texts["none"])
    paths = {name: tmp_path / f"{name}.cfg" for name in texts}
    for name, path in paths.items():
        path.write_text(texts[name])
    return paths


@pytest.mark.parametrize(
    ("kind", "processes", "tolerance"),
    [
        ("none", 2, 1e-6),
        ("none", 3, 1e-6),
        ("main", 3, 1e-5),
        ("critic", 2, 1e-5),
        ("objectives", 2, 1e-5),
    ],
)
def test_steps_of_several_processes_equal_those_of_one(
    kind: str, processes: int, tolerance: float, cfgs: dict[str, Path], tmp_path: Path
) -> None:
    """Losses, gradient norms (a hundred thousand squares are summed: ten times the tolerance) and
    weights; the batches are in ``steps_of_a_rank``.
    """
    cfg, out = cfgs[kind], tmp_path / "outcome.pt"
    alone = steps(cfg, World())
    _run(processes, partial(save_steps, cfg, out), tmp_path / "printed")
    several = Outcome(**torch.load(out, weights_only=True))
    assert len(alone.terms) == len(several.terms) == len(LENGTHS)
    for index, (expected, found) in enumerate(zip(alone.terms, several.terms, strict=True)):
        assert ("main_loss" in found) == (index % 2 == 1)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            loose = 10 * tolerance if name.endswith("gradient_norm") else tolerance
            assert found[name] == pytest.approx(value, rel=loose, abs=loose), (index, name)
    for name in {name for terms in alone.terms for name in terms}:
        assert any(terms.get(name) for terms in alone.terms), f"{name} is 0 in every batch"
    assert several.state.keys() == alone.state.keys()
    for name, expected in alone.state.items():
        torch.testing.assert_close(several.state[name], expected, rtol=tolerance, atol=tolerance)


class Speaking(World):
    """A single process that sends all messages to itself."""

    is_alone = False


@pytest.mark.parametrize(
    ("device", "tolerance"),
    [
        pytest.param("cpu", 1e-5, id="gloo"),
        pytest.param("cuda:0", 1e-4, id="NCCL", marks=pytest.mark.cuda),
    ],
)
def test_a_process_group_of_one_trains_like_a_single_process(
    device: str, tolerance: float, cfgs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every message of a step passes through the backend, including in the double backward."""
    where = torch.device(device)
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    for name, value in {**address, "RANK": "0", "WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    if where.type == "cuda":
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    silent = steps(cfgs["critic"], World(), where)
    world = Speaking()
    with process_group(world, where):
        speaking = steps(cfgs["critic"], world, where)
        world.broadcast_from_main([value.clone() for value in speaking.state.values()])
        assert world.all_gather("x") == ["x"] and world.from_main(lambda: "y") == "y"
        assert world.any(True) and not world.any(False)
    for expected, found in zip(silent.terms, speaking.terms, strict=True):
        assert found == pytest.approx(expected, rel=10 * tolerance, abs=10 * tolerance)
    for name, expected in silent.state.items():
        torch.testing.assert_close(
            speaking.state[name], expected, rtol=tolerance, atol=tolerance, msg=name
        )


def _arguments(cfg: Path, data: Path, run: Path) -> list[str]:
    cache = run.parent / "cache"
    flags = ["--cfg", cfg, "--data", data, "--run", run, "--cache", cache, "--device", "cpu"]
    return [*map(str, flags)]


def _records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_run_resumes_with_another_number_of_processes(
    edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path
) -> None:
    """One process all the way, or two and then three: the same frames in the same order, every test
    frame evaluated once, the same numbers up to rounding, which Adam amplifies if a gradient is
    nearly 0. Batches of 6 of 16 frames.
    """
    edits = [("batch_size=4", "batch_size=6"), ("epoch_size=32", "epoch_size=16")]
    edits += [("decay_lr_over_last_n_epochs=2", "decay_lr_over_last_n_epochs=1")]
    short = edited_cfg(*edits, ("max_epochs=4", "max_epochs=1"), name="a.cfg")
    cfg = edited_cfg(*edits, ("max_epochs=4", "max_epochs=2"), name="b.cfg")
    several, printed = tmp_path / "several", tmp_path / "printed"
    process = _start(2, "--", "train.py", *_arguments(short, minimal_data, several))
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert output.count("epoch 1/1") == 1, "more than one process speaks"
    assert "2 processes (cpu)" in output
    output = _run(3, partial(main, _arguments(cfg, minimal_data, several)), printed)
    assert "resuming from its last checkpoint" in output
    assert main(_arguments(cfg, minimal_data, tmp_path / "alone")) == 0
    runs = (_records(tmp_path / name) for name in ("several", "alone"))
    for found, alone, tolerance in zip(*runs, (1e-5, 1e-2), strict=True):
        assert found["test"]["frames"] == alone["test"]["frames"] == 4
        assert found["step"] == alone["step"]
        for name in ("au_loss", "reconstruction_loss", "image_discriminator_penalty"):
            assert found["train"][name] == pytest.approx(alone["train"][name], rel=tolerance)
        for name, value in alone["test"]["loss"].items():
            assert found["test"]["loss"][name] == pytest.approx(value, rel=tolerance)


def _children(process: int) -> list[int]:
    return [
        int(child)
        for thread in Path(f"/proc/{process}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]


def _wait_for_an_epoch(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert any(line.startswith("epoch") for line in process.stdout), "it ended too early"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_a_killed_process_ends_all_and_the_run_resumes_with_fewer(
    edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path
) -> None:
    """One of three is killed, as by the system for lack of memory; two resume, and stop together on
    SIGTERM."""
    cfg = edited_cfg(("max_epochs=4", "max_epochs=100000"))
    arguments = ["--", "train.py", *_arguments(cfg, minimal_data, tmp_path / "run")]
    process = _start(3, *arguments)
    _wait_for_an_epoch(process)
    ranks = [child for child in _children(process.pid) if b"train.py" in _command_line(child)]
    assert len(ranks) == 3
    os.kill(ranks[1], signal.SIGKILL)
    output, _ = process.communicate(timeout=SECONDS_TO_STOP)
    assert process.returncode != 0
    assert "lost the connection to another process of this run" in output
    assert not any(Path(f"/proc/{rank}").exists() for rank in ranks)

    process = _start(2, *arguments)
    _wait_for_an_epoch(process)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=SECONDS_TO_STOP)
    assert "stopped (SIGTERM) in epoch" in output
    latest = torch.load(tmp_path / "run" / "checkpoints" / "latest.pt", weights_only=True)
    assert latest["progress"]["epoch"] > 1


def _command_line(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("filters=16", "filters=sixteen"), "edited.cfg:"),
        (("batch_size=4", "batch_size=1000000"), "edited.cfg:"),
    ],
    ids=["a text", "too large a number"],
)
def test_an_error_is_reported_once(
    edit: tuple[str, str],
    message: str,
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
) -> None:
    call = partial(main, _arguments(edited_cfg(edit), minimal_data, tmp_path / "run"))
    ranks = forked_world(2, call, tmp_path / "printed")
    assert [rank.wait() for rank in ranks] == [2, 2]
    printed = ranks[0].printed()
    assert printed.count(message) == 1, printed


SRUN = """#!/bin/bash
# As Slurm's: the command once a machine, at the same time; the first failure is the result.
shift
for machine in 1 2; do "$@" & done
wait -n && wait -n
"""


@pytest.mark.slow
def test_the_slurm_script_of_the_page_trains_on_two_machines(
    edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path
) -> None:
    """Both machines are this one, with a process each; Slurm's two commands are played."""
    (script,) = re.findall(r"```bash\n(#!/bin/bash\n#SBATCH.*?)```", SEVERAL_GPUS, re.DOTALL)
    run, cfg = tmp_path / "run", edited_cfg(("max_epochs=4", "max_epochs=1"))
    for old, new in (
        ("cfg/image_discriminator.cfg", str(cfg)),
        ("--data disfa", f"--data {minimal_data} --cache {tmp_path / 'cache'} --device cpu"),
        ("--run runs/disfa", f"--run {run}"),
        ("$first:29500", f"$first:{free_port()}"),
    ):
        assert script.count(old) == 1
        script = script.replace(old, new)
    for name, text in (("srun", SRUN), ("scontrol", "#!/bin/bash\necho localhost\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SLURM_JOB_NODELIST": "machine[1-2]",
        "SLURM_NNODES": "2",
        "SLURM_GPUS_ON_NODE": "1",
        "SLURM_JOB_ID": "7",
    }
    command = ["bash", "-c", script]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert "2 processes (cpu)" in output
    assert len(_records(run)) == 1
