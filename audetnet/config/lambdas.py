"""Translates the lambdas of [loss_options] into blocks of {Objectives}.

The cfg files of 2019 configure training by five lambdas and two Discriminator sections. They are
translated into the blocks below, so that the rest of the code knows only objectives.
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
"""The section that each critic needs; without it, its lambdas have no effect."""

PENALTY_PER_PIXEL, WEIGHT_PER_PIXEL = 100.0, 1e-5
"""An image critic's penalty from the first, or weight up to the second, is taken for a value of
2019.
"""


def objectives_from_lambdas(loss: Block, sections: Mapping[str, Section]) -> list[Block]:
    """The blocks that the lambdas stand for. Their order is that in which gradients are summed, and
    rounding depends on it: keep it. Raises CfgError for a missing lambda.
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
    """Raise CfgError if {Objectives} and a lambda are both given."""
    for name, keys in _LAMBDAS.items():
        for key in keys.values():
            if key in loss.entries:
                raise loss.where.error(
                    f"'{key}' cannot be combined with {{Objectives}} (line {objectives.line}): "
                    f"delete it, and write [{name}] in {{Objectives}}",
                    key,
                )


def legacy_lambda_warnings(loss: LossOptions, where: Where) -> list[str]:
    """Warnings about values from 2019, when the image critic's gradient norm was per pixel: 1000
    and 5e-7 were weights for a critic with widely spread scores.
    """
    warnings = []
    penalty, weight = loss.gradient_loss_lambda_img_discr, loss.img_discriminator_loss_lambda
    if penalty is not None and penalty >= PENALTY_PER_PIXEL:
        key = "gradient_loss_lambda_img_discr"
        text = (
            f"{key}={penalty:g} is a weight for a norm per pixel, as in 2019; the norm is now "
            "computed per image: write 10"
        )
        warnings.append(where.message(text, key))
    if weight is not None and 0 < weight <= WEIGHT_PER_PIXEL:
        key = "img_discriminator_loss_lambda"
        text = (
            f"{key}={weight:g} is so small that {{Image Discriminator}} has no effect on the "
            "reconstructions: write 0.01, or leave the section out"
        )
        warnings.append(where.message(text, key))
    return warnings
