"""Parses cfg files into frozen, typed options."""
