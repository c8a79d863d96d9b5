"""From what researchers own (DISFA, BP4D, videos, tables of labels) to a dataset directory: scripts
to be run as ``python -m create_dataset.NAME --help``.
"""
