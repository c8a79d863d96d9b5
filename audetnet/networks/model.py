"""The encoder, AU predictor, decoder and critics, checked against each other and joined."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audetnet.config.options import (
    DECODER,
    ENCODER,
    MAIN_SECTIONS,
    PREDICTOR,
    Config,
    DataOptions,
    NetworkOptions,
    ObjectiveOptions,
    network_name,
)
from audetnet.networks.code import Code
from audetnet.networks.graph import INPUT, Graph, Plan, plan
from audetnet.networks.pretrained import Normalisation
from audetnet.networks.ridge_readout import RidgeReadout
from audetnet.networks.shapes import Shape, size_text
from audetnet.seeds import Purpose, seeded

IMAGE_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class ModelPlan:
    """All networks of a cfg file, known to fit each other. ``image`` is (3, H, W)."""

    image: Shape
    networks: Mapping[str, Plan]
    """By section: the main three, then the critics in use."""
    objectives: tuple[ObjectiveOptions, ...]
    """Those that the networks allow."""
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
        """The first channels of the code, from which alone the AUs are predicted."""
        return self.predictor.input[0]

    @property
    def au_count(self) -> int:
        return self.predictor.output[0]


def plan_model(config: Config, frame_size: tuple[int, int]) -> ModelPlan:
    """Run shapes through all networks for frames of (height, width). Raises CfgError for what does
    not fit.
    """
    image: Shape = (IMAGE_CHANNELS, *frame_size)
    sections = config.networks
    encoder = plan(sections[ENCODER], image)
    _check_fixed(encoder)
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
            "has nothing to learn, nor has {AUPredictor}: no block that their outputs depend on "
            "has parameters that are not frozen"
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
            _check_elsewhere(network)
    if config.data.stem_views is not None and not encoder.stem_length:
        raise config.places[DataOptions].error(
            "stem_views is for an encoder that begins with frozen blocks (freeze_first_n_layers="
            "all), of which all others read the last one",
            "stem_views",
        )
    warnings += [warning for network in networks.values() for warning in network.warnings]
    return ModelPlan(
        image=image, networks=networks, objectives=tuple(objectives), warnings=tuple(warnings)
    )


def _check_fixed(encoder: Plan) -> None:
    """Raise CfgError for a block that must read what training does not change, and does not."""
    fixed = {INPUT, *encoder.fixed}
    references = [step for step in encoder.steps if step.is_reference]
    for step in references[1:]:
        raise step.options.where.error("one [person_reference] is possible, this is another one")
    for step in encoder.steps:
        if step.reads_fixed and not fixed.issuperset(step.sources):
            raise step.options.where.error(
                "reads a block that training changes; it can read frozen stems and what pools, "
                "enlarges, selects or joins their outputs"
            )


def _check_elsewhere(network: Plan) -> None:
    """Raise CfgError for a block that only the Encoder can have."""
    for step in network.steps:
        if step.reads_fixed:
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
            "value an AU (AUsx1x1)"
        )
    return predictor


def _plan_critic(options: NetworkOptions, source: Shape) -> Plan:
    critic = plan(options, source)
    if not critic.learns:
        raise options.where.error(
            "has nothing to learn: no block that its output depends on has parameters that are not "
            "frozen"
        )
    return critic


def _stem_warnings(data: DataOptions, encoder: Plan) -> list[str]:
    """A line for each pretrained stem that reads pixels normalised otherwise than its weights
    expect.
    """
    return [
        step.options.where.message(
            "its published weights expect normalised pixels: write "
            f"mean={_listed(step.normalisation[0])} and std={_listed(step.normalisation[1])} into "
            "the data options"
        )
        for step in encoder.steps
        if step.normalisation is not None
        and INPUT in step.sources
        and not _is_near(data.normalisation, data.pixel_range, step.normalisation)
    ]


def _is_near(own: Normalisation, pixel_range: float, expected: Normalisation) -> bool:
    """Whether two normalisations are the same but for rounding and the unit of pixels (0-1, or
    0-255 where a number exceeds 1).
    """
    unit = 255.0 if max(*expected[0], *expected[1]) > 1 else 1.0
    numbers = zip((*own[0], *own[1]), (*expected[0], *expected[1]), strict=True)
    return all(math.isclose(a / pixel_range, b / unit, rel_tol=0.02) for a, b in numbers)


def _listed(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{number:.12g}" for number in numbers)


class Pixels(nn.Module):
    """From pixels in [0, 1] to the encoder's input and to the decoder's target. Holds no state of a
    checkpoint.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, options: DataOptions) -> None:
        super().__init__()
        self._range = options.pixel_range
        mean, std = options.normalisation
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def encoder_input(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1], normalised by the cfg's mean and std (in 0-255 units where these
        exceed 1).
        """
        return (pixels * self._range - self.mean) / self.std

    def decoder_target(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to [-1, 1], whatever the normalisation."""
        return pixels * 2 - 1

    @staticmethod
    def shown(reconstruction: Tensor) -> Tensor:
        """What the decoder makes, in [-1, 1] or somewhat beyond, as pixels in [0, 1]."""
        return ((reconstruction.float() + 1) / 2).clamp(0, 1)


class AUDetNet(nn.Module):
    """The whole model. See ``build_model``; ``load_pretrained`` then fills in published weights."""

    encoder: Graph
    predictor: Graph
    decoder: Graph

    def __init__(self, plan: ModelPlan, data: DataOptions) -> None:
        super().__init__()
        self.z1_channels = plan.z1_channels
        self.pixels = Pixels(data)
        self._sections = {section: network_name(section) for section in plan.networks}
        for section, network in plan.networks.items():
            self.add_module(network_name(section), Graph(network))

    def networks(self) -> dict[str, Graph]:
        """The networks in use by name, the main three first."""
        return {name: self.network(section) for section, name in self._sections.items()}

    def network(self, section: str) -> Graph:
        """The network of a section of the cfg."""
        network = self._modules[self._sections[section]]
        assert isinstance(network, Graph)
        return network

    def critics(self) -> dict[str, Graph]:
        """All networks but the main three, by name."""
        main = set(map(network_name, MAIN_SECTIONS))
        return {name: each for name, each in self.networks().items() if name not in main}

    def tensors_with_a_row_an_au(self) -> set[str]:
        """Names in the state dict: of readouts fitted in closed form, and of the AUPredictor's last
        block that has weights.
        """
        names = set()
        for index, block in enumerate(self.encoder.blocks):
            if isinstance(block, RidgeReadout):
                names |= {f"encoder.blocks.{index}.{name}" for name in ("weight", "bias")}
        for index, block in reversed(list(enumerate(self.predictor.blocks))):
            if own := {name for name, tensor in block.state_dict().items() if tensor.ndim}:
                names |= {f"predictor.blocks.{index}.{name}" for name in own}
                break
        return names

    def load_pretrained(self) -> None:
        """Fill in the published weights that the cfg asks for. Raises CfgError where they cannot be
        had.
        """
        for network in self.networks().values():
            network.load_pretrained()

    def encode(self, pixels: Tensor, rest: Tensor | None = None) -> Code:
        """The code of pixels (B, 3, H, W) in [0, 1]. ``rest`` (B, C, h, w): what each person shows
        at rest, for a [person_reference]; None: not known.
        """
        return Code(self.encoder(self.pixels.encoder_input(pixels), rest), self.z1_channels)

    def stem(self, pixels: Tensor) -> Tensor:
        """What the encoder's frozen stem makes of pixels."""
        return self.encoder.stem(self.pixels.encoder_input(pixels))

    def encode_stem(self, stem: Tensor, rest: Tensor | None = None) -> Code:
        """The code of what the stem made."""
        return Code(self.encoder(stem.float(), rest, from_stem=True), self.z1_channels)

    def predict(self, code: Code) -> Tensor:
        """AU outputs (B, A), from z1 alone; AUHead says what they mean."""
        outputs: Tensor = self.predictor(code.z1)
        return outputs.flatten(1)

    def decode(self, code: Code) -> Tensor:
        """The reconstruction (B, 3, H, W), to be compared with ``pixels.decoder_target``."""
        reconstruction: Tensor = self.decoder(code.whole)
        return reconstruction


def build_model(plan: ModelPlan, data: DataOptions, seed: int) -> AUDetNet:
    """The model on the CPU with weights drawn from the seed; torch's own generator is left as it
    was.
    """
    with seeded(torch.device("cpu"), seed, Purpose.WEIGHTS):
        return AUDetNet(plan, data)
