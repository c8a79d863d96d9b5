"""Lines for the user on stdout."""

import os
import sys


def say(text: str) -> None:
    """Print a line. If the reader of our output has gone (``| head``), this and all later lines go
    nowhere, and the program goes on: a night of training must not end with its terminal.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
