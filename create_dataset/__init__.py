"""Makes dataset directories from DISFA, BP4D, videos, photographs and tables of labels: scripts run
as ``python -m create_dataset.NAME --help``.
"""
