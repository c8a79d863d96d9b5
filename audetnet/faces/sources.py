"""Sources of landmarks, recorded with everything made from them. Imports nothing, because command
lines need these names before anything is loaded.
"""

from typing import Final, Literal, get_args

DetectorName = Literal["facemesh", "dlib"]
DETECTORS: Final[tuple[DetectorName, ...]] = get_args(DetectorName)
LandmarkSource = Literal[DetectorName, "files"]
"""``files``: landmark files provided with the data."""
LANDMARK_SOURCES: Final[tuple[LandmarkSource, ...]] = get_args(LandmarkSource)
