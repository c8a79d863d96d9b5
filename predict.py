"""Recognise AUs in images and videos; see ``python predict.py --help``."""

import sys

from audetnet.commands.predict import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
