"""Every block type: its shape, its values, and the message about options that do not fit."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audetnet.config.language import CfgError
from audetnet.config.reader import read_config
from audetnet.networks.blocks.block import BUILDERS
from audetnet.networks.graph import Graph, plan
from audetnet.networks.shapes import Shape
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import at_mark, encoder_text, written
from tests.networks.conftest import Planner


@pytest.fixture
def built(planned: Planner) -> Callable[[Shape, str], Graph]:
    """Builds the blocks of a cfg text, in eval mode, with fixed weights."""

    def build(source: Shape, blocks: str) -> Graph:
        torch.manual_seed(0)
        return Graph(planned(source, blocks)).eval()

    return build


Builder = Callable[[Shape, str], Graph]


def images(*shape: int) -> Tensor:
    """A batch of two, of numbers around 0."""
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))


def weights(graph: Graph) -> list[Tensor]:
    """The parameters of a network, without their graph."""
    return [parameter.detach() for parameter in graph.parameters()]


CONV = "[convolutional]\nfilters={}\nkernel_size={}\nstride={}\n"
RESNET = "[resnet50]\npretrained=False\nend_at_layer="
LITE0 = "[timm]\nmodel=tf_efficientnet_lite0\npretrained=False\n"
REST = "[person_reference]\n"
RANDOM_VGG = "[vgg-face]\nstate_dict_filepath=never_read_while_planning.pth\n"

SHAPES = {
    "convolutional": [
        ((3, 8, 8), CONV.format(5, 3, 1), (5, 6, 6)),
        ((3, 8, 8), CONV.format(5, 3, 1) + "pad=True", (5, 8, 8)),
        ((3, 8, 8), CONV.format(5, 4, 1) + "pad=True", (5, 7, 7)),
        ((3, 8, 8), CONV.format(5, 4, 2) + "pad=1\nbatch_normalise=1", (5, 4, 4)),
        ((3, 9, 6), CONV.format(5, 3, 2) + "pad=1", (5, 5, 3)),  # rounds down, height first
        ((3, 2, 2), CONV.format(1, 4, 1) + "pad=1\nactivation=None", (1, 1, 1)),
        ((1, 8, 8), CONV.format(1, 1, 9), (1, 1, 1)),  # a stride beyond the image
    ],
    "batch_norm": [
        ((3, 4, 5), "[batch_norm]\nnum_features=3", (3, 4, 5)),
        ((3, 4, 5), "[batch_norm]\nnum_features=3\neps=1e-3\naffine=False", (3, 4, 5)),
    ],
    "maxpool": [
        ((3, 8, 6), "[maxpool]\npool_size=2\nstride=2", (3, 4, 3)),
        ((3, 8, 8), "[maxpool]\npool_size=3\nstride=2", (3, 3, 3)),
    ],
    "avgpool": [
        ((3, 8, 6), "[avgpool]\npool_size=2\nstride=1", (3, 7, 5)),
        ((3, 8, 8), "[avgpool]\npool_size=8\nstride=8", (3, 1, 1)),
    ],
    "upsample": [
        ((3, 4, 5), "[upsample]\nscale_factor=2", (3, 8, 10)),
        ((3, 4, 5), "[upsample]\nscale_factor=1.5\nmode=bilinear", (3, 6, 7)),
        ((3, 4, 5), "[upsample]\noutput_sizes=7, 3\nmode=bicubic", (3, 7, 3)),
        ((3, 4, 5), "[upsample]\noutput_sizes=None\nscale_factor=0.5", (3, 2, 2)),
    ],
    "connected": [
        ((3, 1, 1), "[connected]\noutput_features=7", (7, 1, 1)),
        ((3, 4, 5), "[connected]\noutput_features=7\nuse_bias=False", (7, 4, 5)),
    ],
    "softmax": [
        ((3, 4, 5), "[softmax]", (3, 4, 5)),
        ((3, 4, 5), "[softmax]\ndim=3", (3, 4, 5)),
    ],
    "dropout": [((3, 4, 5), "[dropout]\nprobability=0.5", (3, 4, 5))],
    "route": [
        ((3, 8, 8), CONV.format(5, 3, 1) + "[maxpool]\npool_size=2\nstride=2\n"
         "[route]\nbranch_at_layer=0", (5, 6, 6)),
        ((3, 8, 8), CONV.format(5, 3, 1) + "[route]\nbranch_at_layer=-2", (3, 8, 8)),
    ],
    "combine_concat": [
        ((3, 4, 5), CONV.format(2, 1, 1) + "[combine_concat]\ncombine_layers=-1,-2", (5, 4, 5)),
        ((3, 4, 5), "[maxpool]\npool_size=2\nstride=1\n[upsample]\noutput_sizes=9,5\n"
         "[combine_concat]\ncombine_layers=1,-3\ndimension=2", (3, 13, 5)),
        ((3, 4, 5), "[identity]\n[combine_concat]\ncombine_layers=0,0,0\ndimension=3", (3, 4, 15)),
        ((3, 4, 5), "[combine_concat]\ncombine_layers=-1", (3, 4, 5)),
    ],
    "combine_multiply": [
        ((3, 4, 5), "[identity]\n[combine_multiply]\ncombine_layers=0,-2", (3, 4, 5)),
        ((3, 4, 5), CONV.format(1, 1, 1) + "[combine_multiply]\ncombine_layers=0,-2", (3, 4, 5)),
        ((3, 4, 4), "[avgpool]\npool_size=4\nstride=4\n[combine_multiply]\n"
         "combine_layers=-1,-2", (3, 4, 4)),
    ],
    "select_subset": [
        ((6, 4, 5), "[identity]\n[select_subset]\norigin_layer=0\nstart_index=1\nend_index=4",
         (3, 4, 5)),
        ((6, 4, 5), "[select_subset]\norigin_layer=-1\ndimension=2\nstart_index=0\nend_index=1",
         (6, 1, 5)),
        ((6, 4, 5), "[select_subset]\norigin_layer=-1\ndimension=3\nstart_index=0\nend_index=5",
         (6, 4, 5)),
    ],
    "identity": [((3, 4, 5), "[identity]", (3, 4, 5))],
    "person_reference": [
        ((3, 4, 5), REST, (3, 4, 5)),
        ((3, 4, 5), f"{REST}frames=random\ncount=5\nmissing=0.5", (3, 4, 5)),
        ((3, 4, 5), f"{REST}frames=named\nframe_list=never_read_while_planning.csv", (3, 4, 5)),
    ],
    "resnet50": [
        ((3, 40, 33), f"{RESNET}1", (64, 20, 17)),
        ((3, 32, 32), f"{RESNET}4", (64, 8, 8)),
        ((3, 32, 32), f"{RESNET}5\nn_out_filters=256\nfreeze_first_n_layers=4", (256, 8, 8)),
        ((3, 32, 32), f"{RESNET}6", (512, 4, 4)),
        ((3, 32, 32), f"{RESNET}7", (1024, 2, 2)),
        ((3, 64, 32), f"{RESNET}8\nn_out_filters=2048", (2048, 2, 1)),
        ((3, 64, 32), f"{RESNET}9", (2048, 1, 1)),
        ((3, 32, 32), f"{RESNET}-2", (2048, 1, 1)),  # as in children()[:-2]
    ],
    "vgg-face": [
        ((3, 32, 32), RANDOM_VGG, (512, 1, 1)),
        ((3, 64, 96), f"{RANDOM_VGG}freeze_first_n_layers=31", (512, 2, 3)),
        ((3, 64, 64), f"{RANDOM_VGG}freeze_first_n_layers=all", (512, 2, 2)),
    ],
    "timm": [
        ((3, 64, 48), f"{LITE0}end_at=blocks.4", (112, 4, 3)),
        ((3, 64, 48), f"{LITE0}end_at=blocks.2,blocks.4\npool_to=2", (152, 2, 2)),
        ((3, 64, 48), f"{LITE0}end_at=blocks.2\nmirror_mean=True", (80, 8, 6)),
    ],
    "ridge": [
        ((3, 4, 5), "[ridge]\noutput_features=7", (7, 1, 1)),
        ((3, 1, 1), "[ridge]\noutput_features=7\npenalty=0.5", (7, 1, 1)),
    ],
}  # fmt: skip


def test_every_block_type_is_tested() -> None:
    assert set(SHAPES) == set(BUILDERS)


@pytest.mark.parametrize(
    ("kind", "source", "blocks", "expected"),
    [(kind, *row) for kind, rows in SHAPES.items() for row in rows],
)
def test_shape(planned: Planner, kind: str, source: Shape, blocks: str, expected: Shape) -> None:
    """The plan agrees with a forward pass, in both modes, and with arithmetic."""
    network = planned(source, blocks)
    assert network.steps[-1].options.type == kind
    assert network.output == expected
    graph = Graph(network)
    assert sum(p.numel() for p in graph.parameters()) == sum(s.parameters for s in network.steps)
    for training in (False, True):
        with torch.no_grad():
            output = graph.train(training)(images(*source))
        assert output.shape == (2, *expected)
        assert output.isfinite().all()


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda x: x.clamp(min=0),
    "leaky_relu": lambda x: torch.where(x >= 0, x, 0.01 * x),
    "tanh": torch.tanh,
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "linear": lambda x: x,
    "None": lambda x: x,
    "not_implemented": lambda x: x,
}


@pytest.mark.parametrize("kind", ["convolutional", "connected"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation(built: Builder, kind: str, activation: str) -> None:
    block = {
        "convolutional": CONV.format(1, 1, 1),
        "connected": "[connected]\noutput_features=1\n",
    }
    graph = built((1, 4, 4), f"{block[kind]}activation={activation}")
    weight, bias = graph.parameters()
    nn.init.ones_(weight)
    nn.init.zeros_(bias)
    x = 3 * images(1, 4, 4)
    torch.testing.assert_close(graph(x), ACTIVATIONS[activation](x))


@pytest.mark.parametrize(
    ("kind", "default"),
    [(CONV.format(1, 1, 1), "linear"), ("[connected]\noutput_features=1\n", "linear")],
)
def test_no_activation_unless_told(built: Builder, kind: str, default: str) -> None:
    x = images(1, 4, 4)
    named = built((1, 4, 4), f"{kind}activation={default}")
    torch.testing.assert_close(built((1, 4, 4), kind)(x), named(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("pad", "kernel", "padding"),
    [
        ("True", 1, 0),
        ("True", 2, 0),
        ("True", 3, 1),
        ("True", 4, 1),
        ("True", 5, 2),
        ("True", 7, 3),
        ("False", 3, 0),
        ("0", 3, 0),
        ("1", 3, 1),
        ("1", 5, 1),  # the number, not True
        ("4", 3, 4),
    ],
)
def test_padding_of_convolutions(built: Builder, pad: str, kernel: int, padding: int) -> None:
    graph = built((3, 8, 8), f"{CONV.format(4, kernel, 1)}pad={pad}")
    weight, bias = weights(graph)
    x = images(3, 8, 8)
    torch.testing.assert_close(graph(x), F.conv2d(x, weight, bias, padding=padding))


def test_convolution_is_unpadded_unless_told(built: Builder) -> None:
    graph = built((3, 8, 8), CONV.format(4, 3, 2))
    x = images(3, 8, 8)
    torch.testing.assert_close(graph(x), F.conv2d(x, *weights(graph), stride=2))


def test_batch_norm_in_a_convolution(built: Builder) -> None:
    """Its eps is 1e-4, it replaces the bias, and it comes before the activation."""
    graph = built((3, 4, 4), CONV.format(2, 1, 1) + "batch_normalise=1\nactivation=relu")
    weight, scale, shift = weights(graph)
    assert (weight.shape, scale.shape, shift.shape) == ((2, 3, 1, 1), (2,), (2,))
    variance, mean = torch.tensor([1e-4, 4.0]), torch.tensor([0.1, -0.2])
    for name, buffer in graph.named_buffers():
        if name.endswith("running_var"):
            buffer.copy_(variance)  # where eps counts as much as the variance
        if name.endswith("running_mean"):
            buffer.copy_(mean)
    x = images(3, 4, 4)
    centred = F.conv2d(x, weight) - mean.view(1, 2, 1, 1)
    expected = (centred / (variance + 1e-4).sqrt().view(1, 2, 1, 1)).clamp(min=0)
    torch.testing.assert_close(graph(x), expected)


@pytest.mark.parametrize(("option", "eps"), [("", 1e-5), ("eps=0.5\n", 0.5), ("eps=1e-3\n", 1e-3)])
def test_batch_norm(built: Builder, option: str, eps: float) -> None:
    graph = built((3, 4, 4), f"[batch_norm]\nnum_features=3\n{option}")
    x = 0.01 * images(3, 4, 4) + 5
    variance, mean = torch.var_mean(x, dim=(0, 2, 3), keepdim=True, unbiased=False)
    torch.testing.assert_close(graph(x), x / math.sqrt(1 + eps))  # nothing learned yet
    torch.testing.assert_close(
        graph.train()(x), (x - mean) / (variance + eps).sqrt(), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(("affine", "expected"), [("True", 2), ("False", 0)])
def test_affine_batch_norm_learns_scale_and_shift(
    built: Builder, affine: str, expected: int
) -> None:
    graph = built((3, 4, 4), f"[batch_norm]\nnum_features=3\naffine={affine}")
    assert len(weights(graph)) == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("[maxpool]\npool_size=2\nstride=2", [[6, 8], [14, 16]]),
        ("[maxpool]\npool_size=3\nstride=1", [[11, 12], [15, 16]]),
        ("[maxpool]\npool_size=1\nstride=3", [[1, 4], [13, 16]]),
        ("[avgpool]\npool_size=2\nstride=2", [[3.5, 5.5], [11.5, 13.5]]),
        ("[avgpool]\npool_size=3\nstride=1", [[6, 7], [10, 11]]),
        ("[avgpool]\npool_size=4\nstride=4", [[8.5]]),
    ],
)
def test_pooling(built: Builder, block: str, expected: list[list[float]]) -> None:
    x = torch.arange(1.0, 17).view(1, 1, 4, 4)
    assert built((1, 4, 4), block)(x)[0, 0].tolist() == expected


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("size", "scale"), [((7, 3), None), ((8, 10), None), (None, 2.0), (None, 1.5), (None, 0.5)]
)
def test_upsampling(
    built: Builder, mode: str, size: tuple[int, int] | None, scale: float | None
) -> None:
    """As in torch with align_corners=False."""
    target = f"output_sizes={size[0]}, {size[1]}" if size else f"scale_factor={scale}"
    x = images(3, 4, 5)
    aligned = None if mode == "nearest" else False
    torch.testing.assert_close(
        built((3, 4, 5), f"[upsample]\n{target}\nmode={mode}")(x),
        F.interpolate(x, size=size, scale_factor=scale, mode=mode, align_corners=aligned),
    )


def test_upsampling_repeats_the_nearest_unless_told(built: Builder) -> None:
    x = images(3, 2, 3)
    expected = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    assert torch.equal(built((3, 2, 3), "[upsample]\nscale_factor=2")(x), expected)


@pytest.mark.parametrize(("use_bias", "parameters"), [("True", 2), ("False", 1)])
def test_connected_is_one_linear_layer_at_every_position(
    built: Builder, use_bias: str, parameters: int
) -> None:
    graph = built((3, 4, 5), f"[connected]\noutput_features=7\nuse_bias={use_bias}")
    learned = weights(graph)
    assert len(learned) == parameters
    linear = nn.Linear(3, 7, bias=parameters == 2)
    for own, given in zip(linear.parameters(), learned, strict=True):
        own.data.copy_(given)
    x = images(3, 4, 5)
    output = graph(x)
    for row in range(4):
        for column in range(5):
            torch.testing.assert_close(output[:, :, row, column], linear(x[:, :, row, column]))


@pytest.mark.parametrize(("option", "dim"), [("", 1), ("dim=1", 1), ("dim=2", 2), ("dim=3", 3)])
def test_softmax(built: Builder, option: str, dim: int) -> None:
    x = images(3, 4, 5)
    expected = x.exp() / x.exp().sum(dim=dim, keepdim=True)
    torch.testing.assert_close(built((3, 4, 5), f"[softmax]\n{option}")(x), expected)


@pytest.mark.parametrize("probability", [0, 0.25, 0.9])
def test_dropout(built: Builder, probability: float) -> None:
    """The identity in evaluation; in training this share is 0 and the mean is kept."""
    graph = built((8, 40, 50), f"[dropout]\nprobability={probability}")
    x = torch.ones(2, 8, 40, 50)
    assert torch.equal(graph(x), x)
    dropped = graph.train()(x)
    assert (dropped == 0).double().mean() == pytest.approx(probability, abs=0.02)
    kept = dropped[dropped != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - probability)))


CHANGES = "[softmax]\ndim=2\n[softmax]\ndim=3\n"


@pytest.mark.parametrize(("reference", "kept"), [("-1", 1), ("-2", 0), ("-3", None), ("0", 0)])
def test_route_goes_on_from_another_block(built: Builder, reference: str, kept: int | None) -> None:
    graph = built((3, 4, 5), f"{CHANGES}[route]\nbranch_at_layer={reference}\n")
    x = images(3, 4, 5)
    outputs = [x.softmax(2), x.softmax(2).softmax(3)]
    assert torch.equal(graph(x), x if kept is None else outputs[kept])


@pytest.mark.parametrize(
    ("layers", "option", "expected"),
    [
        # z1 is the first channels of a code: the order is the one written
        ("0,1", "", lambda x, y, z: torch.cat([y, z], 1)),
        ("1,0", "", lambda x, y, z: torch.cat([z, y], 1)),
        ("-1, -3", "dimension=1", lambda x, y, z: torch.cat([z, x], 1)),
        ("[1, 0, 1]", "dimension=2", lambda x, y, z: torch.cat([z, y, z], 2)),
        ("0,-3", "dimension=3", lambda x, y, z: torch.cat([y, x], 3)),
    ],
)
def test_concatenation(
    built: Builder, layers: str, option: str, expected: Callable[..., Tensor]
) -> None:
    graph = built((3, 4, 5), f"{CHANGES}[combine_concat]\ncombine_layers={layers}\n{option}")
    x = images(3, 4, 5)
    y = x.softmax(2)
    assert torch.equal(graph(x), expected(x, y, y.softmax(3)))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("0,1", lambda x, y, z: y * z),
        ("-1,-2,-3", lambda x, y, z: z * y * x),
        ("0, 0", lambda x, y, z: y * y),
        ("-3", lambda x, y, z: x),
    ],
)
def test_multiplication(built: Builder, layers: str, expected: Callable[..., Tensor]) -> None:
    graph = built((3, 4, 5), f"{CHANGES}[combine_multiply]\ncombine_layers={layers}")
    x = images(3, 4, 5)
    y = x.softmax(2)
    torch.testing.assert_close(graph(x), expected(x, y, y.softmax(3)))


@pytest.mark.parametrize(
    "attention",
    [
        pytest.param("[select_subset]\norigin_layer=-1\nstart_index=1\nend_index=2", id="channel"),
        pytest.param("[avgpool]\npool_size=4\nstride=4", id="position"),
        pytest.param(
            "[select_subset]\norigin_layer=-1\ndimension=2\nstart_index=0\nend_index=1", id="row"
        ),
    ],
)
@pytest.mark.parametrize("layers", ["0,-2", "-2,0"])
def test_multiplication_repeats_what_is_of_size_1(
    built: Builder, attention: str, layers: str
) -> None:
    """An attention map of one channel, or one weight per channel, fits any other shape."""
    x = images(3, 4, 4)
    weight = built((3, 4, 4), attention)(x)
    graph = built((3, 4, 4), f"{attention}\n[combine_multiply]\ncombine_layers={layers}")
    torch.testing.assert_close(graph(x), x * weight)


def test_multiplication_leaves_its_inputs_alone(built: Builder) -> None:
    """In 2019 the product was written over its first input, and later readers of it saw that."""
    graph = built(
        (3, 4, 5),
        "[identity]\n[softmax]\ndim=2\n[combine_multiply]\ncombine_layers=1,0\n"
        "[combine_multiply]\ncombine_layers=0,1\n[combine_concat]\ncombine_layers=0,1,2,3",
    )
    x = images(3, 4, 5)
    before = x.clone()
    y = before.softmax(2)
    assert torch.equal(graph(x), torch.cat([before, y, y * before, before * y], 1))
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("origin_layer=0\nstart_index=1\nend_index=3", lambda x, y: y[:, 1:3]),
        ("origin_layer=-1\nstart_index=0\nend_index=6", lambda x, y: y),
        ("origin_layer=-2\nstart_index=5\nend_index=6", lambda x, y: x[:, 5:6]),
        ("origin_layer=0\ndimension=1\nstart_index=2\nend_index=4", lambda x, y: y[:, 2:4]),
        ("origin_layer=0\ndimension=2\nstart_index=1\nend_index=4", lambda x, y: y[:, :, 1:4]),
        ("origin_layer=0\ndimension=3\nstart_index=3\nend_index=5", lambda x, y: y[..., 3:5]),
    ],
)
def test_subset(built: Builder, options: str, expected: Callable[..., Tensor]) -> None:
    graph = built((6, 4, 5), f"[softmax]\n[select_subset]\n{options}")
    x = images(6, 4, 5)
    assert torch.equal(graph(x), expected(x, x.softmax(1)))


GAINS = {
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + 0.01**2)),
    "tanh": 5 / 3,
    "sigmoid": 1,
    "linear": 1,
    "None": 1,
    "not_implemented": 1,
}


@pytest.mark.parametrize("activation", GAINS)
@pytest.mark.parametrize(
    ("block", "fan_in"),
    [(CONV.format(50, 3, 1), 4 * 9), ("[connected]\noutput_features=2000\n", 4)],
)
def test_kaiming_initialization(built: Builder, block: str, fan_in: int, activation: str) -> None:
    """Uniform up to gain * sqrt(3 / fan_in) (He et al. 2015); torch's default: 1 / sqrt(fan_in)."""
    kaiming = f"{block}activation={activation}\ninitialization=kaiming_uniform"
    bounds = {kaiming: GAINS[activation] * math.sqrt(3 / fan_in)}
    bounds[f"{block}activation={activation}"] = 1 / math.sqrt(fan_in)
    bounds[f"{block}activation={activation}\ninitialization=None"] = 1 / math.sqrt(fan_in)
    for text, bound in bounds.items():
        weight = weights(built((4, 8, 8), text))[0]
        assert 0.98 * bound < weight.abs().max() <= bound * (1 + 1e-6)
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


def test_kaiming_initialization_under_batch_norm(built: Builder) -> None:
    text = CONV.format(50, 3, 1) + "batch_normalise=1\ninitialization=kaiming_uniform"
    weight = weights(built((4, 8, 8), text))[0]
    assert 0.98 * math.sqrt(3 / 36) < weight.abs().max() <= math.sqrt(3 / 36)


COLLAPSE = "window does not fit its"
BELOW = "the output would collapse below 1x1"
MIXES = "=0 would mix the images of a batch; channels are 1, height 2, width 3"
FLAT = "=4 but images are 4-D; channels are 1, height 2, width 3"
NOT_THERE = "names a block that does not exist;"
FIRST = "this is block 0: it can only read the input (-1)"
THIRD = "this is block 2: it can read blocks before it (0 to 1, or -1 to -2) and the input (-3)"
TWO_BLOCKS = "[identity]\n[identity]\n"
ONE_SIZE = "[upsample] expected either output_sizes=HEIGHT,WIDTH or scale_factor=FACTOR"
ROUTE = "[route]\nbranch_at_layer="
OUTSIDE = "lies outside its source, which has 0"
INPUT_IS = "the network's input is 3x4x6"
GIVES = "block 0 [convolutional] on line 22 gives"
WIDE = "[connected]\noutput_features=1000000\n"
EIGHTFOLD = "[combine_concat]\ncombine_layers=-1,-1,-1,-1,-1,-1,-1,-1\n"
ENLARGED = "[upsample]\nscale_factor=10000\n"
SUBSET = "[select_subset]\norigin_layer=-1\nstart_index="


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        # windows
        (
            CONV.format(4, 9, 1).replace("]", "] # here"),
            f"[convolutional] a 9x9 {COLLAPSE} 4x6 input with padding 0: {BELOW}",
        ),
        (
            CONV.format(4, 7, 1).replace("]", "] # here") + "pad=1",
            f"[convolutional] a 7x7 {COLLAPSE} 4x6 input with padding 1: {BELOW}",
        ),
        (
            "[maxpool] # here\npool_size=5\nstride=1",
            f"[maxpool] a 5x5 {COLLAPSE} 4x6 input with padding 0: {BELOW}",
        ),
        (
            "[avgpool] # here\npool_size=5\nstride=1",
            f"[avgpool] a 5x5 {COLLAPSE} 4x6 input with padding 0: {BELOW}",
        ),
        (
            "[upsample]\nscale_factor=0.2 # here",
            "[upsample] its output would collapse below 1x1 (3x0x1)",
        ),
        # channels
        (
            "[batch_norm]\nnum_features=4 # here",
            "[batch_norm] num_features=4 but the input has 3 channels",
        ),
        (
            CONV.format(4, 1, 1) + "[resnet50] # here\nend_at_layer=1",
            "[resnet50] resnet50 reads an image of 3 channels, but its input has 4",
        ),
        (
            CONV.format(4, 1, 1) + "[timm] # here\nmodel=resnet18\nend_at=layer1",
            "[timm] timm reads an image of 3 channels, but its input has 4",
        ),
        (
            CONV.format(4, 1, 1) + "[vgg-face] # here\nstate_dict_filepath=a.pth",
            "[vgg-face] vgg-face reads an image of 3 channels, but its input has 4",
        ),
        # upsampling
        ("[upsample] # here", ONE_SIZE),
        ("[upsample] # here\nmode=bilinear", ONE_SIZE),
        ("[upsample] # here\nscale_factor=2\noutput_sizes=8,8", ONE_SIZE),
        (
            "[upsample]\nscale_factor=2\nmode=linear # here",
            "[upsample] mode=linear is for 3-D tensors (as in nn.Upsample), but images are 4-D: "
            "use mode=bilinear",
        ),
        (
            "[upsample]\nscale_factor=2\nmode=trilinear # here",
            "[upsample] mode=trilinear is for 5-D tensors (as in nn.Upsample), but images are 4-D: "
            "use mode=bilinear",
        ),
        # dimensions
        ("[softmax]\ndim=0 # here", f"[softmax] dim{MIXES}"),
        ("[softmax]\ndim=4 # here", f"[softmax] dim{FLAT}"),
        (
            "[combine_concat]\ncombine_layers=-1\ndimension=0 # here",
            f"[combine_concat] dimension{MIXES}",
        ),
        (
            "[combine_concat]\ncombine_layers=-1\ndimension=4 # here",
            f"[combine_concat] dimension{FLAT}",
        ),
        (f"{SUBSET}0\nend_index=1\ndimension=0 # here", f"[select_subset] dimension{MIXES}"),
        (f"{SUBSET}0\nend_index=1\ndimension=4 # here", f"[select_subset] dimension{FLAT}"),
        # subsets
        (
            f"{SUBSET}2\nend_index=4 # here",
            f"[select_subset] subset 2:4 {OUTSIDE}:3 along dimension 1; {INPUT_IS}",
        ),
        (
            f"{SUBSET}0\nend_index=5 # here\ndimension=2",
            f"[select_subset] subset 0:5 {OUTSIDE}:4 along dimension 2; {INPUT_IS}",
        ),
        (
            f"{SUBSET}0\nend_index=7 # here\ndimension=3",
            f"[select_subset] subset 0:7 {OUTSIDE}:6 along dimension 3; {INPUT_IS}",
        ),
        (
            f"{SUBSET}2\nend_index=2 # here",
            f"[select_subset] subset 2:2 {OUTSIDE}:3 along dimension 1; {INPUT_IS}",
        ),
        (
            f"{SUBSET}2\nend_index=1 # here",
            f"[select_subset] subset 2:1 {OUTSIDE}:3 along dimension 1; {INPUT_IS}",
        ),
        # shapes to combine
        (
            CONV.format(4, 1, 1) + "[combine_multiply]\ncombine_layers=-1,-2 # here",
            f"[combine_multiply] shapes cannot be multiplied; {GIVES} 4x4x6, {INPUT_IS}",
        ),
        (
            CONV.format(4, 3, 1) + "[combine_concat]\ncombine_layers=-1,-2 # here",
            f"[combine_concat] shapes differ in dimensions other than 1; {GIVES} 4x2x4, {INPUT_IS}",
        ),
        (
            CONV.format(4, 1, 1) + "[combine_concat]\ncombine_layers=0,-2 # here\ndimension=3",
            f"[combine_concat] shapes differ in dimensions other than 3; {GIVES} 4x4x6, {INPUT_IS}",
        ),
        # references
        (f"{ROUTE}0 # here", f"[route] branch_at_layer=0 {NOT_THERE} {FIRST}"),
        (f"{ROUTE}-2 # here", f"[route] branch_at_layer=-2 {NOT_THERE} {FIRST}"),
        (f"{TWO_BLOCKS}{ROUTE}2 # here", f"[route] branch_at_layer=2 {NOT_THERE} {THIRD}"),
        (f"{TWO_BLOCKS}{ROUTE}3 # here", f"[route] branch_at_layer=3 {NOT_THERE} {THIRD}"),
        (
            f"{TWO_BLOCKS}{ROUTE}3 # here\n[identity]",
            f"[route] branch_at_layer=3 {NOT_THERE} {THIRD}",
        ),
        (f"{TWO_BLOCKS}{ROUTE}-4 # here", f"[route] branch_at_layer=-4 {NOT_THERE} {THIRD}"),
        (
            f"{TWO_BLOCKS}[combine_concat]\ncombine_layers=-1,2 # here",
            f"[combine_concat] combine_layers=2 {NOT_THERE} {THIRD}",
        ),
        (
            f"{TWO_BLOCKS}[combine_multiply]\ncombine_layers=-9,0 # here",
            f"[combine_multiply] combine_layers=-9 {NOT_THERE} {THIRD}",
        ),
        (
            f"{TWO_BLOCKS}[select_subset]\norigin_layer=5 # here\nstart_index=0\nend_index=1",
            f"[select_subset] origin_layer=5 {NOT_THERE} {THIRD}",
        ),
        # who is in the picture
        (f"{REST}frames=random # here", "[person_reference] frames=random needs count"),
        (f"{REST}frames=first # here", "[person_reference] frames=first needs count"),
        (f"{REST}frames=named # here", "[person_reference] frames=named needs frame_list"),
        (f"{REST}count=5 # here", "[person_reference] count cannot be combined with frames=all"),
        (
            f"{REST}frames=first\ncount=5\nframe_list=a.csv # here",
            "[person_reference] frame_list cannot be combined with frames=first",
        ),
        # stems
        (
            "[resnet50]\nend_at_layer=9\nn_out_filters=512 # here",
            "[resnet50] n_out_filters=512 but end_at_layer=9 gives 2048 channels",
        ),
        (
            "[resnet50]\nend_at_layer=0 # here",
            "[resnet50] end_at_layer=0 keeps 0 of 10 layers; expected 1 to 9 (the last one is "
            "fully connected)",
        ),
        (
            "[resnet50]\nend_at_layer=10 # here",
            "[resnet50] end_at_layer=10 keeps 10 of 10 layers; expected 1 to 9 (the last one is "
            "fully connected)",
        ),
        (
            "[resnet50]\nend_at_layer=-10 # here",
            "[resnet50] end_at_layer=-10 keeps 0 of 10 layers; expected 1 to 9 (the last one is "
            "fully connected)",
        ),
        (
            "[resnet50]\nend_at_layer=4\nfreeze_first_n_layers=5 # here",
            "[resnet50] freeze_first_n_layers=5 but the block has 4 layers",
        ),
        (
            "[upsample]\nscale_factor=8\n[vgg-face]\nstate_dict_filepath=a.pth\n"
            "freeze_first_n_layers=32 # here",
            "[vgg-face] freeze_first_n_layers=32 but the block has 31 layers",
        ),
    ],
)
def test_refuses(tmp_path: Path, blocks: str, message: str) -> None:
    source = (3, 4, 6)
    path = written(tmp_path, encoder_text(source, blocks))
    options = read_config(path, VOCABULARY).networks["Encoder"]
    with pytest.raises(CfgError) as error:
        plan(options, source)
    assert str(error.value) == at_mark(path, message)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        pytest.param(
            "[vgg-face] # here\nstate_dict_filepath=a.pth", "at least 32x32", id="five poolings"
        ),
        pytest.param(
            "[connected]\noutput_features=11\n"
            + CONV.format("1000000 # here", 10000, 1)
            + "pad=5000",
            "weights would be 1000000x11x10000x10000",
            id="many weights",
        ),
        pytest.param(
            ENLARGED + "[ridge]\noutput_features=1000000 # here",
            "weights would be 1000000x7200000000",
            id="a readout of many pixels",
        ),
        pytest.param(
            ENLARGED + ENLARGED.replace("000", "000 # here"),
            "output would be 3x40000000x60000000",
            id="many pixels",
        ),
        pytest.param(
            WIDE + EIGHTFOLD * 8 + EIGHTFOLD.replace(",-1\n", ",-1 # here\n"),
            "output would be 134217728000000x4x6",
            id="many channels, by doubling",
        ),
        pytest.param(
            WIDE + EIGHTFOLD * 4 + WIDE.replace("000000", "000000 # here"),
            "weights would be 1000000x4096000000",
            id="a wide layer after many channels",
        ),
        pytest.param(
            WIDE + EIGHTFOLD * 5 + "[upsample]\nscale_factor=10000 # here",
            "output would be 32768000000x40000x60000",
            id="a large image of many channels",
        ),
    ],
)
def test_sizes_beyond_any_machine_are_refused(tmp_path: Path, blocks: str, message: str) -> None:
    """In our own words: torch complains about overflows and objects that it fails to unpack."""
    path = written(tmp_path, encoder_text((3, 4, 6), blocks))
    options = read_config(path, VOCABULARY).networks["Encoder"]
    with pytest.raises(CfgError) as error:
        plan(options, (3, 4, 6))
    place = at_mark(path, f"[{options.blocks[-1].type}]")
    assert str(error.value).startswith(place)
    assert message in str(error.value)


def test_unforeseen_errors_have_our_own_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors that no check covers get our own message."""

    def broken(source: Shape) -> nn.Module:
        raise RuntimeError("numel: integer multiplication overflow\nException raised from ...")

    monkeypatch.setitem(BUILDERS, "identity", broken)
    path = written(tmp_path, encoder_text((3, 4, 6), "[identity] # here"))
    with pytest.raises(CfgError) as error:
        plan(read_config(path, VOCABULARY).networks["Encoder"], (3, 4, 6))
    assert str(error.value) == at_mark(path, "[identity] does not fit its input (3x4x6)")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("[softmax]\ndim=-1", "dim=-1: expected an integer of at least 0 and below 5"),
        ("[softmax]\ndim=5", "dim=5: expected an integer of at least 0 and below 5"),
        (
            "[batch_norm]\nnum_features=3\neps=0",
            "eps=0: expected a number of at least 1e-12 and at most 1",
        ),
        (CONV.format(0, 1, 1), "filters=0: expected an integer of at least 1 and at most 1000000"),
        (CONV.format(1, 1, 0), "stride=0: expected an integer of at least 1 and at most 10000"),
        (
            "[maxpool]\nstride=1\npool_size=0",
            "pool_size=0: expected an integer of at least 1 and at most 10000",
        ),
        (f"{REST}frames=some", "frames=some: unknown choice"),
        (f"{REST}frames=first\ncount=0", "count=0: expected an integer of at least 1"),
        (f"{REST}missing=1", "missing=1: expected a number of at least 0 and below 1"),
        ("[dropout]\nprobability=1", "probability=1: expected a number of at least 0 and below 1"),
        ("[upsample]\nmode=cubic", "mode=cubic: unknown choice; did you mean 'bicubic'?"),
        (
            "[ridge]\noutput_features=3\npenalty=0",
            "penalty=0: expected a number of at least 0.001 and at most 1e+12 or one of "
            "cross-validated",
        ),
        (
            "[ridge]\noutput_features=3\npenalty=crossvalidated",
            "or one of cross-validated; did you mean 'cross-validated'?",
        ),
        ("[identity]\nfilters=3", "unknown option 'filters'"),
        (
            "[maxpool]\npool_size=2",
            "missing option 'stride' (an integer of at least 1 and at most 10000)",
        ),
        ("[vgg-face]\nfreeze_first_n_layers=3", "missing option 'state_dict_filepath' (text)"),
    ],
)
def test_refuses_what_no_input_could_fit(tmp_path: Path, block: str, message: str) -> None:
    """Bounds in a signature are checked before any shape."""
    path = written(tmp_path, encoder_text((3, 4, 6), block))
    with pytest.raises(CfgError) as error:
        read_config(path, VOCABULARY)
    assert message in str(error.value)
