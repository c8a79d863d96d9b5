"""Row 8: images decoded from z1 of one frame and z2 of another, as seen by networks without any
part in the training.
"""

import numpy as np
import numpy.typing as npt
import torch

from audetnet.disentangling.block_metrics import (
    leak_ratio,
    macro_auc,
    same_person_auc,
    standardised,
)
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.decoded_images import diverse_frames, exchange_matrix, shuffled_images
from audetnet.disentangling.exchanged_codes import Coder, RestOf, cycle_error, exchange, partners
from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.identity_embedding import (
    DlibEmbedder,
    ReferenceNetworks,
    frames_to_embed,
    identity_follows_z2,
)
from audetnet.disentangling.image_grid import frame_names
from audetnet.disentangling.measure import computes
from audetnet.disentangling.table import RUNS, Findings, Row, Table, require_people, require_z2
from audetnet.evaluation.people import Statistic, estimate, mean_over_frames
from audetnet.seeds import Purpose, numpy_generator

_MATRIX_FRAMES, _SHUFFLED_FRAMES = 5, 8
_PAIRS = (
    "each test frame i gives z1, a frame j of another person (drawn uniformly from the others) "
    "gives z2"
)
_CLASSIFIER = (
    "a convolutional network that this command trains on the images of the training people, "
    "without any part in the run's training"
)
_EMBEDDER = (
    "the identity judge named above the tables: dlib's face descriptor, trained on photographs of "
    f"other people, if it is installed (for at most {DlibEmbedder.max_frames} frames), else "
    f"{_CLASSIFIER}"
)


def _row(
    key: str,
    title: str,
    unit: str,
    chance: str,
    ideal: str,
    definition: str,
    headline: bool = True,
    in_intervals: bool = False,
) -> Row:
    return Row(
        key=key,
        number=8,
        title=title,
        unit=unit,
        chance=chance,
        ideal=ideal,
        definition=definition,
        headline=headline,
        in_intervals=in_intervals,
    )


def _au_row(key: str, title: str, ideal: str, what: str, headline: bool = False) -> Row:
    definition = f"AU scores by {_CLASSIFIER}, {what}; over all frames, mean over AUs."
    return _row(key, title, "macro ROC-AUC", "0.5", ideal, definition, headline)


ROWS = (
    _au_row(
        "judge_originals",
        "reference classifier on original images",
        "high: the ceiling of what follows",
        "on the original test frames, against their labels",
    ),
    _au_row(
        "judge_reconstructions",
        "reference classifier on reconstructions",
        "that of the originals",
        "on the reconstructions of the test frames, against their labels",
        headline=True,
    ),
    _au_row(
        "exchange_au",
        "exchanged images: AUs of the frame of z1",
        "that of reconstructions",
        f"on exchanged images against the labels of i: {_PAIRS}",
    ),
    _au_row(
        "exchange_au_of_z2",
        "exchanged images: AUs of the frame of z2",
        "0.5",
        f"on exchanged images against the labels of j: {_PAIRS}",
        headline=True,
    ),
    _row(
        "exchange_au_ratio",
        "exchanged images: AUs follow z1",
        "ratio",
        "0",
        "1",
        "(AUC(exchanged, labels of i) - 0.5) / (AUC(reconstructed) - 0.5) of the reference "
        "classifier; 0 = as for a random frame; undefined if it sees no AUs in reconstructions "
        "(AUC < 0.55).",
        in_intervals=True,
    ),
    _row(
        "exchange_identity",
        "exchanged images: the person follows z2",
        "share",
        "0.5",
        "1",
        "share of exchanged images whose embedding has a higher cosine similarity to the "
        "reconstructions of j's person than to those of i's (mean embeddings without i and j, "
        f"centred on the overall mean), by {_EMBEDDER}; {_PAIRS}.",
    ),
    *(
        _row(
            f"cycle_{block}",
            f"cycle error of {block}",
            "ratio",
            "1",
            "0",
            f"the exchanged image is encoded again: squared distance of its {block} from the "
            f"{block} it was decoded from, relative to that of the other frame's {block} "
            f"(dimensions standardised); {_PAIRS}.",
        )
        for block in ("z1", "z2")
    ),
    _row(
        "identity_judge_reconstructions",
        "identity judge on reconstructions",
        "ROC-AUC",
        "0.5",
        "1",
        "whether the cosine similarity of the embeddings of two reconstructions (from different "
        "stretches of time, standardised) predicts that they show the same person; mean over "
        f"people; by {_EMBEDDER}.",
    ),
)


def _draw(data: ColumnData, _: Table) -> list[Illustration]:
    """Frames with exchanged codes."""
    run, rows = data.model_run, diverse_frames(data.test, _SHUFFLED_FRAMES)
    ids, subjects = ([of[row] for row in rows] for of in (run.test.ids, run.test.subjects))
    names = frame_names(ids, subjects)
    few = rows[:_MATRIX_FRAMES]
    matrix = exchange_matrix(
        run.decoded,
        run.test_code_of(few),
        run.test_pixels[few],
        names[: len(few)],
        run.rest is not None,
    )
    shuffled = shuffled_images(run.decoded, run.test_code_of(rows), run.test_pixels[rows], names)
    return [matrix, shuffled]


@computes(*ROWS, of=RUNS, draw=_draw)
def measure(data: ColumnData) -> Findings:
    """All rows, of the test frames."""
    run = data.model_run
    return exchanged(
        run.model, run.test_pixels, data.test, data.networks, data.device, data.seed, run.rest_of
    )


def exchanged(
    model: Coder,
    pixels: npt.NDArray[np.uint8],
    codes: Codes,
    networks: ReferenceNetworks,
    device: torch.device,
    seed: int,
    rest_of: RestOf = lambda _: None,
) -> Findings:
    """All rows, of the test frames ``pixels`` (N, 3, H, W) whose codes are ``codes``. Raises
    NotMeasuredError for a single person, and without z2.
    """
    require_z2(codes)
    require_people(codes, 2, "exchanging codes between people")
    people, person = len(codes.people), codes.person
    generator = numpy_generator(seed, Purpose.DISENTANGLING)
    partner = partners(person, generator)
    rows = frames_to_embed(person, networks.person.max_frames)
    (original, reconstructed, mixed), (reconstructed_faces, mixed_faces) = exchange(
        model, pixels, partner, rows, networks, device, rest_of
    )
    au_of_z1 = macro_auc(mixed.scores, codes.labels, person)
    au_reconstructed = macro_auc(reconstructed.scores, codes.labels, person)
    follows = identity_follows_z2(mixed_faces, reconstructed_faces, rows, person, partner)
    statistics: dict[str, Statistic] = {
        "judge_originals": macro_auc(original.scores, codes.labels, person),
        "judge_reconstructions": au_reconstructed,
        "exchange_au": au_of_z1,
        "exchange_au_of_z2": macro_auc(mixed.scores, codes.labels[partner], person[partner]),
        "exchange_au_ratio": leak_ratio(au_of_z1, au_reconstructed),
        "exchange_identity": mean_over_frames(follows, person[rows]),
        "cycle_z1": cycle_error(mixed.z1, original.z1, original.z1[partner], person),
        "cycle_z2": cycle_error(mixed.z2, original.z2[partner], original.z2, person),
        "identity_judge_reconstructions": same_person_auc(
            standardised(reconstructed_faces), person[rows], codes.time_blocks()[rows]
        ),
    }
    return Findings({key: estimate(one, people, generator) for key, one in statistics.items()})
