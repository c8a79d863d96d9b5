"""Blocks that resize their input."""

from typing import Annotated, Literal

from torch import nn

from audetnet.config.binding import OptionError, Range, Side
from audetnet.networks.blocks.block import block
from audetnet.networks.shapes import Shape, check_output

UpsampleMode = Literal["nearest", "linear", "bilinear", "bicubic", "trilinear"]
Scale = Annotated[float, Range(0, most=10_000, open=True)]


@block("upsample")
def upsample(
    source: Shape,
    *,
    output_sizes: tuple[Side, Side] | None = None,
    scale_factor: Scale | None = None,
    mode: UpsampleMode = "nearest",
) -> nn.Module:
    """``nn.Upsample`` without align_corners: to ``output_sizes`` (height, width) or by
    ``scale_factor``.
    """
    if (output_sizes is None) == (scale_factor is None):
        raise OptionError("expected either output_sizes=HEIGHT,WIDTH or scale_factor=FACTOR")
    if mode in ("linear", "trilinear"):
        dimensions = {"linear": 3, "trilinear": 5}[mode]
        raise OptionError(
            f"mode={mode} is for {dimensions}-D tensors (as in nn.Upsample), but images "
            "are 4-D: use mode=bilinear",
            "mode",
        )
    height, width = output_sizes or (int(side * (scale_factor or 1)) for side in source[1:])
    check_output((source[0], height, width), "scale_factor")
    return nn.Upsample(size=output_sizes, scale_factor=scale_factor, mode=mode)
