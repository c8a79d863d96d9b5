"""JSON files, as read throughout the project."""

import json
from pathlib import Path
from typing import Any

from audetnet.errors import UserError
from audetnet.files.atomic import read_text


def read_json(path: Path) -> Any:
    """The content of a file. Raises UserError."""
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise UserError(f"{path}: not a JSON file: {error}") from error
    except RecursionError as error:
        raise UserError(f"{path}: not a JSON file: nested too deeply") from error
