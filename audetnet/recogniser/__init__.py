"""The network that is shipped: what it is, and what it gets wrong, says MODEL_CARD.md beside it."""

from pathlib import Path

NAME = "rendered-faces"
"""By which commands know it where they take a run; the default of ``audetnet predict``."""
CHECKPOINT = Path(__file__).with_name("rendered_faces.pt")

MODEL_CARD = Path(__file__).with_name("MODEL_CARD.md")


def run_or_shipped(path: Path) -> Path:
    """The shipped network's checkpoint for its name, unless a file has that name; any other path
    as it is.
    """
    return CHECKPOINT if str(path) == NAME and not path.exists() else path
