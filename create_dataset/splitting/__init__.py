"""Writes splits to a dataset directory."""
