"""What an objective is. A new one is one decorated class in a file of this folder, and its test.

Its fields are the options of its block in {Objectives}. It may add a term to the main loss, and it
may train a network of its own, a critic, in a step of its own on every batch. It keeps no state:
all that it needs comes with the Forward.
"""

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from torch import Tensor

from audetnet.config.binding import Range
from audetnet.config.options import CriticInput, CriticOutput, Weight, network_name
from audetnet.networks.graph import Plan
from audetnet.networks.model import ModelPlan
from audetnet.objectives.forward import Forward
from audetnet.registry import register

Terms = dict[str, Tensor]
"""Scalars that are logged, by name."""
Kind = TypeVar("Kind", bound="type[Objective]")
OBJECTIVES: dict[str, "type[Objective]"] = {}
"""By the name of their block."""


def objective(name: str) -> Callable[[Kind], Kind]:
    """Register a class under the name that stands in square brackets."""
    return register(OBJECTIVES, name)


@dataclass(frozen=True, kw_only=True)
class Objective(ABC):  # noqa: B024 - each of its two losses is optional
    """``weight`` is reached after ``ramp_epochs``, from 0 in the first epoch in equal steps."""

    weight: Weight = 1.0
    ramp_epochs: Annotated[int, Range(0, most=1_000_000)] = 0

    critic_input: ClassVar[CriticInput] = "codes"
    critic_output: ClassVar[CriticOutput] = "score"
    needs_z2: ClassVar[bool] = False
    noise_in_z1: ClassVar[bool] = False
    """Whether it has standard normal noise drawn into z1 in training, which all networks read."""

    @property
    def critic_section(self) -> str | None:
        """The section of the cfg that describes the network of its own."""
        return None

    @property
    def variant(self) -> str:
        """What tells two blocks of its name apart, in the logs as well; no two may share it."""
        return self.critic_section or ""

    @property
    def gradients(self) -> str:
        """Where the gradients of its term go, for people."""
        return "-"

    def fault(self, encoder: Plan) -> str | None:
        """Why it cannot be pursued with an encoder, for the user; None where it can."""
        return None

    def weight_in(self, epoch: int) -> float:
        """The weight in an epoch, counted from 1."""
        if self.ramp_epochs == 0:
            return self.weight
        return self.weight * min(1.0, (epoch - 1) / self.ramp_epochs)

    def critic_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """The loss of its critic, and what is logged of it. Only called where there is one."""
        raise NotImplementedError

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """What the main networks should make small, before its weight, and what is logged of it."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class CriticObjective(Objective):
    """One with a critic of its own: ``critic`` is the section of its network."""

    critic: str

    @property
    def critic_section(self) -> str:
        return self.critic

    @property
    def critic_name(self) -> str:
        """What the critic's terms begin with in the logs."""
        return network_name(self.critic)


def pursued(plan: ModelPlan) -> list[Objective]:
    """The objectives of a model in their order."""
    found = [options.objective for options in plan.objectives]
    return [each for each in found if isinstance(each, Objective)]
