"""``audetnet COMMAND``: what it offers, how fast its help is, and that help says all."""

import argparse
import os
import subprocess
import sys
from importlib import import_module

import pytest

from audetnet.commands.main import COMMANDS, main
from tests.conftest import ROOT

MOST_SECONDS = 0.3
HEAVY = {"torch", "numpy", "cv2", "pandas", "PIL"}


def _help_in_a_process(*arguments: str) -> tuple[str, float]:
    """The help, and the CPU seconds it took: other processes share the cores."""
    program = (
        "import sys; from audetnet.commands.main import main\n"
        f"try: main({list(arguments)})\n"
        f"finally: print('loaded:', *({HEAVY} & sys.modules.keys()))"
    )
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    after = os.times()
    return done.stdout, sum(after[2:4]) - sum(before[2:4])


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_loads_nothing_heavy_and_is_fast(command: str) -> None:
    text, seconds = _help_in_a_process(*filter(None, [command]), "--help")
    assert text.startswith(f"usage: audetnet {command}".rstrip())
    assert "example:\n  audetnet" in text
    assert text.splitlines()[-1] == "loaded:"
    assert 0 < seconds < MOST_SECONDS


def _flags(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [each for each in parser._actions if not isinstance(each, argparse._HelpAction)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_names_its_default(command: str) -> None:
    """It is needed, a switch that is off, or its help names its default."""
    for flag in _flags(import_module(COMMANDS[command].module).parser()):
        is_switch = isinstance(flag, argparse._StoreTrueAction)
        assert flag.help, flag
        is_named = bool(flag.option_strings)
        assert flag.required or is_switch or not is_named or "default" in flag.help, flag


def test_the_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert [name for name in COMMANDS if f"    {name}" not in out] == []


def test_an_unknown_command_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["predcit"])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("audetnet: argument COMMAND: invalid choice: 'predcit'")


def test_a_command_gets_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "--cfg", str(ROOT / "cfg" / "minimal.cfg")]) == 0
    described = capsys.readouterr().out
    cfg = str(ROOT / "cfg" / "minimal.cfg")
    assert main(["train", "--describe", "--cfg", cfg]) == 0
    assert capsys.readouterr().out == described
    assert "Encoder" in described


def test_it_is_installed_under_its_name() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert '[project.scripts]\naudetnet = "audetnet.commands.main:main"\n' in project
