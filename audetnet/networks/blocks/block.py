"""How block types are defined. To add one, write a decorated function in the file of its kind in
this folder, where it is discovered automatically, and its test.

The function's keyword parameters are the block's options in a cfg; it returns the block's module.
It gets the shapes (C, H, W) of the block's inputs as positional arguments and raises OptionError if
the options do not fit them. Random numbers that a module draws in training come from torch's global
generator, which is seeded for each batch.
"""

from collections.abc import Callable
from typing import Annotated

from torch import nn

from audetnet.config.binding import Range, Reference
from audetnet.registry import register

BlockReference = Annotated[int, Reference()]
BlockReferences = tuple[Annotated[int, Reference()], ...]
Dimension = Annotated[int, Range(0, below=5)]
WIDTH_KEYS = ("filters", "output_features")
"""Options that set a block's number of output channels."""

Builder = Callable[..., nn.Module]
BUILDERS: dict[str, Builder] = {}
"""By block name."""


def block(name: str) -> Callable[[Builder], Builder]:
    """Register a builder under the block's name, as in square brackets in a cfg."""
    return register(BUILDERS, name)
