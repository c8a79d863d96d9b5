"""Exports encoder and AUPredictor of a run as one file, checked against the original."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from audetnet.errors import UserError
from audetnet.files.atomic import atomic_write
from audetnet.prediction.au_model import Crops, Outputs
from audetnet.prediction.exported_model import INSTALL, OnnxModel, import_onnxruntime
from audetnet.prediction.metadata import INPUT, KEY, OUTPUTS, metadata_json
from audetnet.prediction.trained_model import TrainedModel

Target = Literal["onnx", "pt2"]
TOLERANCE = 1e-4
"""Absolute for intensities and probabilities, relative to the maximum for codes."""
_TRACED_BATCH = 2


@dataclass(frozen=True)
class Difference:
    """Largest differences from the original: of AUs, and of codes relative to their maximum."""

    aus: float
    codes: float

    def is_within(self, limit: float) -> bool:
        """False for NaN."""
        return self.aus <= limit and self.codes <= limit


def check_installed(target: Target, out: Path) -> None:
    """Raise UserError if a package is missing."""
    if target == "onnx":
        import_onnxruntime(out)
        try:
            import onnx  # noqa: F401
            import onnxscript  # noqa: F401
        except ImportError as error:
            raise UserError(f"{out}: --to onnx needs onnx and onnxscript ({INSTALL})") from error


def export(model: TrainedModel, target: Target, out: Path, crops: Crops) -> Difference:
    """Export a model and compare both on ``crops`` (N, H, W, 3), as one batch and a single crop.
    Raises UserError and keeps no file if they differ.
    """
    program = _program(model)
    text = metadata_json(model.info, model.normalisation)
    passing = out.with_name(f".unfinished-{out.name}")
    with atomic_write(out, passing) as unfinished:
        try:
            if target == "onnx":
                _write_onnx(program, unfinished, text)
                exported: Callable[[Crops], Outputs] = OnnxModel(unfinished)
            else:
                torch.export.save(program, unfinished, extra_files={KEY: text})
                exported = _load_program(unfinished)
            difference = _compare(model, exported, crops)
            if not difference.is_within(TOLERANCE):
                raise UserError(
                    f"{out}: not written: its AUs differ from those of {model.info.path} by "
                    f"{difference.aus:.1e} and its codes by {difference.codes:.1e}; the limit is "
                    f"{TOLERANCE:.0e}"
                )
        except UserError:
            unfinished.unlink(missing_ok=True)
            raise
    return difference


class _WithoutReference(nn.Module):
    """The network without the input for a person reference."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: torch.Tensor) -> Any:
        return self.network(crops)


def _program(model: TrainedModel) -> torch.export.ExportedProgram:
    """The network, traced with a dynamic batch size."""
    height, width = model.info.frame_size
    example = torch.zeros(_TRACED_BATCH, height, width, 3, dtype=torch.uint8)
    batch = torch.export.Dim("batch", min=1)
    network = _WithoutReference(model.network).eval()
    with torch.no_grad():
        return torch.export.export(network, (example,), dynamic_shapes={INPUT: {0: batch}})


def _write_onnx(program: torch.export.ExportedProgram, path: Path, text: str) -> None:
    import onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = torch.onnx.export(
            program,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamo=True,
            verbose=False,
            optimize=True,
        )
    assert written is not None
    proto = written.model_proto
    onnx.helper.set_model_props(proto, {KEY: text})
    onnx.save(proto, str(path))


def _load_program(path: Path) -> Callable[[Crops], Outputs]:
    module = torch.export.load(path).module()

    def run(crops: Crops) -> Outputs:
        values, z1, z2 = module(torch.from_numpy(crops))
        return Outputs(values.double().numpy(), z1.numpy(), z2.numpy())

    return torch.no_grad()(run)


def _compare(model: TrainedModel, exported: Callable[[Crops], Outputs], crops: Crops) -> Difference:
    aus, codes = [], []
    for some in (crops, crops[:1]):
        own, other = model(some), exported(some)
        aus.append(np.abs(own.values - other.values).max())
        for a, b in ((own.z1, other.z1), (own.z2, other.z2)):
            if a.size:
                codes.append(np.abs(a - b).max() / max(np.abs(a).max(), np.finfo(a.dtype).tiny))
    return Difference(float(np.max(aus)), float(np.max(codes)))
