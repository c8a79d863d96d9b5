"""OpenCV, which is optional: needed to crop and detect faces and to decode videos.

``cv2`` is imported at its first use, so that code which only names options of a crop does not need
it.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from audetnet.errors import UserError, first_line

__all__ = ["cv2", "need_opencv"]
INSTALL = "pip install -e '.[faces]'"


def need_opencv() -> ModuleType:
    """The module ``cv2``. Raises UserError if it is not installed."""
    try:
        return import_module("cv2")
    except ImportError as error:
        raise UserError(
            f"detecting and cropping faces and reading videos need OpenCV: {INSTALL} "
            f"({first_line(error)})"
        ) from error


class _LazyModule:
    """Imports the module at its first use. Raises UserError if it is not installed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(need_opencv(), name)


if TYPE_CHECKING:
    import cv2
else:
    cv2 = _LazyModule()
