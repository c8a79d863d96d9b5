"""Metrics, each defined once, and their application to whole sets."""
