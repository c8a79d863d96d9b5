"""All networks of a cfg, planned by running shapes through them and checked against each other."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from audetnet.config.options import (
    DECODER,
    ENCODER,
    PREDICTOR,
    Config,
    DataOptions,
    NetworkOptions,
    ObjectiveOptions,
)
from audetnet.networks.graph import INPUT, Plan, plan
from audetnet.networks.pretrained import Normalisation
from audetnet.networks.shapes import Shape, size_text

IMAGE_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class ModelPlan:
    """All networks of a cfg file, whose shapes fit each other. ``image`` is (3, H, W)."""

    image: Shape
    networks: Mapping[str, Plan]
    """By section: the main three, then the critics in use."""
    objectives: tuple[ObjectiveOptions, ...]
    """The objectives in use."""
    warnings: tuple[str, ...]

    @property
    def encoder(self) -> Plan:
        return self.networks[ENCODER]

    @property
    def predictor(self) -> Plan:
        return self.networks[PREDICTOR]

    @property
    def decoder(self) -> Plan:
        return self.networks[DECODER]

    @property
    def code_channels(self) -> int:
        return self.encoder.output[0]

    @property
    def z1_channels(self) -> int:
        """The AUs are predicted from this many first channels of the code."""
        return self.predictor.input[0]

    @property
    def au_count(self) -> int:
        return self.predictor.output[0]


def plan_model(config: Config, frame_size: tuple[int, int]) -> ModelPlan:
    """Run shapes through all networks for frames of (height, width). Raises CfgError if something
    does not fit.
    """
    image: Shape = (IMAGE_CHANNELS, *frame_size)
    sections = config.networks
    encoder = plan(sections[ENCODER], image)
    _check_fixed_inputs(encoder)
    predictor = _plan_predictor(sections[PREDICTOR], encoder.output)
    decoder = plan(sections[DECODER], encoder.output)
    if decoder.output != image:
        raise (
            sections[DECODER]
            .blocks[-1]
            .where.error(
                f"the decoder's output is {size_text(decoder.output)}, "
                f"expected the image's {size_text(image)}"
            )
        )
    if not encoder.learns and not predictor.learns:
        raise sections[ENCODER].where.error(
            "has nothing to learn, nor does {AUPredictor}: no block that their outputs depend on "
            "has trainable parameters"
        )
    networks = {ENCODER: encoder, PREDICTOR: predictor, DECODER: decoder}
    sources = {
        "codes": encoder.output,
        "images": image,
        "z1": predictor.input,
        "z2": (encoder.output[0] - predictor.input[0], *encoder.output[1:]),
    }
    objectives, warnings = [], _stem_warnings(config.data, encoder)
    for options in config.objectives:
        section = options.objective.critic_section
        if options.objective.needs_z2 and predictor.input[0] == encoder.output[0]:
            where = options.where if section is None else sections[section].where
            warnings.append(
                where.message("is not used: {AUPredictor} reads the whole code, z2 is empty")
            )
            continue
        if fault := options.objective.fault(encoder):
            raise options.where.error(fault)
        objectives.append(options)
        if section is not None:
            reads = sources[options.objective.critic_input]
            networks[section] = _plan_critic(sections[section], reads)
    for network in networks.values():
        if network is not encoder:
            _check_outside_encoder(network)
    if config.data.stem_views is not None and not encoder.stem_length:
        raise config.places[DataOptions].error(
            "stem_views needs an encoder that begins with frozen blocks (freeze_first_n_layers="
            "all), with all other blocks reading only the last of them",
            "stem_views",
        )
    warnings += [warning for network in networks.values() for warning in network.warnings]
    return ModelPlan(
        image=image, networks=networks, objectives=tuple(objectives), warnings=tuple(warnings)
    )


def _check_fixed_inputs(encoder: Plan) -> None:
    """Raise CfgError for a block whose input must be fixed but is changed by training."""
    fixed = {INPUT, *encoder.fixed}
    references = [step for step in encoder.steps if step.is_reference]
    for step in references[1:]:
        raise step.options.where.error("there can be only one [person_reference]")
    for step in encoder.steps:
        if step.needs_fixed_input and not fixed.issuperset(step.sources):
            raise step.options.where.error(
                "reads a block that training changes; it can only read frozen stems and blocks "
                "that pool, upsample, select or combine their outputs"
            )


def _check_outside_encoder(network: Plan) -> None:
    """Raise CfgError for a block that only the Encoder can have."""
    for step in network.steps:
        if step.needs_fixed_input:
            raise step.options.where.error("can only be in {Encoder}")


def _plan_predictor(options: NetworkOptions, code: Shape) -> Plan:
    channels = options.net.channels
    if channels > code[0]:
        raise options.net_where.error(
            f"channels={channels} is wider than the code, which has {code[0]} channels", "channels"
        )
    predictor = plan(options, (channels, *code[1:]))
    if predictor.output[1:] != (1, 1):
        raise options.blocks[-1].where.error(
            f"the AUPredictor's output is {size_text(predictor.output)}, expected one "
            "value per AU (AUsx1x1)"
        )
    return predictor


def _plan_critic(options: NetworkOptions, source: Shape) -> Plan:
    critic = plan(options, source)
    if not critic.learns:
        raise options.where.error(
            "has nothing to learn: no block that its output depends on has trainable parameters"
        )
    return critic


def _stem_warnings(data: DataOptions, encoder: Plan) -> list[str]:
    """A line for each pretrained stem whose input is not normalised as its weights expect."""
    return [
        step.options.where.message(
            "its published weights expect normalised pixels: write "
            f"mean={_listed(step.normalisation[0])} and std={_listed(step.normalisation[1])} in "
            "[data_options]"
        )
        for step in encoder.steps
        if step.normalisation is not None
        and INPUT in step.sources
        and not _is_close(data.normalisation, data.pixel_range, step.normalisation)
    ]


def _is_close(own: Normalisation, pixel_range: float, expected: Normalisation) -> bool:
    """Whether two normalisations are equal up to rounding and the pixel scale (0-1, or 0-255 if a
    number exceeds 1).
    """
    unit = 255.0 if max(*expected[0], *expected[1]) > 1 else 1.0
    numbers = zip((*own[0], *own[1]), (*expected[0], *expected[1]), strict=True)
    return all(math.isclose(a / pixel_range, b / unit, rel_tol=0.02) for a, b in numbers)


def _listed(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{number:.12g}" for number in numbers)
