"""Everything a cfg can name: the block types, objectives and AU losses of the package."""

from importlib import import_module
from pkgutil import iter_modules

from audetnet import objectives
from audetnet.config.reader import Vocabulary
from audetnet.networks import blocks
from audetnet.networks.au_losses import AU_LOSSES
from audetnet.networks.blocks.block import BUILDERS
from audetnet.objectives.objective import OBJECTIVES

for _folder in (blocks, objectives):
    for _module in iter_modules(_folder.__path__):  # each registers its contents on import
        import_module(f"{_folder.__name__}.{_module.name}")

VOCABULARY = Vocabulary(BUILDERS, OBJECTIVES, AU_LOSSES)
