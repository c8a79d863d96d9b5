"""What all scripts have in common: a help with an example, a line on the page that lists them."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.pages import MAKING_DATA

SCRIPTS = sorted(
    path.stem
    for path in (ROOT / "create_dataset").glob("*.py")
    if 'if __name__ == "__main__":' in path.read_text()
)


def test_the_scripts_are_those_of_the_page() -> None:
    table = MAKING_DATA[: MAKING_DATA.index("\n## ")]
    named = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(named) == SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_has_an_example_and_needs_no_torch(script: str) -> None:
    program = (
        "import runpy, sys; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module('create_dataset.{script}', run_name='__main__')\n"
        "finally: print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert f"example:\n  python -m create_dataset.{script} " in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
