"""Loads networks from runs, checkpoints and exported files."""

from collections.abc import Sequence
from pathlib import Path

from audetnet.errors import UserError
from audetnet.prediction.au_model import AUModel
from audetnet.recogniser import run_or_shipped

ONNX_SUFFIX = ".onnx"


def is_model(path: Path) -> bool:
    """Whether a path is a run directory, a checkpoint, an exported network or the shipped one."""
    path = run_or_shipped(path)
    return path.suffix in (".pt", ONNX_SUFFIX) or (path / "checkpoints").is_dir()


def load_models(
    paths: Sequence[Path], device: str = "auto", dataset: Path | None = None
) -> list[AUModel]:
    """Load networks that predict the same AUs. ``dataset``: see TrainedModel. Only runs and
    checkpoints import torch. Raises UserError.
    """
    models = [_load(path, device, dataset) for path in paths]
    first, *others = (model.info for model in models)
    for other in others:
        if (other.au_names, other.kind) != (first.au_names, first.kind):
            raise UserError(
                f"{other.path}: predicts {other.kind} of {', '.join(other.au_names)}, but "
                f"{first.path} {first.kind} of {', '.join(first.au_names)}; they must agree"
            )
    return models


def _load(path: Path, device: str, dataset: Path | None) -> AUModel:
    if path.suffix == ONNX_SUFFIX:
        from audetnet.prediction.exported_model import OnnxModel

        return OnnxModel(path)
    from audetnet.machine.devices import select_device
    from audetnet.prediction.trained_model import TrainedModel

    return TrainedModel(path, select_device(device), dataset)
