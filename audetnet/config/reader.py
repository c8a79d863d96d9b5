"""Reads a cfg file into a Config and checks everything that can be checked within the file.

The options of a block are bound to the signature that the vocabulary has under its name.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from audetnet.config import language
from audetnet.config.binding import Reference, bind, parameters
from audetnet.config.lambdas import legacy_lambda_warnings
from audetnet.config.language import Block, CfgError, Section, Where
from audetnet.config.objective_blocks import OBJECTIVES, read_objectives
from audetnet.config.options import (
    CRITIC,
    MAIN_SECTIONS,
    BlockOptions,
    Config,
    DataOptions,
    LossOptions,
    NetOptions,
    NetworkOptions,
    TrainingOptions,
)
from audetnet.errors import did_you_mean

KNOWN_SECTIONS = ("General", OBJECTIVES, *MAIN_SECTIONS, CRITIC, f"Image {CRITIC}")
GENERAL_BLOCKS = ("training_options", "data_options", "loss_options")
IGNORED_BLOCK_KEYS = frozenset({"batch_norm_dim"})
LEGACY_PENALTY = "gradient_loss_lambda"
_IMAGE_CRITIC = f"Image {CRITIC}"


@dataclass(frozen=True)
class Vocabulary:
    """Everything a cfg can name. ``blocks`` and ``objectives`` map names to functions or classes
    whose keyword parameters are their options.
    """

    blocks: Mapping[str, Callable[..., Any]]
    objectives: Mapping[str, Callable[..., Any]]
    au_losses: Collection[str]


def read_config(path: Path | str, vocabulary: Vocabulary) -> Config:
    """Read a cfg file; see ``parse_config``."""
    return parse_config(language.load(path), path, vocabulary)


def parse_config(text: str, path: Path | str, vocabulary: Vocabulary) -> Config:
    """Parse the text of a cfg file; ``path`` is for messages.

    Raises CfgError for every error that can be found without the shapes in the networks.
    """
    sections = {section.name: section for section in language.parse(text, str(path))}
    for section in sections.values():
        named_critic = OBJECTIVES in sections and section.name.endswith(f" {CRITIC}")
        if section.name not in KNOWN_SECTIONS and not named_critic:
            raise section.where.error(
                f"unknown section{did_you_mean(section.name, KNOWN_SECTIONS)}"
            )
    for name in ("General", *MAIN_SECTIONS):
        if name not in sections:
            line = language.last_line(text.rstrip("\n"))
            raise CfgError(f"{path}:{line}: end of file: missing section '{{{name}}}'")
    training, data, loss, places, warnings = _general(sections["General"], vocabulary)
    networks = {}
    critics = [name for name in sections if name.endswith(CRITIC)]
    for name in (*MAIN_SECTIONS, *sorted(critics, key=_in_known_order)):
        networks[name], more = _network(sections[name], vocabulary.blocks)
        warnings += more
    loss_block = sections["General"].blocks[GENERAL_BLOCKS.index("loss_options")]
    objectives = read_objectives(sections, loss_block, vocabulary.objectives)
    warnings += (
        legacy_lambda_warnings(loss, places[LossOptions]) if networks.get(_IMAGE_CRITIC) else []
    )
    return Config(
        path=Path(path),
        text=text,
        training=training,
        data=data,
        loss=loss,
        places=places,
        networks=networks,
        objectives=objectives,
        has_objectives_section=OBJECTIVES in sections,
        warnings=tuple(warnings),
    )


def _in_known_order(section: str) -> int:
    known = section in KNOWN_SECTIONS
    return KNOWN_SECTIONS.index(section) if known else len(KNOWN_SECTIONS)


def _general(
    section: Section, vocabulary: Vocabulary
) -> tuple[TrainingOptions, DataOptions, LossOptions, dict[type, Where], list[str]]:
    if len(section.blocks) != len(GENERAL_BLOCKS):
        raise section.where.error(
            "expected three blocks (training, data and loss options, in this order), "
            f"not {len(section.blocks)}"
        )
    for index, block in enumerate(section.blocks):
        if block.name in GENERAL_BLOCKS and block.name != GENERAL_BLOCKS[index]:
            raise block.where.error(
                f"block {index + 1} of {{General}} must be {GENERAL_BLOCKS[index]}: "
                "expected the order " + ", ".join(GENERAL_BLOCKS)
            )
    training_block, data_block, loss_block = section.blocks
    warnings = _spread_legacy_penalty(loss_block)
    training = TrainingOptions(**bind(TrainingOptions, training_block))
    data = DataOptions(**bind(DataOptions, data_block))
    loss = LossOptions(**bind(LossOptions, loss_block, frozenset({LEGACY_PENALTY})))
    if loss.au_regression_loss_function not in vocabulary.au_losses:
        name = loss.au_regression_loss_function
        raise loss_block.where.error(
            f"au_regression_loss_function={name}: unknown choice"
            f"{did_you_mean(name, vocabulary.au_losses)}",
            "au_regression_loss_function",
        )
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
    elif data.balance_subjects:
        raise where.error(
            "balance_subjects=True needs balance_dataset_with_momu=True",
            "balance_subjects",
        )
    if data.balance_over is not None and data.balance_dataset_with_momu:
        raise where.error(
            "balance_over and MOMU both say what is drawn: set balance_dataset_with_momu=False",
            "balance_over",
        )
    names = data.au_names or ()
    if len(set(names)) != len(names):
        raise where.error("au_names contains a duplicate name", "au_names")


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
        name=section.name,
        where=section.where,
        net=NetOptions(**bind(NetOptions, net_block, IGNORED_BLOCK_KEYS)),
        net_where=net_block.where,
        blocks=tuple(_block(block, builders) for block in blocks),
    )
    return network, warnings


def _block(block: Block, builders: Mapping[str, Callable[..., Any]]) -> BlockOptions:
    if block.name == "net":
        raise block.where.error("a section has only one [net] block, at its beginning")
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
    return BlockOptions(
        type=block.name,
        where=block.where,
        builder=builder,
        arguments=arguments,
        references=references,
    )


def _is_reference(hint: Any) -> bool:
    marks = getattr(hint, "__metadata__", ())
    return any(isinstance(mark, Reference) for mark in marks) or any(
        map(_is_reference, get_args(hint))
    )


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
