"""How objectives are defined. To add one, write a decorated class in a file of this folder, and its
test.

Its fields are the options of its block in {Objectives}. It may add a term to the main loss, and it
may train its own network, a critic, in a separate step on every batch. It keeps no state: all it
needs comes with the Forward.
"""

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from torch import Tensor

from audetnet.config.binding import Range
from audetnet.config.options import CriticInput, CriticOutput, Weight, network_name
from audetnet.networks.graph import Plan
from audetnet.networks.model_plan import ModelPlan
from audetnet.objectives.forward import Forward
from audetnet.registry import register

Terms = dict[str, Tensor]
"""Logged scalars by name."""
ObjectiveType = TypeVar("ObjectiveType", bound="type[Objective]")
OBJECTIVES: dict[str, "type[Objective]"] = {}
"""By block name."""


def objective(name: str) -> Callable[[ObjectiveType], ObjectiveType]:
    """Register a class under the block's name, as in square brackets in a cfg."""
    return register(OBJECTIVES, name)


@dataclass(frozen=True, kw_only=True)
class Objective(ABC):  # noqa: B024 - each of its two losses is optional
    """The weight rises linearly from 0 in the first epoch to ``weight`` after ``ramp_epochs``."""

    weight: Weight = 1.0
    ramp_epochs: Annotated[int, Range(0, most=1_000_000)] = 0

    critic_input: ClassVar[CriticInput] = "codes"
    critic_output: ClassVar[CriticOutput] = "score"
    needs_z2: ClassVar[bool] = False
    noise_in_z1: ClassVar[bool] = False
    """Whether standard normal noise is added to z1 in training, for all networks."""

    @property
    def critic_section(self) -> str | None:
        """The section of the cfg that describes its critic."""
        return None

    @property
    def variant(self) -> str:
        """Distinguishes objectives of the same type, also in the logs; must be unique."""
        return self.critic_section or ""

    @property
    def gradients(self) -> str:
        """Where the gradients of its main loss go, for display."""
        return "-"

    def fault(self, encoder: Plan) -> str | None:
        """An error message if it cannot be used with an encoder, else None."""
        return None

    def weight_in(self, epoch: int) -> float:
        """The weight in an epoch, counted from 1."""
        if self.ramp_epochs == 0:
            return self.weight
        return self.weight * min(1.0, (epoch - 1) / self.ramp_epochs)

    def critic_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """The critic's loss and its logged terms. Only called if there is a critic."""
        raise NotImplementedError

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """The unweighted term of the main loss, and its logged terms."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class CriticObjective(Objective):
    """An objective with a critic: ``critic`` is the section of its network."""

    critic: str

    @property
    def critic_section(self) -> str:
        return self.critic

    @property
    def critic_name(self) -> str:
        """The prefix of the critic's terms in the logs."""
        return network_name(self.critic)


def objectives_of(plan: ModelPlan) -> list[Objective]:
    """The objectives of a model, in order."""
    found = [options.objective for options in plan.objectives]
    return [each for each in found if isinstance(each, Objective)]
