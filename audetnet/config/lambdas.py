"""What the lambdas of [loss_options] stand for, in blocks of {Objectives}.

The 2019 files say what training pursues by five lambdas and two Discriminator sections. They are
read as the blocks below, so that all else knows objectives only.
"""

from collections.abc import Mapping

from audetnet.config.language import Block, Section, Where
from audetnet.config.options import LossOptions

_LAMBDAS = {
    "reconstruction": {
        "weight": "reconstruction_loss_lambda",
        "loss": "reconstruction_loss_function",
    },
    "wgan_gp_codes": {
        "weight": "discriminator_loss_lambda",
        "penalty_weight": "gradient_loss_lambda_discr",
    },
    "wgan_gp_images": {
        "weight": "img_discriminator_loss_lambda",
        "penalty_weight": "gradient_loss_lambda_img_discr",
    },
}
"""Objective -> its option -> the key of [loss_options]."""
_OPTIONAL = {"reconstruction_loss_function"}
_SECTIONS = {"wgan_gp_codes": "Discriminator", "wgan_gp_images": "Image Discriminator"}
"""The section that each critic needs; without it its lambdas have no effect."""

PENALTY_PER_PIXEL, WEIGHT_PER_PIXEL = 100.0, 1e-5
"""From which penalty on, and up to which weight, an image critic's lambdas are taken for those of
2019.
"""


def objectives_from_lambdas(loss: Block, sections: Mapping[str, Section]) -> list[Block]:
    """The blocks that the lambdas stand for, in the order in which their terms have always been
    computed: gradients are summed in it, and a sum's rounding depends on it. Raises CfgError for a
    lambda that is missing.
    """
    blocks: list[Block] = []
    for name, keys in _LAMBDAS.items():
        section = _SECTIONS.get(name)
        if section is not None and section not in sections:
            continue
        block = Block(name=name, path=loss.path, line=loss.line)
        for option, key in keys.items():
            if key in loss.entries:
                block.entries[option], block.lines[option] = loss.entries[key], loss.lines[key]
            elif key not in _OPTIONAL:
                needed = f", needed by {{{section}}}" if section else ""
                raise loss.where.error(f"missing option '{key}'{needed}")
        blocks.append(block)
    first, *critics = blocks
    return [first, Block(name="au_loss", path=loss.path, line=loss.line), *critics]


def reject_lambdas(loss: Block, objectives: Section) -> None:
    """Raise CfgError where {Objectives} and a lambda both say what training pursues."""
    for name, keys in _LAMBDAS.items():
        for key in keys.values():
            if key in loss.entries:
                raise loss.where.error(
                    f"'{key}' and {{Objectives}} (line {objectives.line}) both say what training "
                    f"pursues: delete it, and write [{name}] in {{Objectives}}",
                    key,
                )


def legacy_lambda_warnings(loss: LossOptions, where: Where) -> list[str]:
    """The image critic of 2019 took its gradient's norm pixel by pixel: 1000 and 5e-7 were weights
    for a critic whose scores lay far apart.
    """
    found = []
    penalty, weight = loss.gradient_loss_lambda_img_discr, loss.img_discriminator_loss_lambda
    if penalty is not None and penalty >= PENALTY_PER_PIXEL:
        key = "gradient_loss_lambda_img_discr"
        text = (
            f"{key}={penalty:g} is a weight for a norm per pixel, as in 2019; the norm is now "
            "taken per image: write 10"
        )
        found.append(where.message(text, key))
    if weight is not None and 0 < weight <= WEIGHT_PER_PIXEL:
        key = "img_discriminator_loss_lambda"
        text = (
            f"{key}={weight:g} is so small that {{Image Discriminator}} has no effect on the "
            "reconstructions: write 0.01, or leave the section out"
        )
        found.append(where.message(text, key))
    return found
