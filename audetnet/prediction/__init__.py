"""Inference with trained networks: from images and videos to tables of AUs, and export.

Modules that do not need torch do not import it, so that exported networks run without it.
"""
