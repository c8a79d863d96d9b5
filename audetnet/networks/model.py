"""The encoder, AU predictor, decoder and critics as one model."""

import torch
from torch import Tensor, nn

from audetnet.config.options import MAIN_SECTIONS, DataOptions, network_name
from audetnet.networks.code import Code
from audetnet.networks.graph import Graph
from audetnet.networks.model_plan import ModelPlan
from audetnet.networks.ridge_readout import RidgeReadout
from audetnet.seeds import Purpose, seeded


class Pixels(nn.Module):
    """Pixels in [0, 1] to the encoder's input and the decoder's target. Not part of checkpoints."""

    mean: Tensor
    std: Tensor

    def __init__(self, options: DataOptions) -> None:
        super().__init__()
        self._range = options.pixel_range
        mean, std = options.normalisation
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def encoder_input(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1], normalised by the cfg's mean and std (on a 0-255 scale if these
        exceed 1).
        """
        return (pixels * self._range - self.mean) / self.std

    def decoder_target(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to [-1, 1], independent of the normalisation."""
        return pixels * 2 - 1

    @staticmethod
    def shown(reconstruction: Tensor) -> Tensor:
        """The decoder's output, roughly in [-1, 1], as pixels in [0, 1]."""
        return ((reconstruction.float() + 1) / 2).clamp(0, 1)


class AUDetNet(nn.Module):
    """The whole model, see ``build_model``. ``load_pretrained`` then loads published weights."""

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

    def per_au_tensors(self) -> set[str]:
        """Names, in the state dict, of the tensors with a row per AU: those of ridge readouts and
        of the AUPredictor's last block with weights.
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
        """Load the published weights that the cfg asks for. Raises CfgError if they are not
        available.
        """
        for network in self.networks().values():
            network.load_pretrained()

    def encode(self, pixels: Tensor, rest: Tensor | None = None) -> Code:
        """The code of pixels (B, 3, H, W) in [0, 1]. ``rest`` (B, C, h, w): each person's features
        at rest, for a [person_reference]; None if unknown.
        """
        return Code(self.encoder(self.pixels.encoder_input(pixels), rest), self.z1_channels)

    def stem(self, pixels: Tensor) -> Tensor:
        """The output of the encoder's frozen stem."""
        return self.encoder.stem(self.pixels.encoder_input(pixels))

    def encode_stem(self, stem: Tensor, rest: Tensor | None = None) -> Code:
        """The code, from the stem's output."""
        return Code(self.encoder(stem.float(), rest, from_stem=True), self.z1_channels)

    def predict(self, code: Code) -> Tensor:
        """AU outputs (B, A), from z1 only; AUHead interprets them."""
        outputs: Tensor = self.predictor(code.z1)
        return outputs.flatten(1)

    def decode(self, code: Code) -> Tensor:
        """The reconstruction (B, 3, H, W); its target is ``pixels.decoder_target``."""
        reconstruction: Tensor = self.decoder(code.whole)
        return reconstruction


def build_model(plan: ModelPlan, data: DataOptions, seed: int) -> AUDetNet:
    """The model on the CPU, initialised from the seed; torch's global generator does not change."""
    with seeded(torch.device("cpu"), seed, Purpose.WEIGHTS):
        return AUDetNet(plan, data)
