"""Where landmarks come from, as it is kept with everything that is made from them. It imports
nothing: command lines name these before they load anything.
"""

from typing import Final, Literal, get_args

DetectorName = Literal["facemesh", "dlib"]
DETECTORS: Final[tuple[DetectorName, ...]] = get_args(DetectorName)
LandmarkSource = Literal[DetectorName, "files"]
"""``files``: landmark files that came with the data."""
LANDMARK_SOURCES: Final[tuple[LandmarkSource, ...]] = get_args(LandmarkSource)
