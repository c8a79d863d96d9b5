"""Reads the objectives of a cfg: the blocks of {Objectives}, or those the lambdas stand for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from audetnet.config.binding import OptionError, bind
from audetnet.config.lambdas import objectives_from_lambdas, reject_lambdas
from audetnet.config.language import Block, Section
from audetnet.config.options import CRITIC, ObjectiveOptions, network_name
from audetnet.errors import did_you_mean

OBJECTIVES = "Objectives"


def read_objectives(
    sections: Mapping[str, Section], loss_block: Block, known: Mapping[str, Callable[..., Any]]
) -> tuple[ObjectiveOptions, ...]:
    """The objectives in the order of their blocks, including the AU loss. Raises CfgError."""
    if OBJECTIVES not in sections:
        blocks = objectives_from_lambdas(loss_block, sections)
    else:
        section = sections[OBJECTIVES]
        reject_lambdas(loss_block, section)
        blocks = section.blocks
        if not any(block.name == "au_loss" for block in blocks):
            blocks = [Block(name="au_loss", path=section.path, line=section.line), *blocks]
    objectives = tuple(_objective(block, known) for block in blocks)
    _check_critics(objectives, sections)
    _check_variants(objectives)
    return objectives


def _objective(block: Block, known: Mapping[str, Callable[..., Any]]) -> ObjectiveOptions:
    if block.name not in known:
        raise block.where.error(f"unknown objective{did_you_mean(block.name, known)}")
    arguments = bind(known[block.name], block)
    try:
        return ObjectiveOptions(
            type=block.name,
            where=block.where,
            arguments=arguments,
            objective=known[block.name](**arguments),
        )
    except OptionError as error:
        raise block.where.error(str(error), error.key) from None


def _check_critics(objectives: Sequence[ObjectiveOptions], sections: Mapping[str, Section]) -> None:
    """Check that each critic has a section and belongs to exactly one objective."""
    owners: dict[str, ObjectiveOptions] = {}
    for each in objectives:
        section = each.objective.critic_section
        if section is None:
            continue
        if not section.endswith(CRITIC) or section not in sections:
            raise each.where.error(
                f"critic={section}: expected the name of a section that describes its network and "
                f"ends with {CRITIC}",
                "critic",
            )
        for taken, owner in owners.items():
            if network_name(taken) == network_name(section):
                raise each.where.error(
                    f"{{{taken}}} is the critic of [{owner.type}] on line {owner.where.line}; each "
                    "objective needs its own, with another name",
                    "critic",
                )
        owners[section] = each
    for name in sections:
        if name.endswith(CRITIC) and name not in owners:
            raise sections[name].where.error(
                f"belongs to no objective: name it in {{{OBJECTIVES}}} by critic={name}"
            )


def _check_variants(objectives: Sequence[ObjectiveOptions]) -> None:
    """Check that no two objectives are logged under one name."""
    found: dict[tuple[str, str], ObjectiveOptions] = {}
    for each in objectives:
        first = found.setdefault((each.type, each.objective.variant), each)
        if first is not each:
            what = each.objective.variant and f" of {each.objective.variant}"
            raise each.where.error(
                f"duplicate{what}: it would be logged under the same name as the one on line "
                f"{first.where.line}; keep one of them"
            )
