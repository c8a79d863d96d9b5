"""All labelled frames of a dataset directory, regardless of its id lists."""

import numpy as np

from audetnet.data.au_names import au_names_of
from audetnet.data.frames import Dataset, DatasetPaths, FrameSet
from audetnet.data.images import find_images
from audetnet.data.metadata import read_metadata, subjects_of
from audetnet.data.tables import find_labels, read_labels
from audetnet.errors import UserError, first_few
from audetnet.labels import active_from


def load_every_frame(paths: DatasetPaths) -> Dataset:
    """A dataset for evaluation only: training and test set both are all frames that have labels and
    an image. Raises UserError.
    """
    directory = paths.directory
    labels = directory / paths.labels if paths.labels else find_labels(directory)
    metadata = read_metadata(directory)
    table = read_labels(labels, metadata.kind)
    images = find_images(directory / paths.images)
    ids = [frame for frame in table.rows if frame in images]
    if not ids:
        raise UserError(f"{labels}: none of its frames has an image in {directory / paths.images}")
    missing = [frame for frame in table.rows if frame not in images]
    frames = FrameSet(
        name="all",
        ids=tuple(ids),
        paths=tuple(images[frame] for frame in ids),
        subjects=tuple(subjects_of(ids, directory, metadata)),
        labels=np.stack([table.rows[frame] for frame in ids]),
    )
    return Dataset(
        train=frames,
        test=frames,
        validation=None,
        au_names=au_names_of(directory, table, metadata),
        kind=table.kind,
        active_from=active_from(table.kind, metadata.threshold),
        notes=(f"{labels}: {len(missing)} frames without an image: {first_few(missing)}",)
        if missing
        else (),
    )
