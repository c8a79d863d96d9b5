"""The training objectives, one file each; see objective.py."""
