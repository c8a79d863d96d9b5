"""The encoder, AU predictor, decoder and 0-2 critics, checked against each other and joined."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from audetnet.config.options import Config, DataOptions, NetworkOptions
from audetnet.networks.blocks import WIDTH_KEYS
from audetnet.networks.graph import INPUT, Graph, Plan, Step, plan
from audetnet.networks.pretrained import Normalisation
from audetnet.networks.shapes import Shape, size_text
from audetnet.seeds import Purpose, seeded

IMAGE_CHANNELS = 3


@dataclass(frozen=True)
class ModelPlan:
    """All networks of a cfg file, known to fit each other. ``image`` is (3, H, W)."""

    image: Shape
    encoder: Plan
    predictor: Plan
    decoder: Plan
    discriminator: Plan | None
    image_discriminator: Plan | None
    warnings: tuple[str, ...]

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

    def networks(self) -> Iterator[Plan]:
        """The networks in use, in the order of their sections."""
        yield from (self.encoder, self.predictor, self.decoder)
        for critic in (self.discriminator, self.image_discriminator):
            if critic is not None:
                yield critic


def plan_model(config: Config, frame_size: tuple[int, int]) -> ModelPlan:
    """Run shapes through all networks for frames of (height, width). Raises CfgError for what does
    not fit.
    """
    image: Shape = (IMAGE_CHANNELS, *frame_size)
    encoder = plan(config.encoder, image)
    predictor = _plan_predictor(config.predictor, encoder.output)
    decoder = plan(config.decoder, encoder.output)
    if decoder.output != image:
        raise config.decoder.blocks[-1].where.error(
            f"the decoder's output is {size_text(decoder.output)}, "
            f"expected the image's {size_text(image)}"
        )
    if not encoder.learns and not predictor.learns:
        raise config.encoder.where.error(
            "has nothing to learn, nor has {AUPredictor}: no block that their outputs depend on "
            "has parameters that are not frozen"
        )
    discriminator, warnings = None, _stem_warnings(config.data, encoder)
    if config.discriminator is not None:
        if predictor.input[0] < encoder.output[0]:
            discriminator = _plan_critic(config.discriminator, encoder.output)
        else:
            warnings.append(
                config.discriminator.where.message(
                    "is not used: {AUPredictor} reads the whole code, z2 is empty"
                )
            )
    image_discriminator = (
        _plan_critic(config.image_discriminator, image) if config.image_discriminator else None
    )
    model = ModelPlan(image, encoder, predictor, decoder, discriminator, image_discriminator, ())
    warnings += [warning for network in model.networks() for warning in network.warnings]
    return replace(model, warnings=tuple(warnings))


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


def check_au_count(config: Config, model: ModelPlan, au_names: tuple[str, ...]) -> None:
    """Raise CfgError, at the option to change, unless the AUPredictor has one output for each AU
    of the data.
    """
    if model.au_count == len(au_names):
        return
    text = (
        f"the AUPredictor has {model.au_count} outputs, but the data have {len(au_names)} AUs: "
        + ", ".join(au_names)
    )
    step, key = _deciding(model.predictor)
    if key is None or not au_names:
        raise config.predictor.blocks[-1].where.error(text)
    raise step.options.where.error(f"{text}; write {key}={len(au_names)}", key)


def _deciding(network: Plan) -> tuple[Step, str | None]:
    """The block that decides how many channels the output has, and its option that says it: the
    last block, or the nearest before it that does not merely keep the channels of its source.
    """
    step = network.steps[-1]
    while True:
        for key in WIDTH_KEYS:
            if key in step.options.arguments:
                return step, key
        source = step.sources[0]
        if (
            len(step.sources) > 1
            or source == INPUT
            or network.steps[source].shape[0] != step.shape[0]
        ):
            return step, None
        step = network.steps[source]


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


class AUDetNet(nn.Module):
    """The whole model. See ``build_model``; ``load_pretrained`` then fills in published weights."""

    def __init__(self, plan: ModelPlan, data: DataOptions) -> None:
        super().__init__()
        self.z1_channels = plan.z1_channels
        self.pixels = Pixels(data)
        self.encoder = Graph(plan.encoder)
        self.predictor = Graph(plan.predictor)
        self.decoder = Graph(plan.decoder)
        self.discriminator = Graph(plan.discriminator) if plan.discriminator else None
        self.image_discriminator = (
            Graph(plan.image_discriminator) if plan.image_discriminator else None
        )

    def networks(self) -> dict[str, Graph]:
        """The networks in use by name, the main three first."""
        networks = {
            "encoder": self.encoder,
            "predictor": self.predictor,
            "decoder": self.decoder,
            "discriminator": self.discriminator,
            "image_discriminator": self.image_discriminator,
        }
        return {name: network for name, network in networks.items() if network is not None}

    def load_pretrained(self) -> None:
        """Fill in the published weights that the cfg asks for. Raises CfgError where they cannot be
        had.
        """
        for network in self.networks().values():
            network.load_pretrained()

    def encode(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) in [0, 1] to the code (B, Z1 + Z2, h, w)."""
        code: Tensor = self.encoder(self.pixels.encoder_input(pixels))
        return code

    def split(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """z1, the code's first channels, and z2, the rest."""
        return code[:, : self.z1_channels], code[:, self.z1_channels :]

    def predict(self, code: Tensor) -> Tensor:
        """AU outputs (B, A), from z1 alone; AUHead says what they mean."""
        outputs: Tensor = self.predictor(self.split(code)[0])
        return outputs.flatten(1)

    def decode(self, code: Tensor) -> Tensor:
        """The reconstruction (B, 3, H, W), to be compared with ``pixels.decoder_target``."""
        reconstruction: Tensor = self.decoder(code)
        return reconstruction


def build_model(plan: ModelPlan, data: DataOptions, seed: int) -> AUDetNet:
    """The model on the CPU with weights drawn from the seed; torch's own generator is left as it
    was.
    """
    with seeded(torch.device("cpu"), seed, Purpose.WEIGHTS):
        return AUDetNet(plan, data)
