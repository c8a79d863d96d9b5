"""The block types. A builder's keyword parameters are the options of its block; its result is the
block's module.

A builder gets the shapes (C, H, W) of the outputs that its block reads, one positional argument
each, and raises OptionError for options that do not fit them. A new block type is one decorated
function here and its test.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from torch import Tensor, nn

from audetnet.config.binding import (
    Border,
    Channels,
    Natural,
    OptionError,
    Range,
    Reference,
    Side,
)
from audetnet.networks.layers import CHANNELS, ChannelLinear, Concatenate, Multiply, Subset
from audetnet.networks.pretrained import (
    VGG_FACE_SMALLEST,
    resnet50_stem,
    vgg_face_stem,
)
from audetnet.networks.shapes import (
    Shape,
    SourceError,
    check_dimension,
    check_image,
    check_output,
    check_weights,
    check_window,
    concatenated,
    multiplied,
)

Activation = Literal["relu", "leaky_relu", "tanh", "sigmoid", "linear", "not_implemented"] | None
Initialization = Literal["kaiming_uniform"] | None
UpsampleMode = Literal["nearest", "linear", "bilinear", "bicubic", "trilinear"]
BlockReference = Annotated[int, Reference()]
BlockReferences = tuple[Annotated[int, Reference()], ...]
Dimension = Annotated[int, Range(0, below=5)]
Epsilon = Annotated[float, Range(1e-12, most=1)]
"""Smaller ones vanish beside a variance in float32, and some are 0 in it."""
Scale = Annotated[float, Range(0, most=10_000, open=True)]
WIDTH_KEYS = ("filters", "output_features")
"""Options that decide how many channels a block makes."""
CONV_BATCH_NORM_EPS, LEAKY_RELU_SLOPE = 1e-4, 0.01

_ACTIVATIONS: dict[str | None, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAKY_RELU_SLOPE),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
"""What is not listed (linear, None, not_implemented) applies nothing."""

BUILDERS: dict[str, Callable[..., nn.Module]] = {}


def block(name: str) -> Callable[[Callable[..., nn.Module]], Callable[..., nn.Module]]:
    """Register a builder under the name that stands in square brackets."""

    def register(builder: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
        assert name not in BUILDERS, name
        BUILDERS[name] = builder
        return builder

    return register


@block("convolutional")
def convolutional(
    source: Shape,
    *,
    filters: Channels,
    kernel_size: Side,
    stride: Side,
    pad: Border | bool = 0,
    batch_normalise: bool = False,
    activation: Activation = None,
    initialization: Initialization = None,
) -> nn.Module:
    """2-D convolution; with ``batch_normalise`` batch norm (eps 1e-4) replaces the bias; then the
    activation.
    """
    padding = pad if not isinstance(pad, bool) else (kernel_size - 1) // 2 if pad else 0
    check_window(source, kernel_size, padding)
    check_weights((filters, source[0], kernel_size, kernel_size), "filters")
    height, width = ((side + 2 * padding - kernel_size) // stride + 1 for side in source[1:])
    check_output((filters, height, width), "filters")
    convolution = nn.Conv2d(
        source[0], filters, kernel_size, stride, padding, bias=not batch_normalise
    )
    _initialise(convolution.weight, initialization, activation)
    layers: list[nn.Module] = [convolution]
    if batch_normalise:
        layers.append(nn.BatchNorm2d(filters, eps=CONV_BATCH_NORM_EPS))
    return nn.Sequential(*layers, *_activation(activation))


@block("batch_norm")
def batch_norm(
    source: Shape,
    *,
    num_features: Channels,
    eps: Epsilon = 1e-5,
    affine: bool = True,
) -> nn.Module:
    """Batch norm over batch and positions; ``affine=False`` leaves out the learned scale and
    shift.
    """
    if num_features != source[0]:
        raise OptionError(
            f"num_features={num_features} but the input has {source[0]} channels", "num_features"
        )
    return nn.BatchNorm2d(num_features, eps=eps, affine=affine)


@block("maxpool")
def maxpool(source: Shape, *, pool_size: Side, stride: Side) -> nn.Module:
    """Maximum over square windows, unpadded."""
    check_window(source, pool_size, 0)
    return nn.MaxPool2d(pool_size, stride)


@block("avgpool")
def avgpool(source: Shape, *, pool_size: Side, stride: Side) -> nn.Module:
    """Mean over square windows, unpadded."""
    check_window(source, pool_size, 0)
    return nn.AvgPool2d(pool_size, stride)


@block("upsample")
def upsample(
    source: Shape,
    *,
    output_sizes: tuple[Side, Side] | None = None,
    scale_factor: Scale | None = None,
    mode: UpsampleMode = "nearest",
) -> nn.Module:
    """``nn.Upsample``, align_corners off: to ``output_sizes`` (height, width) or by
    ``scale_factor``.
    """
    if (output_sizes is None) == (scale_factor is None):
        raise OptionError("expected either output_sizes=HEIGHT,WIDTH or scale_factor=FACTOR")
    if mode in ("linear", "trilinear"):
        dimensions = {"linear": 3, "trilinear": 5}[mode]
        raise OptionError(
            f"mode={mode} is for {dimensions}-D tensors (as in nn.Upsample), images "
            "are 4-D: use mode=bilinear",
            "mode",
        )
    height, width = output_sizes or (int(side * (scale_factor or 1)) for side in source[1:])
    check_output((source[0], height, width), "scale_factor")
    return nn.Upsample(size=output_sizes, scale_factor=scale_factor, mode=mode)


@block("connected")
def connected(
    source: Shape,
    *,
    output_features: Channels,
    activation: Activation = "linear",
    use_bias: bool = True,
    initialization: Initialization = None,
) -> nn.Module:
    """A fully connected layer over the channels, the same one at every position; then the
    activation.
    """
    check_weights((output_features, source[0]), "output_features")
    check_output((output_features, *source[1:]), "output_features")
    layer = ChannelLinear(source[0], output_features, use_bias)
    _initialise(layer.linear.weight, initialization, activation)
    return nn.Sequential(layer, *_activation(activation))


@block("softmax")
def softmax(source: Shape, *, dim: Dimension = CHANNELS) -> nn.Module:
    """Softmax along a dimension of (batch, channels, height, width)."""
    check_dimension(dim, "dim")
    return nn.Softmax(dim)


@block("route")
def route(source: Shape, *, branch_at_layer: BlockReference) -> nn.Module:
    """The output of another block; what follows goes on from there."""
    return nn.Identity()


@block("combine_concat")
def combine_concat(
    *sources: Shape, combine_layers: BlockReferences, dimension: Dimension = CHANNELS
) -> nn.Module:
    """The outputs of ``combine_layers`` side by side along a dimension; the others must be
    equal.
    """
    check_dimension(dimension, "dimension")
    check_output(concatenated(sources, dimension, "combine_layers"), "combine_layers")
    return Concatenate(dimension)


@block("combine_multiply")
def combine_multiply(*sources: Shape, combine_layers: BlockReferences) -> nn.Module:
    """The element-wise product of the outputs; a size of 1 is repeated to fit the others."""
    check_output(multiplied(sources, "combine_layers"), "combine_layers")
    return Multiply()


@block("select_subset")
def select_subset(
    source: Shape,
    *,
    origin_layer: BlockReference,
    dimension: Dimension = CHANNELS,
    start_index: Natural,
    end_index: Natural,
) -> nn.Module:
    """``origin[..., start_index:end_index, ...]`` along a dimension of (batch, channels, height,
    width).
    """
    check_dimension(dimension, "dimension")
    size = source[dimension - 1]
    if not start_index < end_index <= size:
        raise SourceError(
            f"subset {start_index}:{end_index} lies outside its source, which has "
            f"0:{size} along dimension {dimension}",
            "end_index",
        )
    return Subset(dimension, start_index, end_index)


@block("identity")
def identity(source: Shape) -> nn.Module:
    """Its input, unchanged."""
    return nn.Identity()


@block("resnet50")
def resnet50(
    source: Shape,
    *,
    end_at_layer: int,
    freeze_first_n_layers: Natural = 0,
    n_out_filters: Channels | None = None,
    pretrained: bool = True,
    state_dict_filepath: str | None = None,
) -> nn.Module:
    """``nn.Sequential(*resnet50.children()[:end_at_layer])`` of torchvision, ImageNet weights
    unless told otherwise.

    With ``state_dict_filepath`` the weights come from that file; ``pretrained=False`` starts from
    random ones.
    """
    check_image(source, "resnet50")
    stem, channels = resnet50_stem(end_at_layer, pretrained, state_dict_filepath)
    if n_out_filters not in (None, channels):
        raise OptionError(
            f"n_out_filters={n_out_filters} but end_at_layer={end_at_layer} gives "
            f"{channels} channels",
            "n_out_filters",
        )
    return stem.freeze(freeze_first_n_layers)


@block("vgg-face")
def vgg_face(
    source: Shape, *, state_dict_filepath: str, freeze_first_n_layers: Natural = 0
) -> nn.Module:
    """VGG-Face (VGG16) up to its last pooling layer, 512 channels, with weights from a state-dict
    file.
    """
    check_image(source, "vgg-face", VGG_FACE_SMALLEST)
    return vgg_face_stem(state_dict_filepath).freeze(freeze_first_n_layers)


def _activation(name: Activation) -> list[nn.Module]:
    return [_ACTIVATIONS[name]()] if name in _ACTIVATIONS else []


def _initialise(weight: Tensor, initialization: Initialization, activation: Activation) -> None:
    if initialization == "kaiming_uniform":
        nonlinearity: Any = activation if activation in _ACTIVATIONS else "linear"
        nn.init.kaiming_uniform_(weight, a=LEAKY_RELU_SLOPE, nonlinearity=nonlinearity)
