"""Reads a cfg file into a Config, and checks what can be seen within the file.

Blocks of networks are bound to the signatures of their builders, which the caller passes in.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from audetnet.config import language
from audetnet.config.binding import Reference, bind, did_you_mean, parameters
from audetnet.config.language import Block, CfgError, Section, Where
from audetnet.config.options import (
    BlockOptions,
    Config,
    DataOptions,
    LossOptions,
    NetOptions,
    NetworkOptions,
    TrainingOptions,
)

NETWORK_SECTIONS = ("Encoder", "AUPredictor", "Decoder", "Discriminator", "Image Discriminator")
OPTIONAL_SECTIONS = ("Discriminator", "Image Discriminator")
GENERAL_BLOCKS = ("training_options", "data_options", "loss_options")
IGNORED_BLOCK_KEYS = frozenset({"batch_norm_dim"})
LEGACY_PENALTY = "gradient_loss_lambda"
PENALTY_PER_PIXEL, WEIGHT_PER_PIXEL = 100.0, 1e-5
"""From which penalty on, and up to which weight, an image critic's lambdas are taken for those of
2019.
"""


def read_config(path: Path | str, builders: Mapping[str, Callable[..., Any]]) -> Config:
    """Read a cfg file; see ``parse_config``."""
    return parse_config(language.load(path), path, builders)


def parse_config(text: str, path: Path | str, builders: Mapping[str, Callable[..., Any]]) -> Config:
    """The options in the text of a cfg file. ``builders`` maps each block type to the function
    whose signature is its schema; ``path`` stands in messages.

    Raises CfgError for every mistake that can be seen without running shapes through the networks.
    """
    sections = {section.name: section for section in language.parse(text, str(path))}
    for section in sections.values():
        known = ("General", *NETWORK_SECTIONS)
        if section.name not in known:
            raise section.where.error(f"unknown section{did_you_mean(section.name, known)}")
    for name in ("General", *NETWORK_SECTIONS):
        if name not in sections and name not in OPTIONAL_SECTIONS:
            line = language.last_line(text.rstrip("\n"))
            raise CfgError(f"{path}:{line}: the file ends here: missing section '{{{name}}}'")
    training, data, loss, places, warnings = _general(sections["General"])
    networks = {}
    for name in NETWORK_SECTIONS:
        if name in sections:
            networks[name], more = _network(sections[name], builders)
            warnings += more
    _check_lambdas(networks, loss, places[LossOptions])
    if "Image Discriminator" in networks:
        warnings += _lambdas_of_2019(loss, places[LossOptions])
    return Config(
        path=Path(path),
        text=text,
        training=training,
        data=data,
        loss=loss,
        places=places,
        encoder=networks["Encoder"],
        predictor=networks["AUPredictor"],
        decoder=networks["Decoder"],
        discriminator=networks.get("Discriminator"),
        image_discriminator=networks.get("Image Discriminator"),
        warnings=tuple(warnings),
    )


def _general(
    section: Section,
) -> tuple[TrainingOptions, DataOptions, LossOptions, dict[type, Where], list[str]]:
    if len(section.blocks) != len(GENERAL_BLOCKS):
        raise section.where.error(
            "expected three blocks (training, data and loss options, in this order), "
            f"not {len(section.blocks)}"
        )
    for index, block in enumerate(section.blocks):
        if block.name in GENERAL_BLOCKS and block.name != GENERAL_BLOCKS[index]:
            raise block.where.error(
                f"block {index + 1} of {{General}} is read as {GENERAL_BLOCKS[index]}: "
                "expected the order " + ", ".join(GENERAL_BLOCKS)
            )
    training_block, data_block, loss_block = section.blocks
    warnings = _spread_legacy_penalty(loss_block)
    training = TrainingOptions(**bind(TrainingOptions, training_block))
    data = DataOptions(**bind(DataOptions, data_block))
    loss = LossOptions(**bind(LossOptions, loss_block, frozenset({LEGACY_PENALTY})))
    _check_training(training, training_block.where)
    _check_data(data, data_block.where)
    places = {
        TrainingOptions: training_block.where,
        DataOptions: data_block.where,
        LossOptions: loss_block.where,
    }
    return training, data, loss, places, warnings


def _spread_legacy_penalty(block: Block) -> list[str]:
    if LEGACY_PENALTY not in block.entries:
        return []
    for key in ("gradient_loss_lambda_discr", "gradient_loss_lambda_img_discr"):
        block.entries.setdefault(key, block.entries[LEGACY_PENALTY])
        block.lines.setdefault(key, block.lines[LEGACY_PENALTY])
    text = (
        f"'{LEGACY_PENALTY}' is read as gradient_loss_lambda_discr and "
        "gradient_loss_lambda_img_discr"
    )
    return [block.where.message(text, LEGACY_PENALTY)]


def _check_training(training: TrainingOptions, where: Where) -> None:
    if (
        training.learning_rate_scheduler == "Linear"
        and training.decay_lr_over_last_n_epochs is None
    ):
        raise where.error(
            "missing option 'decay_lr_over_last_n_epochs', needed by the Linear scheduler"
        )


def _check_data(data: DataOptions, where: Where) -> None:
    if data.balance_dataset_with_momu:
        for key in ("epoch_size", "sampling_size"):
            if getattr(data, key) is None:
                raise where.error(
                    f"missing option '{key}', needed by balance_dataset_with_momu=True"
                )
        assert data.epoch_size is not None and data.sampling_size is not None
        if data.epoch_size % data.sampling_size:
            raise where.error(
                f"sampling_size={data.sampling_size} does not divide epoch_size={data.epoch_size}",
                "sampling_size",
            )
    names = data.au_names or ()
    if len(set(names)) != len(names):
        raise where.error("au_names holds a name twice", "au_names")


def _network(
    section: Section, builders: Mapping[str, Callable[..., Any]]
) -> tuple[NetworkOptions, list[str]]:
    if not section.blocks or section.blocks[0].name != "net":
        raise section.where.error("expected a [net] block first")
    net_block, *blocks = section.blocks
    if not blocks:
        raise section.where.error("has no blocks after [net]")
    warnings = [
        block.where.message(f"'{key}' has no effect; delete it", key)
        for block in section.blocks
        for key in sorted(IGNORED_BLOCK_KEYS & block.entries.keys())
    ]
    network = NetworkOptions(
        section.name,
        section.where,
        NetOptions(**bind(NetOptions, net_block, IGNORED_BLOCK_KEYS)),
        net_block.where,
        tuple(_block(block, builders) for block in blocks),
    )
    return network, warnings


def _block(block: Block, builders: Mapping[str, Callable[..., Any]]) -> BlockOptions:
    if block.name == "net":
        raise block.where.error("a section has one [net] block, and it comes first")
    if block.name not in builders:
        raise block.where.error(f"unknown block type{did_you_mean(block.name, builders)}")
    builder = builders[block.name]
    arguments = bind(builder, block, IGNORED_BLOCK_KEYS)
    references = tuple(
        (name, reference)
        for name, parameter in parameters(builder).items()
        if _is_reference(parameter.hint)
        for reference in _as_tuple(arguments[name])
    )
    return BlockOptions(block.name, block.where, builder, arguments, references)


def _is_reference(hint: Any) -> bool:
    marks = getattr(hint, "__metadata__", ())
    return any(isinstance(mark, Reference) for mark in marks) or any(
        map(_is_reference, get_args(hint))
    )


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _check_lambdas(networks: Mapping[str, NetworkOptions], loss: LossOptions, where: Where) -> None:
    needed = {
        "Discriminator": ("discriminator_loss_lambda", "gradient_loss_lambda_discr"),
        "Image Discriminator": ("img_discriminator_loss_lambda", "gradient_loss_lambda_img_discr"),
    }
    for section, keys in needed.items():
        for key in keys:
            if section in networks and getattr(loss, key) is None:
                raise where.error(f"missing option '{key}', needed by {{{section}}}")


def _lambdas_of_2019(loss: LossOptions, where: Where) -> list[str]:
    """The image critic of 2019 took its gradient's norm pixel by pixel: 1000 and 5e-7 were weights
    for a critic whose scores lay far apart.
    """
    found = []
    penalty, weight = loss.gradient_loss_lambda_img_discr, loss.img_discriminator_loss_lambda
    assert penalty is not None and weight is not None
    if penalty >= PENALTY_PER_PIXEL:
        key = "gradient_loss_lambda_img_discr"
        text = (
            f"{key}={penalty:g} is a weight for a norm per pixel, as in 2019; the norm is now "
            "taken per image: write 10"
        )
        found.append(where.message(text, key))
    if 0 < weight <= WEIGHT_PER_PIXEL:
        key = "img_discriminator_loss_lambda"
        text = (
            f"{key}={weight:g} is so small that {{Image Discriminator}} has no effect on the "
            "reconstructions: write 0.01, or leave the section out"
        )
        found.append(where.message(text, key))
    return found
