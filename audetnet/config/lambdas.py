"""What the lambdas of [loss_options] stand for, in blocks of {Objectives}.

The 2019 files say what training pursues by five lambdas and two Discriminator sections. They are
read as the blocks below, so that all else knows objectives only.
"""

from collections.abc import Mapping

from audetnet.config.language import Block, Section

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


def objectives_of_lambdas(loss: Block, sections: Mapping[str, Section]) -> list[Block]:
    """The blocks that the lambdas stand for. Raises CfgError for a lambda that is missing."""
    blocks = [Block("au_loss", loss.path, loss.line)]
    for name, keys in _LAMBDAS.items():
        section = _SECTIONS.get(name)
        if section is not None and section not in sections:
            continue
        block = Block(name, loss.path, loss.line)
        for option, key in keys.items():
            if key in loss.entries:
                block.entries[option], block.lines[option] = loss.entries[key], loss.lines[key]
            elif key not in _OPTIONAL:
                needed = f", needed by {{{section}}}" if section else ""
                raise loss.where.error(f"missing option '{key}'{needed}")
        blocks.append(block)
    return blocks


def refuse_lambdas(loss: Block, objectives: Section) -> None:
    """Raise CfgError where {Objectives} and a lambda both say what training pursues."""
    for name, keys in _LAMBDAS.items():
        for key in keys.values():
            if key in loss.entries:
                raise loss.where.error(
                    f"'{key}' and {{Objectives}} (line {objectives.line}) both say what training "
                    f"pursues: delete it, and write [{name}] in {{Objectives}}",
                    key,
                )
