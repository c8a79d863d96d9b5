"""The command as users run it: the README's commands, every kind of error, --describe."""

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from functools import partial
from pathlib import Path
from select import select

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from audetnet.commands.train import main
from audetnet.commands.train_flags import parser
from audetnet.files.lock import locked
from audetnet.training.checkpoint import load_checkpoint
from tests.conftest import ROOT
from tests.edited_labels import edit_labels
from tests.forked import Forked
from tests.pages import README, TRAINING
from tests.training.conftest import QUICK

SHORT = (("max_epochs=4", "max_epochs=1"), *QUICK[1:])
TRAIN_COMMAND = "pip install -e . && python train.py --cfg cfg/minimal.cfg --data minimal_dataset"
TEST_COMMAND = "pip install -e '.[test]' && pytest"


def test_the_training_command_of_the_readme_works(tmp_path: Path) -> None:
    """The exact line, run on a copy of the shipped files."""
    assert f"\n{TRAIN_COMMAND}\n" in README
    for name in ("cfg", "minimal_dataset"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("cache"))
    shutil.copy(ROOT / "train.py", tmp_path)
    command = TRAIN_COMMAND.split("&& python ")[1].split()
    result = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    assert len(re.findall(r"^epoch \d/4 ", result.stdout, re.MULTILINE)) == 4
    assert "AU12" in result.stdout and "runs/minimal" in result.stdout
    assert "Traceback" not in result.stderr
    assert (tmp_path / "runs" / "minimal" / "results.json").is_file()


def test_the_test_command_of_the_readme_is_what_ci_runs() -> None:
    assert f"\n{TEST_COMMAND}\n" in README
    steps = (ROOT / ".ci" / "run").read_text().splitlines()
    for command in TEST_COMMAND.split(" && "):
        assert any(step.startswith(command) for step in steps), command


def test_help_names_every_flag_and_imports_no_torch() -> None:
    """Help is instant: torch is imported only after argv is parsed."""
    code = (
        "import sys; from audetnet.commands.train import main\n"
        "try: main(['--help'])\n"
        "finally: assert 'torch' not in sys.modules"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    for flag in ("--cfg", "--data", "--run", "--device", "--seed", "--bf16", "--max-time"):
        assert flag in result.stdout and f"`{flag}" in TRAINING


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("45m", 2700),
        ("3h30m", 12600),
        ("1h1m1s", 3661),
        ("0s", 0),
        ("10000h", 36_000_000),
    ],
)
def test_times(text: str, seconds: float) -> None:
    arguments = parser().parse_args(["--cfg", "x", "--max-time", text])
    assert arguments.max_time == seconds


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--max-time", "5"], "expected a time such as 90s, 45m or 3h30m, not '5'"),
        (["--max-time", ""], "expected a time such as"),
        (["--max-time", "10000h1s"], "expected at most 10000h, not '10000h1s'"),
        (["--max-time", "9" * 400 + "s"], "expected at most 10000h, not '999"),
        (["--max-time", "9" * 5000 + "h"], "expected at most 10000h, not '999"),
        (["--seed", "9" * 5000], "at most 9223372036854775807"),
        (["--save-every", str(2**63)], "at most 9223372036854775807"),
        (["--seed", "-1"], "--seed"),
        (["--save-every", "x"], "expected a whole number, not 'x'"),
        ([], "--data is required for training"),
        (["--no-such-flag"], "unrecognized arguments"),
    ],
)
def test_wrong_flags(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--cfg", "cfg/minimal.cfg", *flags])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def _copy_data(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target, ignore=shutil.ignore_patterns("cache")))


def _run(cfg: Path, data: Path, run: Path, *flags: str) -> int:
    arguments = ["--cfg", str(cfg), "--data", str(data), "--run", str(run), "--device", "cpu"]
    return main([*arguments, *flags])


def _resize_one(data: Path) -> None:
    path = next((data / "imgs").glob("SN002_1.jpg"))
    Image.open(path).resize((100, 90)).save(path)


MISTAKES: dict[str, tuple[tuple[tuple[str, str], ...], Callable[[Path], object], str]] = {
    "cfg": ((("filters=16", "fitlers=16"),), lambda data: None,
            r"{cfg}:\d+: \[convolutional\] unknown option 'fitlers'; did you mean 'filters'\?"),
    "collapse": ((("image_size=64", "image_size=2"),), lambda data: None,
                 r"{cfg}:\d+: \[convolutional\] a 4x4 window does not fit .* collapse below 1x1"),
    "predictor": ((("channels=16", "channels=65"),), lambda data: None,
                  r"{cfg}:\d+: \[net\] channels=65 is wider than the code, which has 64 channels"),
    "decoder": ((("scale_factor=4", "scale_factor=2"),), lambda data: None,
                r"{cfg}:\d+: \[convolutional\] the decoder's output is 3x32x32, .*3x64x64"),
    "aus": ((("output_features=12", "output_features=8"),), lambda data: None,
            r"{cfg}:\d+: \[connected\] the AUPredictor has 8 outputs, but the data have 12 AUs: "),
    "rows": ((), lambda data: edit_labels(data, lambda t: t.update(SN002_1=np.zeros(3))),
             r"{data}/aus.pkl: 'SN\w+' has \d+ AU values, but 'SN\w+' has \d+"),
    "range": ((), lambda data: edit_labels(data, lambda t: t.update(SN002_1=np.full(12, 7.0))),
              r"{data}/aus.pkl: 'SN002_1' has the value 7 .*expected an intensity from 0 to 5"),
    "no images": ((), lambda data: shutil.rmtree(data / "imgs"), r"{data}/imgs: no such directory"),
    "no ids": ((), lambda data: (data / "test_ids.csv").write_text(""),
               r"{data}/test_ids.csv: no frame ids; expected one per row"),
    "no table": ((), lambda data: (data / "aus.csv").unlink(), r"{data}: no AU table"),
    "broken image": ((), lambda data: (data / "imgs" / "SN002_1.jpg").write_bytes(b"no image"),
                     r"{data}/imgs/SN002_1.jpg: not a readable image: .*"),
    "mixed sizes": ((("image_size=64\n", ""), ("scale_factor=4", "scale_factor=16")), _resize_one,
                    r"{data}/imgs/\w+.jpg: is \d+x\d+ \(height x width\).*set image_size"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_status_2(
    mistake: str,
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edits, spoil, message = MISTAKES[mistake]
    if mistake == "mixed sizes":
        edits = (*edits, *LARGER)
    cfg, data = edited_cfg(*edits), _copy_data(minimal_data, tmp_path / "data")
    spoil(data)
    if mistake == "mixed sizes":
        ids = (data / "train_ids.csv").read_text().split()
        (data / "train_ids.csv").write_text("\n".join(ids[::-1]))
    assert _run(cfg, data, tmp_path / "run") == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    pattern = message.format(cfg=re.escape(str(cfg)), data=re.escape(str(data)))
    assert re.match(pattern, lines[0]), lines[0]
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("gpu", "--device gpu: expected auto, cpu, cuda or cuda:N"),
        ("meta", "--device meta: expected auto, cpu, cuda or cuda:N"),
        ("cuda:99", "--device cuda:99: only "),
    ],
)
def test_devices_that_are_not_there(
    device: str,
    message: str,
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--cfg", str(edited_cfg()), "--data", str(minimal_data), "--device", device]
    assert main([*arguments, "--run", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_other_names_by_flags(
    edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path
) -> None:
    data = _copy_data(minimal_data, tmp_path / "data")
    for old, new in (
        ("imgs", "frames"),
        ("aus.csv", "table.csv"),
        ("train_ids.csv", "a.txt"),
        ("test_ids.csv", "b.txt"),
    ):
        (data / old).rename(data / new)
    flags = ["--images", "frames", "--labels", "table.csv", "--train-ids", "a.txt"]
    cfg = edited_cfg(*SHORT)
    assert _run(cfg, data, tmp_path / "run", *flags, "--test-ids", "b.txt") == 0
    record = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert record["test"]["frames"] == 4


def test_ids_left_out_are_counted_and_named(
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = _copy_data(minimal_data, tmp_path / "data")
    with (data / "train_ids.csv").open("a") as file:
        file.writelines(f"SN099_{number}\n" for number in range(7))
    assert _run(edited_cfg(*SHORT), data, tmp_path / "run") == 0
    assert (
        "train_ids.csv: 7 of 15 ids left out for lack of an image: "
        "SN099_0, SN099_1, SN099_2, SN099_3, SN099_4, ... (7 in all)"
    ) in capsys.readouterr().err


def test_describe_prints_tables_and_stops(
    edited_cfg: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = edited_cfg()
    assert main(["--cfg", str(cfg), "--describe", "--run", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert "{Encoder}  code 64x1x1: z1 = channels 0-15 (16), z2 = channels 16-63 (48)" in printed
    assert re.search(r"all networks: [\d,]+ parameters, [\d.]+ GFLOP per image", printed)
    assert not (tmp_path / "run").exists()


LARGER = (("pool_size=8\nstride=8", "pool_size=32\nstride=32"),)
"""With it cfg/minimal.cfg is for frames of 256x256."""


def test_describe_takes_the_size_from_cfg_data_or_says_what_it_assumes(
    edited_cfg: Callable[..., Path], minimal_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """minimal_dataset's frames are 256x256, which a network for 64x64 does not fit."""
    cfg = edited_cfg(("image_size=64\n", ""))
    for flags in (["--data", str(minimal_data)], []):
        assert main(["--cfg", str(cfg), "--describe", *flags]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "the AUPredictor's output is 12x4x4" in line  # 256 / 64 = 4
    fitting = edited_cfg(("image_size=64\n", ""), ("scale_factor=4", "scale_factor=16"), *LARGER)
    assert main(["--cfg", str(fitting), "--describe"]) == 0
    assert "assuming frames of 256x256" in capsys.readouterr().err


def _shown_in_a_terminal(call: Callable[[], int], output: Path) -> str:
    """What a call writes to stderr if it is a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    process, written = Forked(call, output, Path(os.ttyname(theirs))), b""
    while process.runs() or select([ours], [], [], 0)[0]:
        if select([ours], [], [], 0.05)[0]:
            written += os.read(ours, 65536)
    for end in (ours, theirs):
        os.close(end)
    assert process.wait() == 0, written.decode()
    return written.decode()


@pytest.mark.slow
@pytest.mark.parametrize("in_a_terminal", [True, False])
def test_progress_bars_only_in_a_terminal(
    in_a_terminal: bool, edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path
) -> None:
    cfg, run = edited_cfg(*SHORT), tmp_path / "run"
    call = partial(_run, cfg, minimal_data, run, "--cache", str(tmp_path / "cache"))
    output, errors = tmp_path / "output", tmp_path / "errors"
    if in_a_terminal:
        written = _shown_in_a_terminal(call, output)
    else:
        assert Forked(call, output, errors).wait() == 0
        written = errors.read_text()
    for bar in ("packing images", "epoch 1", "evaluating test"):
        assert (bar in written) == in_a_terminal
    assert in_a_terminal or written == ""


@pytest.mark.slow
def test_output_cut_off_by_its_reader_is_no_error(edited_cfg: Callable[..., Path]) -> None:
    """``train.py --describe | head -1``"""
    command = f"{sys.executable} train.py --cfg {edited_cfg()} --describe | head -1"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("{Encoder}")


@pytest.mark.slow
def test_training_goes_on_when_the_reader_of_its_output_has_gone(
    edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path
) -> None:
    """``train.py ... | head -1`` trains, saves and finishes."""
    cfg, run = edited_cfg(("max_epochs=4", "max_epochs=2"), *SHORT[1:]), tmp_path / "run"
    command = f"{sys.executable} train.py --cfg {cfg} --data {minimal_data} --run {run}"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} --cache {tmp_path / 'cache'} | head -1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert (run / "results.json").is_file()


def test_other_pixels_are_another_run(
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A new crop of the same frames must not be resumed."""
    data = _copy_data(minimal_data, tmp_path / "data")
    cfg = edited_cfg(*SHORT)
    assert _run(cfg, data, tmp_path / "run") == 0
    for path in (data / "imgs").iterdir():
        with Image.open(path) as image:
            image.crop((10, 10, 240, 240)).resize(image.size).save(path)
    assert _run(cfg, data, tmp_path / "run") == 2
    assert "this run was started with different image (name or size) of " in capsys.readouterr().err


def test_two_processes_do_not_share_a_run_directory(
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with locked(tmp_path / "run", "busy"):
        assert _run(edited_cfg(), minimal_data, tmp_path / "run") == 2
    expected = f"{tmp_path / 'run'}: another process is training in this run directory"
    assert capsys.readouterr().err.startswith(expected)


def test_a_set_without_any_known_label_is_a_mistake(
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = _copy_data(minimal_data, tmp_path / "data")
    edit_labels(data, lambda table: table.update({frame: np.full(12, 9.0) for frame in table}))
    assert _run(edited_cfg(), data, tmp_path / "run") == 2
    expected = f"{data / 'aus.pkl'}: no AU of any train frame is known"
    assert capsys.readouterr().err.strip() == expected


def test_cache_off_writes_no_cache_and_trains_the_same(
    tmp_path: Path, minimal_data: Path, edited_cfg: Callable[..., Path]
) -> None:
    cfg, data = edited_cfg(*SHORT), _copy_data(minimal_data, tmp_path / "data")
    assert _run(cfg, data, tmp_path / "off", "--cache", "off") == 0
    assert not (data / "cache").exists()
    assert not Path("off").exists()
    assert _run(cfg, data, tmp_path / "kept") == 0
    assert (data / "cache").is_dir()
    models = [
        load_checkpoint(tmp_path / run / "checkpoints" / "latest.pt").model
        for run in ("off", "kept")
    ]
    assert all(torch.equal(models[0][name], value) for name, value in models[1].items())


def test_a_damaged_cache_is_repacked_when_checked(
    tmp_path: Path,
    minimal_data: Path,
    edited_cfg: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    cfg, cache = edited_cfg(*SHORT), tmp_path / "cache"
    assert _run(cfg, minimal_data, tmp_path / "sound", "--cache", str(cache)) == 0
    (array,) = cache.glob("frames-*.npy")
    whole = array.read_bytes()
    array.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    capsys.readouterr()
    assert _run(cfg, minimal_data, tmp_path / "run", "--cache", str(cache), "--check-cache") == 0
    assert f"{array}: 1 of 12 packed frames are damaged" in capsys.readouterr().err
    assert array.read_bytes() == whole


def test_frames_on_the_device_train_the_same(
    tmp_path: Path, minimal_data: Path, edited_cfg: Callable[..., Path]
) -> None:
    cfg, cache = edited_cfg(*SHORT), str(tmp_path / "cache")
    for place in ("on", "off"):
        flags = ("--cache", cache, "--data-on-device", place)
        assert _run(cfg, minimal_data, tmp_path / place, *flags) == 0
    models = [
        load_checkpoint(tmp_path / place / "checkpoints" / "latest.pt").model
        for place in ("on", "off")
    ]
    assert all(torch.equal(models[0][name], value) for name, value in models[1].items())


@pytest.mark.parametrize(
    ("edits", "kind", "learnt"),
    [
        ((), "intensity", "12 AUs, occurrence (labels: intensities, active from 2)"),
        ((), "occurrence", "12 AUs, occurrence\n"),
        (
            (
                ("regress_au_intensities=False", "regress_au_intensities=True"),
                ("au_regression_loss_function=BCEWithLogits", "au_regression_loss_function=MSE"),
            ),
            "intensity",
            "12 AUs, intensity\n",
        ),
    ],
    ids=["occurrence of intensities", "occurrence", "intensity"],
)
def test_a_run_says_what_is_learnt_from_how_many(
    edits: tuple[tuple[str, str], ...],
    kind: str,
    learnt: str,
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = _copy_data(minimal_data, tmp_path / "data")
    (data / "test_ids.csv").write_text((data / "test_ids.csv").read_text().split()[0])
    if kind == "occurrence":
        description = (data / "dataset.json").read_text()
        (data / "dataset.json").write_text(description.replace('"intensity"', '"occurrence"'))
        edit_labels(data, lambda t: t.update({f: np.where(a == 9, 9, a > 1) for f, a in t.items()}))
    assert _run(edited_cfg(*edits), data, tmp_path / "run", "--max-time", "0s") == 0
    printed = capsys.readouterr().out
    assert "1 test frame of 1 subject, " in printed and learnt in printed


DISCRIMINATOR_WITH_TANH = (
    "output_features=64\nactivation=leaky_relu",
    "output_features=64\nactivation=tanh",
)


COMPILED = ("--cache", "off", "--compile")


def test_compile_without_a_compiler_trains_uncompiled_and_says_why(
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """torch's message without one; its first line names only the backend."""

    def failing(*_: object, **__: object) -> object:
        raise RuntimeError("backend='inductor' raised:\nNo working C++ compiler found in g++")

    monkeypatch.setattr(torch, "compile", failing)
    assert _run(edited_cfg(*SHORT), minimal_data, tmp_path / "run", *COMPILED) == 0
    expected = "--compile: nothing is compiled: No working C++ compiler found in g++"
    assert expected in capsys.readouterr().err.splitlines()


@pytest.mark.slow
def test_compile_skips_critics_that_need_double_backward(
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With torch's tracing and a backend that runs the traced graph; losses equal the uncompiled
    ones.
    """
    cfg = edited_cfg(*SHORT, DISCRIMINATOR_WITH_TANH)
    taken: list[nn.Module] = []
    whole = torch.compile
    monkeypatch.setattr(torch, "compile", partial(whole, backend="eager"))

    def compile_network(network: nn.Module, **options: object) -> None:
        taken.append(network)
        plain_compile(network, backend="eager", **options)

    plain_compile = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", compile_network)
    assert _run(cfg, minimal_data, tmp_path / "run", *COMPILED) == 0
    error = capsys.readouterr().err
    assert "--compile: the discriminator is not compiled: its penalty needs" in error, error
    assert "image_discriminator runs" not in error
    assert len(taken) == 4
    assert _run(cfg, minimal_data, tmp_path / "plain", "--cache", "off") == 0
    for name in ("run", "plain"):
        assert (tmp_path / name / "results.json").is_file()
    first, second = (
        json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[0])
        for name in ("run", "plain")
    )
    assert first["train"] == pytest.approx(second["train"], rel=1e-4, abs=1e-6)
