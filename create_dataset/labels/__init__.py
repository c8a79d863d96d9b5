"""Converts the label files of DISFA and BP4D, and the tables of any tool, to an AU table."""
