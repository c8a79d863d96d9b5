"""What a block type is. A new one is one decorated function in the file of its kind in this folder,
where it is found by itself, and its test.

Its keyword parameters are the options of its block in a cfg; its result is the block's module. It
gets the shapes (C, H, W) of the outputs that its block reads, one positional argument each, and
raises OptionError for options that do not fit them. What a module draws while it trains comes from
torch's own generator, which is seeded for each batch.
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
"""Options that decide how many channels a block makes."""

Builder = Callable[..., nn.Module]
BUILDERS: dict[str, Builder] = {}
"""By the name of their block."""


def block(name: str) -> Callable[[Builder], Builder]:
    """Register a builder under the name that stands in square brackets."""
    return register(BUILDERS, name)
