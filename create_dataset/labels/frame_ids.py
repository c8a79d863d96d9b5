"""Frame ids: how the frames of videos and image files are named.

Scripts that extract frames and tables that name videos or photographs share this definition.
"""

from pathlib import Path

from audetnet.data.names import id_fault
from audetnet.errors import UserError


def video_name(path: Path) -> str:
    """The prefix of the ids of a video's frames: ``clip`` for ``videos/clip.mp4``."""
    return path.stem


def video_frame_id(video: str, number: int) -> str:
    """Frame 17 (counted from 0) of the video ``clip`` is ``clip_17``."""
    return f"{video}_{number}"


def image_frame_id(inner: Path) -> str:
    """``a/b/001.jpg``, relative to the image folder, is ``a_b_001``."""
    return "_".join(inner.with_suffix("").parts)


def sequence_name(frame_id: str) -> str:
    """The video or folder named in an id; the id itself if there is none."""
    return frame_id.rpartition("_")[0] or frame_id


def check_id(frame_id: str, path: Path) -> str:
    """The id itself. Raises UserError if it could not be written to an id list."""
    if fault := id_fault(frame_id):
        raise UserError(
            f"{path}: would become the frame id '{frame_id}', which {fault}; rename the file"
        )
    return frame_id


def add_unique(files: dict[str, Path], frame_id: str, path: Path) -> None:
    """Add a file under its id. Raises UserError, naming both files, if the id is taken."""
    other = files.setdefault(frame_id, path)
    if other != path:
        raise UserError(f"{other} and {path} would both become '{frame_id}'; remove or rename one")
