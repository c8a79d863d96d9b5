"""Frame ids: how the frames of videos and image files are called.

The one definition for scripts that extract frames and for tables that name videos or photographs.
"""

from pathlib import Path

from audetnet.data.names import id_fault
from audetnet.errors import UserError


def video_name(path: Path) -> str:
    """What the ids of a video's frames begin with: ``clip`` of ``videos/clip.mp4``."""
    return path.stem


def id_of_video_frame(video: str, number: int) -> str:
    """Frame 17, counted from 0, of the video ``clip`` is ``clip_17``."""
    return f"{video}_{number}"


def id_of_image(inner: Path) -> str:
    """``a/b/001.jpg``, relative to the folder of all images, is ``a_b_001``."""
    return "_".join(inner.with_suffix("").parts)


def sequence_of(frame_id: str) -> str:
    """The video or folder that an id names; the id itself where it names none."""
    return frame_id.rpartition("_")[0] or frame_id


def check_id(frame_id: str, path: Path) -> str:
    """The id itself. Raises UserError where lists of ids could not hold it."""
    if fault := id_fault(frame_id):
        raise UserError(
            f"{path}: would become the frame id '{frame_id}', which {fault}; rename the file"
        )
    return frame_id


def add_unique(files: dict[str, Path], frame_id: str, path: Path) -> None:
    """Enter a file under its id. Raises UserError, naming both files, if the id is taken."""
    other = files.setdefault(frame_id, path)
    if other != path:
        raise UserError(f"{other} and {path} would both become '{frame_id}'; remove or rename one")
