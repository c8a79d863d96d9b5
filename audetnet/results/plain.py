"""Results as plain JSON data, with None for undefined numbers."""

import math
from collections.abc import Mapping

from audetnet.evaluation.people import Estimate
from audetnet.results.estimates import Worst


def plain_number(value: float | None) -> float | None:
    """None for NaN and infinity, which JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else value


def plain_estimate(estimate: Estimate) -> dict[str, float | None]:
    """The value and its interval."""
    return {name: plain_number(getattr(estimate, name)) for name in ("value", "low", "high")}


def plain_worst(worst: Mapping[str, Worst]) -> dict[str, dict[str, str | float]]:
    """Who a metric is worst for, and its value there, by metric."""
    return {name: {"who": one.who, "value": one.value} for name, one in worst.items()}
