"""Train AUDetNet; see ``python train.py --help``."""

import sys

from audetnet.commands.train import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
