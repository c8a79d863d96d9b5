"""Measure what z1 and z2 know; see ``python test_disentangling.py --help``."""

import sys

from audetnet.commands.disentangling import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
