"""Blocks, graphs of blocks, the joined model and its losses."""
