"""The block types of networks, a file for each kind; see block.py."""
