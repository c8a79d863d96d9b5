"""What makes a run that run: with another cfg, seed or data, its checkpoint must not be gone on
with.
"""

import json
from typing import Any

from audetnet.config.options import Config
from audetnet.data.frames import Dataset
from audetnet.data.images import Size
from audetnet.errors import UserError

_ABSENT = "absent"
_CHANGEABLE = ("max_epochs", "max_test_iters")
"""Training options that a run may be gone on with after they changed."""


def run_identity(
    config: Config, dataset: Dataset, images: str, frame_size: Size, seed: int, bf16: bool
) -> dict[str, Any]:
    """What must be the same in all parts of a run, as plain JSON data."""
    cfg = config.resolved()
    for name in _CHANGEABLE:
        del cfg["training"][name]
    identity = {
        "cfg": cfg,
        "seed": seed,
        "bf16": bf16,
        "frame_size": frame_size,
        "digest_of_ids_and_labels": dataset.digest(),
        "digest_of_images": images,
    }
    plain: dict[str, Any] = json.loads(json.dumps(identity))
    return plain


def run_description(config: Config, dataset: Dataset, frame_size: Size) -> dict[str, Any]:
    """What rebuilds the model and names its outputs, as plain JSON data."""
    return {
        "cfg_path": str(config.path),
        "cfg_text": config.text,
        "au_names": list(dataset.au_names),
        "kind": dataset.kind,
        "active_from": dataset.active_from,
        "frame_size": list(frame_size),
    }


def check_identity(was: dict[str, Any], now: dict[str, Any], directory: str) -> None:
    """Raise UserError, naming the first difference, unless the two are equal."""
    before, after = _flat(was), _flat(now)
    for name in [*before, *after]:
        if before.get(name, _ABSENT) != after.get(name, _ABSENT):
            raise UserError(
                f"{directory}: this run was started with "
                f"{name}={before.get(name, _ABSENT)}, now it is "
                f"{after.get(name, _ABSENT)}; undo the change, or start a new run with --run DIR"
            )


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested data as ``a.b[2].c`` -> leaf."""
    if isinstance(value, dict):
        parts = {f"{name}.{key}" if name else key: inner for key, inner in value.items()}
    elif isinstance(value, list):
        parts = {f"{name}[{index}]": inner for index, inner in enumerate(value)}
    else:
        return {name: value}
    return {
        leaf: inner for part, whole in parts.items() for leaf, inner in _flat(whole, part).items()
    }
