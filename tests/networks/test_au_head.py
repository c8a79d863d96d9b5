"""What outputs and labels mean: targets, scores, intensities and decisions."""

from collections.abc import Callable
from itertools import product
from math import e, log

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.labels import LabelKind, active, active_from
from audetnet.networks.au_head import AUHead, masked_loss
from audetnet.networks.au_losses import AU_LOSSES, AULoss

NAN = float("nan")
SMALLEST = {"intensity": 2.0, "occurrence": 1.0}
COMBINATIONS = list(product(("MSE", "BCEWithLogits"), (True, False), ("intensity", "occurrence")))


def row(*values: float) -> Tensor:
    """One image's values for some AUs."""
    return torch.tensor([values], dtype=torch.float32)


@pytest.mark.parametrize(
    ("kind", "threshold", "labels", "expected"),
    [
        # active from 2 on, in the whole field; 2019 asked for more than 2
        (
            "intensity",
            2,
            row(0, 1, 1.999, 2, 2.001, 3, 4, 5, NAN),
            row(0, 0, 0, 1, 1, 1, 1, 1, NAN),
        ),
        ("intensity", 3, row(0, 2, 2.9, 3, 5, NAN), row(0, 0, 0, 1, 1, NAN)),
        ("intensity", 0.5, row(0, 0.5, 5, NAN), row(0, 1, 1, NAN)),
        # the threshold says how an occurrence table was made, not how to read it
        ("occurrence", 2, row(0, 1, NAN), row(0, 1, NAN)),
    ],
)
def test_active_labels(kind: LabelKind, threshold: float, labels: Tensor, expected: Tensor) -> None:
    """The same for tensors in the head and arrays in the data."""
    before = labels.clone()
    smallest = active_from(kind, threshold)
    of_tensor = AUHead("MSE", False, smallest).active_labels(labels)
    torch.testing.assert_close(of_tensor, expected, rtol=0, atol=0, equal_nan=True)
    of_array = torch.from_numpy(active(labels.numpy(), smallest))
    torch.testing.assert_close(of_array, expected, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(labels, before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(("loss", "regress", "kind"), COMBINATIONS)
def test_targets(loss: str, regress: bool, kind: LabelKind) -> None:
    """Intensity / 5, or 0 and 1; unknown stays unknown."""
    head = AUHead(loss, regress, SMALLEST[kind])
    labels = row(0, 1, 2, 5, NAN) if kind == "intensity" else row(0, 1, NAN)
    expected = {
        (True, "intensity"): row(0, 0.2, 0.4, 1, NAN),
        (True, "occurrence"): row(0, 0.2, NAN),
        (False, "intensity"): row(0, 0, 1, 1, NAN),
        (False, "occurrence"): row(0, 1, NAN),
    }
    targets = head.targets(labels)
    torch.testing.assert_close(targets, expected[regress, kind], equal_nan=True)


@pytest.mark.parametrize(("loss", "regress", "kind"), COMBINATIONS)
def test_scores(loss: str, regress: bool, kind: LabelKind) -> None:
    """BCEWithLogits reads outputs through a sigmoid, MSE as they are."""
    outputs = row(-log(3), 0, log(3), 2)
    expected = row(0.25, 0.5, 0.75, e**2 / (1 + e**2)) if loss == "BCEWithLogits" else outputs
    head = AUHead(loss, regress, SMALLEST[kind])
    torch.testing.assert_close(head.scores(outputs), expected)


def test_intensities_are_five_times_the_score_within_bounds() -> None:
    head = AUHead("MSE", True, 2.0)
    intensities = head.predictions(row(-0.2, 0, 0.1, 0.4, 1, 1.5))
    torch.testing.assert_close(intensities, row(0, 0, 0.5, 2, 5, 5))


@pytest.mark.parametrize("loss", ["MSE", "BCEWithLogits"])
@pytest.mark.parametrize(
    ("regress", "smallest", "scores", "expected"),
    [
        # intensity 2 exactly is active
        (True, 2.0, row(-1, 0, 0.399, 0.4, 0.401, 0.5, 1, 2), [0, 0, 0, 1, 1, 1, 1, 1]),
        (True, 3.0, row(0.4, 0.599, 0.6, 0.601, 1), [0, 0, 1, 1, 1]),
        # probability 0.5 exactly is active; the scale of the labels is no matter here
        (False, 2.0, row(-1, 0, 0.4, 0.499, 0.5, 0.501, 1, 2), [0, 0, 0, 0, 1, 1, 1, 1]),
        (False, 1.0, row(-1, 0, 0.4, 0.499, 0.5, 0.501, 1, 2), [0, 0, 0, 0, 1, 1, 1, 1]),
    ],
)
def test_decisions(
    loss: str, regress: bool, smallest: float, scores: Tensor, expected: list[int]
) -> None:
    decided = AUHead(loss, regress, smallest).active(scores)
    assert decided.dtype == torch.bool
    assert decided[0].int().tolist() == expected


def test_a_logit_is_not_compared_with_a_probability() -> None:
    """In 2019 a logit of 0.3, a probability of 0.57, was called inactive."""
    head = AUHead("BCEWithLogits", False, 1.0)
    assert head.active(head.scores(row(-0.3, 0, 0.3))).tolist() == [[False, True, True]]


@pytest.mark.parametrize(
    ("loss", "regress", "outputs", "labels", "expected"),
    [
        ("MSE", True, row(0.5, 0.4), row(0, 2), 0.125),
        ("MSE", False, row(0.5, 0.4), row(0, 2), (0.25 + 0.36) / 2),
        ("BCEWithLogits", False, row(0, log(3)), row(0, 2), (log(2) + log(4 / 3)) / 2),
        ("BCEWithLogits", True, row(0, log(3)), row(0, 5), (log(2) + log(4 / 3)) / 2),
        # unknown labels count for nothing
        ("MSE", True, row(0.5, 9), row(0, NAN), 0.25),
        ("BCEWithLogits", False, row(0, 9), row(0, NAN), log(2)),
        ("MSE", False, row(0.5, 9), row(NAN, NAN), 0),
    ],
)
def test_loss(loss: str, regress: bool, outputs: Tensor, labels: Tensor, expected: float) -> None:
    head = AUHead(loss, regress, 2.0)
    assert head.loss(outputs, labels).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", list(AU_LOSSES))
@pytest.mark.parametrize(
    ("regress", "smallest", "labels"),
    [
        (True, 2.0, row(0, 1, 3, 4, 5)),
        (True, 3.5, row(0, 2, 3, 4, 5)),
        (False, 2.0, row(0, 1, 2, 5)),
        (False, 1.0, row(0, 1)),
    ],
)
def test_targets_and_decisions_agree(
    name: str, regress: bool, smallest: float, labels: Tensor
) -> None:
    """On any scale of a loss, its minimum gives the decisions of the labels."""
    head = AUHead(name, regress, smallest)
    outputs = torch.linspace(-20, 20, 16_001)[:, None].expand(-1, labels.shape[1])
    losses = AU_LOSSES[name].losses(outputs, head.targets(labels).expand_as(outputs))
    best = outputs[losses.argmin(0), 0][None]
    scores = head.scores(best)
    assert torch.equal(head.active(scores).float(), head.active_labels(labels))
    if regress:
        torch.testing.assert_close(head.predictions(scores), labels, rtol=0, atol=0.01)


def test_a_loss_must_define_its_decisions() -> None:
    """No default that may be wrong for a loss is inherited."""
    assert AULoss.__abstractmethods__ == {"targets", "losses", "scores", "unit"}


def _drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("MSE", F.mse_loss),
        ("BCEWithLogits", F.binary_cross_entropy_with_logits),
    ],
)
def test_au_losses_ignore_unknown_labels(
    name: str, reference: Callable[[Tensor, Tensor], Tensor]
) -> None:
    outputs = _drawn(6, 3).requires_grad_(True)
    targets = torch.rand(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(masked_loss(name, outputs, targets), reference(outputs, targets))
    targets[1] = float("nan")
    targets[2, 0] = float("nan")
    known = ~targets.isnan()
    value = masked_loss(name, outputs, targets)
    torch.testing.assert_close(value, reference(outputs[known], targets[known]))
    (gradient,) = torch.autograd.grad(value, outputs)
    assert gradient.isfinite().all()
    assert (gradient[~known] == 0).all() and (gradient[known] != 0).all()


@pytest.mark.parametrize("name", list(AU_LOSSES))
def test_au_loss_without_known_labels_is_zero_without_a_gradient(name: str) -> None:
    outputs = _drawn(2, 3).requires_grad_(True)
    value = masked_loss(name, outputs, torch.full_like(outputs, float("nan")))
    value.backward()
    assert value.item() == 0.0
    assert outputs.grad is not None and (outputs.grad == 0).all()
