"""Runs exported networks: ONNX files with onnxruntime, without torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audetnet.errors import UserError, first_line
from audetnet.files.atomic import check_regular
from audetnet.prediction.au_model import Crops, Neutral, Outputs
from audetnet.prediction.metadata import INPUT, KEY, OUTPUTS, info_from_metadata

INSTALL = "pip install -e '.[export]'"


def import_onnxruntime(path: Path) -> Any:
    """The module. Raises UserError if it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"{path}: ONNX files need onnxruntime ({INSTALL})") from error
    return onnxruntime


class OnnxModel:
    """Runs an ``.onnx`` file on the CPU. ``threads``: the maximum; None: one per core."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        """Raises UserError."""
        runtime = import_onnxruntime(path)
        check_regular(path)
        if not path.is_file():
            raise UserError(f"{path}: no such file; expected a network written by audetnet export")
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = options.inter_op_num_threads = threads
        try:
            session = runtime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises many kinds
            raise UserError(f"{path}: not a readable ONNX file: {first_line(error)}") from error
        self._session = session
        self.info = info_from_metadata(path, session.get_modelmeta().custom_metadata_map.get(KEY))

    def __call__(self, crops: Crops, neutrals: Sequence[Neutral | None] | None = None) -> Outputs:
        """See AUModel; ``neutrals`` is not supported."""
        values, z1, z2 = self._session.run(list(OUTPUTS), {INPUT: crops})
        return Outputs(np.asarray(values, dtype=np.float64), z1, z2)

    def prepare_neutral(self) -> None:
        """Raises UserError: exported networks have no input for it."""
        raise UserError(
            f"{self.info.path}: --reference needs the run itself, not an exported network"
        )

    def neutral(self, crops: Crops) -> Neutral:
        """Raises UserError."""
        self.prepare_neutral()
        raise AssertionError
