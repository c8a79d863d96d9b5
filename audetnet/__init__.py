"""AUDetNet: facial Action Units from single RGB images, disentangled from everything else.

``from audetnet import load`` loads trained networks; nothing is imported before that.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audetnet.prediction.predictor import load as load

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "load":
        from audetnet.prediction.predictor import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
