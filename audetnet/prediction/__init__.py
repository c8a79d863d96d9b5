"""Trained networks in use: from images and videos to rows of AUs, and to files that run elsewhere.

Whatever does not need torch is importable without it: exported networks run where it is not
installed.
"""
