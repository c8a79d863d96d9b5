"""The --device flag."""

import argparse


def add_device_flag(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
