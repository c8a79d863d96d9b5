"""Blocks that depend on the person in the image."""

from typing import Annotated

from torch import nn

from audetnet.config.binding import OptionError, Range
from audetnet.data.neutral_frames import Kind, NeutralFrames
from audetnet.networks.blocks.block import block
from audetnet.networks.fixed import PersonReference
from audetnet.networks.shapes import Shape

_NEEDS = {"random": "count", "first": "count", "named": "frame_list"}


@block("person_reference")
def person_reference(
    source: Shape,
    *,
    frames: Kind = "all",
    count: Annotated[int, Range(1, most=1_000_000)] | None = None,
    frame_list: str | None = None,
    missing: Annotated[float, Range(0, below=1)] = 0.0,
) -> nn.Module:
    """The input minus the person's input at rest: the median over that person's ``frames``. In
    training, a share ``missing`` of the frames is treated as showing unknown people.
    """
    given = {"count": count, "frame_list": frame_list}
    needed = _NEEDS.get(frames)
    for key, value in given.items():
        if key == needed and value is None:
            raise OptionError(f"frames={frames} needs {key}", "frames")
        if key != needed and value is not None:
            raise OptionError(f"{key} cannot be combined with frames={frames}", key)
    choice = NeutralFrames(frames=frames, count=count, frame_list=frame_list)
    return PersonReference(source, choice, missing)
