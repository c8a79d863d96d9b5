"""Row 8: pictures decoded from z1 of one frame and z2 of another, judged by networks that took no
part in the training.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audetnet.console.progress import ProgressBar
from audetnet.data.augment import to_unit_range
from audetnet.disentangling.block_metrics import (
    leak_ratio,
    macro_auc,
    relative_error,
    same_person_auc,
    standardised,
)
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.decoded_images import exchange_matrix, shuffled_images, telling_frames
from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.identity_judge import (
    DescriptorJudge,
    Judges,
    goes_with_z2,
    judged_frames,
)
from audetnet.disentangling.measure import finds
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import RUNS, Cell, Findings, Row, Table, needs_people, needs_z2
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices, Statistic, estimate, mean_over_frames
from audetnet.networks.code import Code
from audetnet.networks.model import Pixels
from audetnet.seeds import Purpose, numpy_generator

_BATCH = 64
_MATRIX_FRAMES, _SHUFFLED_FRAMES = 5, 8
_PAIRS = (
    "each test frame i gives z1, one frame j of another person (drawn evenly over the others) "
    "gives z2"
)
_JUDGE = (
    "a convolutional network trained on the pictures of the training people, by this command, with "
    "no part in the run's training"
)
_IDENTITY_JUDGE = (
    "the identity judge that is named above the tables: dlib's face descriptor, trained on "
    f"photographs of other people, where it is installed (of at most {DescriptorJudge.most_frames} "
    f"frames), else {_JUDGE}"
)


RestOf = Callable[[Indices], Tensor | None]
"""What the persons of some frames (n,) show at rest, (n, C, h, w); None: not taken off."""


class Coder(Protocol):
    """What of AUDetNet is needed: pixels in [0, 1] to codes, codes to pictures in [-1, 1]."""

    def encode(self, pixels: Tensor, rest: Tensor | None = None) -> Code: ...

    def decode(self, code: Code) -> Tensor: ...


def _judged(key: str, title: str, ideal: str, what: str, headline: bool = False) -> Row:
    definition = f"AU scores of {_JUDGE}, {what}; over all frames, mean over AUs."
    return Row(
        key=key,
        number=8,
        title=title,
        unit="macro ROC-AUC",
        chance="0.5",
        ideal=ideal,
        definition=definition,
        headline=headline,
    )


ROWS = (
    _judged(
        "judge_originals",
        "the judge on original pictures",
        "high: the ceiling of what follows",
        "on the original test frames, against their labels",
    ),
    _judged(
        "judge_reconstructions",
        "the judge on reconstructions",
        "that of the originals",
        "on the reconstructions of the test frames, against their labels",
        headline=True,
    ),
    _judged(
        "exchange_au",
        "exchanged pictures: AUs of the frame of z1",
        "that of reconstructions",
        f"on exchanged pictures against the labels of i: {_PAIRS}",
    ),
    _judged(
        "exchange_au_of_z2",
        "exchanged pictures: AUs of the frame of z2",
        "0.5",
        f"on exchanged pictures against the labels of j: {_PAIRS}",
        headline=True,
    ),
    Row(
        key="exchange_au_ratio",
        number=8,
        title="exchanged pictures: AUs go with z1",
        unit="ratio",
        chance="0",
        ideal="1",
        definition="(AUC(exchanged, labels of i) - 0.5) / (AUC(reconstructed) - 0.5) of the "
        "judge; 0 = as a random frame; not given where the judge reads no AUs in reconstructions "
        "(AUC < 0.55).",
        headline=True,
        in_intervals=True,
    ),
    Row(
        key="exchange_identity",
        number=8,
        title="exchanged pictures: the person goes with z2",
        unit="share",
        chance="0.5",
        ideal="1",
        definition="share of exchanged pictures whose embedding has the higher cosine similarity "
        "with the reconstructions of j's person than with those of i's (mean embeddings without i "
        f"and j, centred on that of all), by {_IDENTITY_JUDGE}; {_PAIRS}.",
        headline=True,
    ),
    *(
        Row(
            key=f"cycle_{block}",
            number=8,
            title=f"cycle error of {block}",
            unit="ratio",
            chance="1",
            ideal="0",
            definition=f"the exchanged picture is encoded again: squared distance of its {block} "
            f"from the {block} that went in, over that of the other frame's {block} from it "
            f"(dimensions standardised); {_PAIRS}.",
            headline=True,
        )
        for block in ("z1", "z2")
    ),
    Row(
        key="identity_judge_reconstructions",
        number=8,
        title="the identity judge on reconstructions",
        unit="ROC-AUC",
        chance="0.5",
        ideal="1",
        definition="does the cosine similarity of the embeddings of two reconstructions (of "
        "different stretches of time, standardised) tell whether they show the same person; mean "
        f"over people; by {_IDENTITY_JUDGE}.",
        headline=True,
    ),
)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What is seen of N pictures: AU scores (N, A), codes of both blocks."""

    scores: Array
    z1: Array
    z2: Array


def _drawn(subject: Subject, _: Table) -> list[Illustration]:
    """Frames with the codes of each other."""
    run, rows = subject.trained, telling_frames(subject.test, _SHUFFLED_FRAMES)
    pixels = run.test_pixels[rows]
    ids = tuple(run.test.ids[row] for row in rows)
    subjects = tuple(run.test.subjects[row] for row in rows)
    few = slice(_MATRIX_FRAMES)
    return [
        exchange_matrix(run.model, pixels[few], ids[few], subjects[few], run.rest_of(rows[few])),
        shuffled_images(run.model, pixels, ids, subjects, run.rest_of(rows)),
    ]


@finds(*ROWS, of=RUNS, draw=_drawn)
def measure(subject: Subject) -> Findings:
    """All rows, of the test frames."""
    run = subject.trained
    return exchanged(
        run.model,
        run.test_pixels,
        subject.test,
        subject.judges,
        subject.device,
        subject.seed,
        run.rest_of,
    )


def exchanged(
    model: Coder,
    pixels: npt.NDArray[np.uint8],
    codes: Codes,
    judges: Judges,
    device: torch.device,
    seed: int,
    rest_of: RestOf = lambda _: None,
) -> Findings:
    """All rows of test frames, pixels (N, 3, H, W), that ``codes`` are of. ``rest_of``: what the
    persons of some of them show at rest. Raises NotMeasuredError for one person only and without
    z2.
    """
    needs_z2(codes)
    needs_people(codes, 2, "exchanging codes between people")
    people, person = len(codes.people), codes.person
    generator = numpy_generator(seed, Purpose.DISENTANGLING)
    partner = partners(person, generator)
    rows = judged_frames(person, judges.person.most_frames)
    (original, rebuilt, mixed), (rebuilt_faces, mixed_faces) = _look(
        model, pixels, partner, rows, judges, device, rest_of
    )
    of_z1 = macro_auc(mixed.scores, codes.labels, person)
    of_rebuilt = macro_auc(rebuilt.scores, codes.labels, person)
    owner = person[partner]
    statistics: dict[str, Statistic] = {
        "judge_originals": macro_auc(original.scores, codes.labels, person),
        "judge_reconstructions": of_rebuilt,
        "exchange_au": of_z1,
        "exchange_au_of_z2": macro_auc(mixed.scores, codes.labels[partner], owner),
        "exchange_au_ratio": leak_ratio(of_z1, of_rebuilt),
        "exchange_identity": mean_over_frames(
            goes_with_z2(mixed_faces, rebuilt_faces, rows, person, partner), person[rows]
        ),
        "cycle_z1": _cycle(mixed.z1, original.z1, original.z1[partner], person),
        "cycle_z2": _cycle(mixed.z2, original.z2[partner], original.z2, person),
        "identity_judge_reconstructions": same_person_auc(
            standardised(rebuilt_faces), person[rows], codes.time_blocks()[rows]
        ),
    }
    cells: dict[str, Cell] = {
        key: estimate(statistic, people, generator) for key, statistic in statistics.items()
    }
    return Findings(cells)


def partners(person: Indices, generator: np.random.Generator) -> Indices:
    """For each frame (N,) one of another person, that person drawn evenly among the others."""
    own = [np.flatnonzero(person == one) for one in range(int(person.max()) + 1)]
    others = (person + generator.integers(1, len(own), size=len(person))) % len(own)
    return np.array([generator.choice(own[other]) for other in others], dtype=np.int64)


@torch.no_grad()
def _look(
    model: Coder,
    pixels: npt.NDArray[np.uint8],
    partner: Indices,
    judged: Indices,
    judges: Judges,
    device: torch.device,
    rest_of: RestOf,
) -> tuple[list[_Seen], list[Array]]:
    """The originals, their reconstructions, and the pictures with exchanged codes; and embeddings
    (n, D) of the latter two, of the ``judged`` frames (n,).
    """
    seen: tuple[list[list[Tensor]], ...] = ([], [], [])
    faces: tuple[list[Tensor], ...] = ([], [])
    frames = np.arange(len(pixels))
    cuts = range(0, len(pixels), _BATCH)
    with ProgressBar("exchanging codes", len(cuts)) as bar:
        for start in cuts:
            rows = frames[start : start + _BATCH]
            first, second = (
                to_unit_range(torch.from_numpy(pixels[each]).to(device))
                for each in (rows, partner[rows])
            )
            own, others = rest_of(rows), rest_of(partner[rows])
            code = model.encode(first, own)
            exchanged = Code.of(code.z1, model.encode(second, others).z2)
            pictures = (first, *(Pixels.shown(model.decode(each)) for each in (code, exchanged)))
            for parts, picture, rest in zip(seen, pictures, (own, own, others), strict=True):
                again = model.encode(picture, rest).float()
                what = (judges.aus.scores(picture), again.z1, again.z2)
                parts.append([tensor.flatten(1).cpu() for tensor in what])
            told = np.flatnonzero(np.isin(rows, judged))
            for embeddings, picture in zip(faces, pictures[1:], strict=True):
                if len(told):
                    embeddings.append(judges.person.embedding(picture[told]).flatten(1).cpu())
            bar.advance()
    return list(map(_joined, seen)), [torch.cat(each).double().numpy() for each in faces]


def _joined(parts: list[list[Tensor]]) -> _Seen:
    scores, z1, z2 = (torch.cat(part).double().numpy() for part in zip(*parts, strict=True))
    return _Seen(scores=scores, z1=z1, z2=z2)


def _cycle(again: Array, wanted: Array, other: Array, person: Indices) -> Statistic:
    """How far codes (N, D) are from those that went in, in shares of how far others are."""
    deviation = wanted.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1)
    errors, reference = (((z - wanted) / scale) ** 2 for z in (again, other))
    return relative_error(errors.sum(axis=1), reference.sum(axis=1), person)
