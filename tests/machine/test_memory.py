"""Freed memory stays with the process: touching a large block again causes no page faults."""

import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource, sys
import numpy as np
from audetnet.machine.memory import keep_freed_memory

if "keep" in sys.argv:
    keep_freed_memory()
np.ones(2**26, np.uint8)  # 64 MiB, above glibc's largest threshold
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    np.ones(2**26, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(*arguments: str) -> int:
    command = [sys.executable, "-c", FAULTS, *arguments]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="counts page faults of glibc on Linux")
def test_freed_memory_is_reused_without_page_faults() -> None:
    assert _faults() > 100, "without keep_freed_memory there must be faults"
    assert _faults("keep") < 10
