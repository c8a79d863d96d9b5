"""The identity of a run: with another cfg, seed or data, its checkpoint must not be resumed.

Options missing from a run's identity have their defaults. So a run from before an option existed
can be resumed unless the cfg now sets another value.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from audetnet.config.binding import parameters
from audetnet.config.options import Config, DataOptions, LossOptions, NetOptions, TrainingOptions
from audetnet.data.frames import Dataset
from audetnet.data.ids import read_ids
from audetnet.data.images import Size
from audetnet.errors import UserError
from audetnet.vocabulary import VOCABULARY

Schema = Callable[..., Any]
_ABSENT = "absent"
_CHANGEABLE = ("max_epochs", "max_test_iters")
"""Training options that may change between two parts of a run."""
_OPTIONS: Mapping[str, Schema] = {
    "training": TrainingOptions,
    "data": DataOptions,
    "loss": LossOptions,
    "net": NetOptions,
}
"""By their names in a resolved cfg."""
_KINDS: Mapping[str, Mapping[str, Schema]] = {
    "blocks": VOCABULARY.blocks,
    "objectives": VOCABULARY.objectives,
}
"""By the name of the list, then by the type of the entry."""
_REFERENCE = "person_reference"
"""The block that depends on who is in the training frames."""
_DATA_DIGESTS = (
    "digest_of_ids_and_labels",
    "digest_of_images",
    "digest_of_subjects",
    "digest_of_cells",
)
_HINTS = ("fold",)
"""May differ if the data are the same, and explains more than a digest if they are not."""


def run_identity(
    config: Config,
    dataset: Dataset,
    images: str,
    frame_size: Size,
    seed: int,
    bf16: bool,
    fold: str | None,
    init: Path | None,
) -> dict[str, Any]:
    """What must be the same in all parts of a run, as JSON data. ``images`` is their digest,
    ``init`` the source of the initial weights. Raises UserError for a frame list that cannot be
    read.
    """
    cfg = config.resolved()
    for name in _CHANGEABLE:
        del cfg["training"][name]
    if not config.has_objectives_section:
        del cfg["objectives"]  # given by the lambdas, and unknown to older runs
    return _plain(
        {
            "cfg": cfg,
            "seed": seed,
            "bf16": bf16,
            "frame_size": frame_size,
            "digest_of_ids_and_labels": dataset.digest(),
            "digest_of_images": images,
            "digest_of_subjects": _subjects_digest(config, dataset),
            "digest_of_cells": _cells_digest(dataset),
            "fold": fold,
            "init": None if init is None else str(init),
        }
    )


def _subjects_digest(config: Config, dataset: Dataset) -> str | None:
    """A digest of who is in the training frames, if the run uses that, and of the frames listed as
    showing people at rest.
    """
    predicted = {each.objective.critic_output for each in config.objectives}
    blocks = [block for network in config.networks.values() for block in network.blocks]
    references = [block.arguments for block in blocks if block.type == _REFERENCE]
    if "people" not in predicted and not config.data.balance_subjects and not references:
        return None
    lists = [Path(each["frame_list"]) for each in references if each.get("frame_list")]
    lines = [*dataset.train.subjects, *(frame for path in lists for frame in read_ids(path))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _cells_digest(dataset: Dataset) -> str | None:
    """Of the cells that epochs are even over."""
    if dataset.cells is None:
        return None
    return hashlib.sha256(dataset.cells.tobytes()).hexdigest()[:16]


def run_description(config: Config, dataset: Dataset, frame_size: Size) -> dict[str, Any]:
    """What is needed to rebuild the model and name its outputs, as JSON data."""
    return {
        "cfg_path": str(config.path),
        "cfg_text": config.text,
        "au_names": list(dataset.au_names),
        "kind": dataset.kind,
        "active_from": dataset.active_from,
        "frame_size": list(frame_size),
        "landmarks": dataset.landmarks,
    }


def check_identity(
    was: dict[str, Any],
    now: dict[str, Any],
    directory: Path,
    changed_data: Callable[[], str | None] = lambda: None,
) -> None:
    """Raise UserError, naming the first difference, unless the two are equal. ``changed_data`` may
    describe what has changed in the data better than their digest.
    """
    was, now = ({**each, "cfg": _with_defaults(each["cfg"])} for each in (was, now))
    shared = [name for name in was if name in now]  # older versions have fewer
    options = [name for name in shared if name not in (*_DATA_DIGESTS, *_HINTS)]
    difference = first_difference(was, now, options)
    data = first_difference(was, now, [name for name in _DATA_DIGESTS if name in shared])
    if difference is None and data is not None:
        hints = [name for name in _HINTS if name in shared]
        reasons = [first_difference(was, now, hints), changed_data()]
        difference = " and with ".join(filter(None, reasons)) or data
    if difference is not None:
        raise UserError(
            f"{directory}: this run was started with {difference}; undo the change, or start a new "
            "run with --run DIR"
        )


def first_difference(was: dict[str, Any], now: dict[str, Any], names: Iterable[str]) -> str | None:
    """``a.b=1, now it is 2`` for the first of the entries that differs, else None."""
    before, after = (_flat({name: values[name] for name in names}) for values in (was, now))
    for name in [*before, *after]:
        old, new = (values.get(name, _ABSENT) for values in (before, after))
        if old != new:
            return f"{name}={old}, now it is {new}"
    return None


def _with_defaults(value: Any, place: str = "") -> Any:
    """Options as JSON data, missing ones filled in with their defaults. ``place``: their name in
    the resolved cfg.
    """
    if isinstance(value, list):
        return [_with_defaults(each, place) for each in value]
    if not isinstance(value, dict):
        return value
    schema = _OPTIONS.get(place) or _KINDS.get(place, {}).get(str(value.get("type")))
    options = parameters(schema).items() if schema else ()
    defaults = {name: option.default for name, option in options if not option.required}
    whole = {**value, **_plain({k: v for k, v in defaults.items() if k not in value})}
    return {name: _with_defaults(inner, name) for name, inner in whole.items()}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """The values after a round trip through JSON: tuples become lists."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


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
