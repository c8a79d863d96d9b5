"""OpenCV, an optional part: cuts out faces, runs the networks that find them, decodes videos.

``cv2`` is imported at its first use, so that what only names a crop's size or kind needs no OpenCV.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from audetnet.errors import UserError, first_line

__all__ = ["cv2", "need_opencv"]
INSTALL = "pip install -e '.[faces]'"


def need_opencv() -> ModuleType:
    """The module. Raises UserError where it is not installed."""
    try:
        return import_module("cv2")
    except ImportError as error:
        raise UserError(
            f"finding faces, cutting them out and reading videos need OpenCV: {INSTALL} "
            f"({first_line(error)})"
        ) from error


class _ImportedAtFirstUse:
    """Stands for the module. Raises UserError where it is not installed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(need_opencv(), name)


if TYPE_CHECKING:
    import cv2
else:
    cv2 = _ImportedAtFirstUse()
