"""The block types of networks, one file per kind; see block.py."""
