"""The loop, its checkpoints and its logs."""
