"""Stems taken from published networks: their layers, their weights, and which layers are frozen."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
import torchvision
from torch import Tensor, nn

from audetnet.config.binding import Natural, OptionError

KEY = "state_dict_filepath"
VGG_FACE_SOURCE = "http://www.robots.ox.ac.uk/~albanie/models/pytorch-mcn/vgg_face_dag.pth"
_RESNET_WEIGHTS = torchvision.models.ResNet50_Weights.IMAGENET1K_V1
_RESNET_CHANNELS = (64, 64, 64, 64, 256, 512, 1024, 2048, 2048)
"""Output channels of each child that a stem can end at (the tenth is fully connected)."""
VGG_FACE_MIN_SIDE = 32
"""Pixels along an edge: five poolings halve it."""
Freeze = Natural | Literal["all"]
"""How many of a stem's first layers never learn."""
Normalisation = tuple[tuple[float, float, float], tuple[float, float, float]]
_IMAGENET_NORMALISATION: Normalisation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_VGG_FACE_NORMALISATION: Normalisation = (
    (129.186279296875, 104.76238250732422, 93.59396362304688),
    (1.0, 1.0, 1.0),
)
"""Mean and std of the pixels that the published weights were trained with."""
_VGG_STAGES = ((1, 2, 64), (2, 2, 128), (3, 3, 256), (4, 3, 512), (5, 3, 512))
"""(stage, convolutions, channels) of VGG16."""


class PretrainedStem(nn.Sequential):
    """Named layers, of which the first may be frozen, batch-norm statistics included.

    ``fetch`` returns the published state dict; None starts from random weights. It is called by
    ``load``, never while planning. ``normalisation`` is what the published weights expect.
    """

    def __init__(
        self,
        layers: "OrderedDict[str, nn.Module]",
        fetch: Callable[[], Mapping[str, Tensor]] | None,
        normalisation: Normalisation,
    ) -> None:
        super().__init__(layers)
        self.normalisation = None if fetch is None else normalisation
        self._fetch = fetch
        self._frozen: list[nn.Module] = []

    def freeze(self, layers: "Freeze") -> "PretrainedStem":
        """Freeze the first layers for good. Raises OptionError if there are fewer."""
        if layers == "all":
            layers = len(self)
        if layers > len(self):
            raise OptionError(
                f"freeze_first_n_layers={layers} but the block has {len(self)} layers",
                "freeze_first_n_layers",
            )
        self._frozen = list(self.children())[:layers]
        for layer in self._frozen:
            layer.requires_grad_(False)
            layer.eval()
        return self

    @property
    def is_frozen(self) -> bool:
        """Whether all its layers are frozen."""
        return len(self._frozen) == len(self)

    def train(self, mode: bool = True) -> "PretrainedStem":
        super().train(mode)
        for layer in self._frozen:
            layer.eval()
        return self

    def load(self) -> None:
        """Load the published weights. Raises OptionError if they are unavailable or do not fit."""
        if self._fetch is None:
            return
        published = self._fetch()
        own = self.state_dict()
        missing = [
            name
            for name in own
            if name not in published and not name.endswith("num_batches_tracked")
        ]
        if missing:
            raise OptionError(
                f"the weights lack '{missing[0]}' ({len(missing)} of {len(own)} tensors)", KEY
            )
        for name, tensor in own.items():
            if name in published and published[name].shape != tensor.shape:
                shapes = f"{tuple(published[name].shape)}, expected {tuple(tensor.shape)}"
                raise OptionError(f"'{name}' in the weights has shape {shapes}", KEY)
        self.load_state_dict(
            {name: published[name] for name in own if name in published}, strict=False
        )


def resnet50_stem(end: int, pretrained: bool, path: str | None) -> tuple[PretrainedStem, int]:
    """The first children of torchvision's ResNet50 (``children()[:end]``), and their number of
    output channels.
    """
    network = torchvision.models.resnet50(weights=None)
    children = list(network.named_children())
    kept = children[:end]
    if not 1 <= len(kept) < len(children):
        last = len(children) - 1
        raise OptionError(
            f"end_at_layer={end} keeps {len(kept)} of {len(children)} layers; expected 1 to {last} "
            "(the last one is fully connected)",
            "end_at_layer",
        )
    layers = OrderedDict(kept)
    channels = _RESNET_CHANNELS[len(kept) - 1]
    if path is not None:
        advice = f"download it from {_RESNET_WEIGHTS.url}, or set pretrained=False"
        return _from_file(layers, path, advice, _IMAGENET_NORMALISATION), channels
    fetch = _download_resnet50 if pretrained else None
    return PretrainedStem(layers, fetch, _IMAGENET_NORMALISATION), channels


def vgg_face_stem(path: str) -> PretrainedStem:
    """The convolutional part of VGG-Face, with the layer names of its published state dict."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for stage, convolutions, filters in _VGG_STAGES:
        for index in range(1, convolutions + 1):
            layers[f"conv{stage}_{index}"] = nn.Conv2d(channels, filters, kernel_size=3, padding=1)
            layers[f"relu{stage}_{index}"] = nn.ReLU()
            channels = filters
        layers[f"pool{stage}"] = nn.MaxPool2d(kernel_size=2, stride=2)
    return _from_file(layers, path, f"download it from {VGG_FACE_SOURCE}", _VGG_FACE_NORMALISATION)


def _from_file(
    layers: "OrderedDict[str, nn.Module]", path: str, advice: str, normalisation: Normalisation
) -> PretrainedStem:
    return PretrainedStem(layers, lambda: read_weights(path, advice), normalisation)


def read_weights(path: str, advice: str) -> Mapping[str, Tensor]:
    """The state dict in a file; ``advice`` says how to get one. Raises OptionError."""
    if not Path(path).is_file():
        raise OptionError(f"{KEY}={path}: no such file; {advice}", KEY)
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise OptionError(f"{KEY}={path}: not a state dict of tensors; {advice}", KEY) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(tensor, Tensor) for tensor in state.values()
    ):
        raise OptionError(f"{KEY}={path}: not a state dict of tensors; {advice}", KEY)
    return state


def _download_resnet50() -> Mapping[str, Tensor]:
    try:
        state: Mapping[str, Tensor] = _RESNET_WEIGHTS.get_state_dict(
            progress=False, check_hash=True
        )
    except Exception as error:
        raise OptionError(
            f"could not download the pretrained weights ({error}); get "
            f"{_RESNET_WEIGHTS.url} on another machine and "
            f"set {KEY}=FILE, or set pretrained=False"
        ) from error
    return state
