"""Strategies for cfg files: small valid ones, and damaged versions of them.

A file is drawn as a tree (sections, blocks, options), damaged in the tree, written, and damaged in
its text. Networks stay small whatever is drawn: sizes are at most 32 or beyond all bounds, so that
every file that is accepted trains in milliseconds.
"""

from collections.abc import Callable
from copy import deepcopy

from hypothesis import strategies as st

Block = tuple[str, dict[str, str]]
Tree = dict[str, list[Block]]
"""The blocks of each section, in order."""
FRAME = 16

_NET = {"learning_rate": "0.001", "beta1": "0.5", "beta2": "0.99"}


def _conv(filters: int, size: int, stride: int, pad: int, **more: str) -> Block:
    sizes = {"filters": filters, "kernel_size": size, "stride": stride, "pad": pad}
    return "convolutional", {**{key: str(value) for key, value in sizes.items()}, **more}


def _net(channels: int) -> Block:
    return "net", {**_NET, "channels": str(channels)}


def _whole() -> Tree:
    """A valid file for frames of 16x16: every block type but the stems, all five networks."""
    general: list[Block] = [
        (
            "training_options",
            {
                "batch_size": "4",
                "max_epochs": "2",
                "max_test_iters": "2",
                "train_main_net_every_n_batches": "2",
                "learning_rate_scheduler": "Linear",
                "decay_lr_over_last_n_epochs": "1",
            },
        ),
        (
            "data_options",
            {
                "regress_au_intensities": "False",
                "balance_dataset_with_momu": "True",
                "epoch_size": "32",
                "sampling_size": "2",
                "image_size": str(FRAME),
                "mean": "0.5,0.5,0.5",
                "std": "0.5,0.5,0.5",
            },
        ),
        (
            "loss_options",
            {
                "au_regression_loss_function": "BCEWithLogits",
                "reconstruction_loss_function": "L1",
                "gradient_loss_lambda_discr": "10",
                "gradient_loss_lambda_img_discr": "10",
                "discriminator_loss_lambda": "0.005",
                "img_discriminator_loss_lambda": "0.01",
                "reconstruction_loss_lambda": "1",
            },
        ),
    ]
    return {
        "General": general,
        "Encoder": [
            _net(3),
            _conv(8, 4, 2, 1, batch_normalise="1", activation="leaky_relu"),
            ("maxpool", {"pool_size": "2", "stride": "2"}),
            _conv(8, 1, 1, 0, activation="sigmoid"),
            ("softmax", {"dim": "1"}),
            ("combine_multiply", {"combine_layers": "-1,1"}),
            ("avgpool", {"pool_size": "4", "stride": "4"}),
            ("connected", {"output_features": "4"}),
            ("batch_norm", {"num_features": "4", "affine": "False"}),
            ("route", {"branch_at_layer": "5"}),
            ("connected", {"output_features": "8", "activation": "tanh"}),
            ("combine_concat", {"combine_layers": "7,-1", "dimension": "1"}),
        ],
        "AUPredictor": [_net(4), ("connected", {"output_features": "3"})],
        "Decoder": [
            _net(12),
            ("upsample", {"scale_factor": "4", "mode": "bilinear"}),
            _conv(8, 3, 1, 1, batch_normalise="1", activation="relu"),
            ("upsample", {"output_sizes": "16,16", "mode": "nearest"}),
            _conv(3, 3, 1, 1, activation="tanh"),
        ],
        "Discriminator": [
            _net(12),
            ("select_subset", {"origin_layer": "-1", "start_index": "0", "end_index": "9"}),
            ("connected", {"output_features": "8", "activation": "leaky_relu"}),
            ("identity", {}),
            ("connected", {"output_features": "1"}),
        ],
        "Image Discriminator": [
            _net(3),
            _conv(4, 4, 2, 1, activation="leaky_relu"),
            _conv(1, 4, 4, 0, initialization="kaiming_uniform"),
        ],
    }


_SMALL = st.integers(-3, 9).map(str) | st.sampled_from(["12", "16", "17", "24", "32"])
_BEYOND = st.sampled_from(
    ["10000001", str(10**9), str(10**20), "1" + "0" * 400, "9" * 5000, "-" + "9" * 30]
)
_NUMBERS = st.sampled_from(
    ["0.5", "1.5", "2.0", "1e-3", "1e-30", "1e-400", "1e30", "1e400", "nan", "inf", "-0.1", "0.0"]
)
_WORDS = st.sampled_from(
    [
        "None",
        "True",
        "False",
        "relu",
        "leaky_relu",
        "linear",
        "trilinear",
        "bicubic",
        "nearest",
        "kaiming_uniform",
        "MSE",
        "BCEWithLogits",
        "L2",
        "Linear",
        "AU1,AU2,AU1",
        "x",
        "ä",
        "\x1b[2J",
    ]
)
_LISTS = st.lists(_SMALL | _NUMBERS, min_size=1, max_size=4).map(",".join)
_VALUES = st.one_of(_SMALL, _SMALL, _SMALL, _WORDS, _LISTS, _NUMBERS, _BEYOND)

_FACTORS = st.sampled_from(["0.01", "0.3", "0.5", "1", "1.5", "2"])
_SIZES = st.integers(1, 6).map(str)
_WINDOWS = st.sampled_from(["1", "1", "1", "2", "3", "4"])
_REFERENCES = st.sampled_from(["-1", "-1", "-1", "-2", "0", "-3", "1", "5"])
_ACTIVATIONS = st.sampled_from(["relu", "leaky_relu", "tanh", "sigmoid", "linear", "None"])
_BOOLEANS = st.sampled_from(["0", "1", "True", "False"])


def _options(name: str, **values: st.SearchStrategy[str]) -> st.SearchStrategy[Block]:
    return st.fixed_dictionaries(values).map(lambda drawn: (name, dict(drawn)))


_BLOCKS = st.one_of(
    _options(
        "convolutional",
        filters=_SIZES,
        kernel_size=_WINDOWS,
        stride=_SIZES,
        pad=_SIZES | _BOOLEANS,
        batch_normalise=_BOOLEANS,
        activation=_ACTIVATIONS,
    ),
    _options("connected", output_features=_SIZES, activation=_ACTIVATIONS, use_bias=_BOOLEANS),
    _options("batch_norm", num_features=st.sampled_from(["3", "12"]), affine=_BOOLEANS),
    _options("maxpool", pool_size=_WINDOWS, stride=_SIZES),
    _options("avgpool", pool_size=_WINDOWS, stride=_SIZES),
    _options(
        "upsample", scale_factor=_FACTORS, mode=st.sampled_from(["nearest", "bilinear", "bicubic"])
    ),
    _options("softmax", dim=st.sampled_from(["1", "2", "3", "0"])),
    _options("route", branch_at_layer=_REFERENCES),
    _options(
        "combine_concat", combine_layers=st.lists(_REFERENCES, min_size=1, max_size=3).map(",".join)
    ),
    _options(
        "combine_multiply",
        combine_layers=st.lists(_REFERENCES, min_size=1, max_size=3).map(",".join),
    ),
    _options("select_subset", origin_layer=_REFERENCES, start_index=st.just("0"), end_index=_SIZES),
    _options("identity"),
)
_NAMES = st.sampled_from(
    ["net", "route", "identity", "resnet50", "vgg-face", "softmax", "Convolutional", "x" * 100_000]
)
_KEYS = st.sampled_from(
    [
        "filters",
        "filter",
        "pad",
        "batch_norm_dim",
        "activation",
        "mode",
        "dimension",
        "epoch_size",
        "gradient_loss_lambda",
        "au_names",
        "channels",
        "state_dict_filepath",
        "x" * 100_000,
    ]
)
Damage = Callable[[st.DrawFn, Tree], None]


def _some_section(draw: st.DrawFn, tree: Tree) -> list[Block]:
    return tree[draw(st.sampled_from(sorted(tree)))] if tree else []


def _some_block(draw: st.DrawFn, blocks: list[Block]) -> int:
    return draw(st.integers(0, len(blocks) - 1))


def _drop_a_section(draw: st.DrawFn, tree: Tree) -> None:
    if tree:
        del tree[draw(st.sampled_from(sorted(tree)))]


def _drop_a_block(draw: st.DrawFn, tree: Tree) -> None:
    if blocks := _some_section(draw, tree):
        del blocks[_some_block(draw, blocks)]


def _repeat_a_block(draw: st.DrawFn, tree: Tree) -> None:
    if blocks := _some_section(draw, tree):
        index = _some_block(draw, blocks)
        blocks.insert(index, deepcopy(blocks[index]))


def _exchange_blocks(draw: st.DrawFn, tree: Tree) -> None:
    if blocks := _some_section(draw, tree):
        one, other = _some_block(draw, blocks), _some_block(draw, blocks)
        blocks[one], blocks[other] = blocks[other], blocks[one]


def _insert_a_block(draw: st.DrawFn, tree: Tree) -> None:
    if blocks := _some_section(draw, tree):
        blocks.insert(_some_block(draw, blocks) + 1, draw(_BLOCKS))


def _rename_a_block(draw: st.DrawFn, tree: Tree) -> None:
    if blocks := _some_section(draw, tree):
        index = _some_block(draw, blocks)
        blocks[index] = draw(_NAMES), blocks[index][1]


def _change_a_value(draw: st.DrawFn, tree: Tree) -> None:
    if blocks := _some_section(draw, tree):
        _, options = blocks[_some_block(draw, blocks)]
        if options:
            options[draw(st.sampled_from(sorted(options)))] = draw(_VALUES)


def _drop_an_option(draw: st.DrawFn, tree: Tree) -> None:
    if blocks := _some_section(draw, tree):
        _, options = blocks[_some_block(draw, blocks)]
        if options:
            del options[draw(st.sampled_from(sorted(options)))]


def _add_an_option(draw: st.DrawFn, tree: Tree) -> None:
    if blocks := _some_section(draw, tree):
        blocks[_some_block(draw, blocks)][1][draw(_KEYS)] = draw(_VALUES)


def _another_critic(draw: st.DrawFn, tree: Tree) -> None:
    """A critic's score may have any shape, so most of these are accepted."""
    channels = {"Discriminator": 12, "Image Discriminator": 3}
    name = draw(st.sampled_from(sorted(channels)))
    tree[name] = [_net(channels[name]), *draw(st.lists(_BLOCKS, min_size=1, max_size=5))]


_PLAUSIBLE = {
    "activation": _ACTIVATIONS,
    "affine": _BOOLEANS,
    "au_regression_loss_function": st.sampled_from(["MSE", "BCEWithLogits"]),
    "batch_normalise": _BOOLEANS,
    "beta1": st.sampled_from(["0", "0.9999999"]),
    "dim": st.sampled_from(["1", "2", "3"]),
    "gradient_loss_lambda_discr": st.sampled_from(["0", "1000000"]),
    "gradient_loss_lambda_img_discr": st.sampled_from(["0", "1000"]),
    "initialization": st.sampled_from(["None", "kaiming_uniform"]),
    "learning_rate": st.sampled_from(["1", "1e-300"]),
    "max_epochs": st.sampled_from(["1", "1000000"]),
    "mean": st.sampled_from(["0,0,0", "255,0,0", "[0.485, 0.456, 0.406]", "None"]),
    "mode": st.sampled_from(["nearest", "bilinear", "bicubic"]),
    "reconstruction_loss_function": st.sampled_from(["L1", "L2"]),
    "reconstruction_loss_lambda": st.sampled_from(["0", "1e-30", "1000000"]),
    "regress_au_intensities": _BOOLEANS,
    "std": st.sampled_from(["0.001,1,1", "255,255,255", "None"]),
    "use_bias": _BOOLEANS,
}
"""Plausible values, including the extreme ones of the cfg language."""


def _choose_another_value(draw: st.DrawFn, tree: Tree) -> None:
    found = [
        (options, key)
        for blocks in tree.values()
        for _, options in blocks
        for key in options
        if key in _PLAUSIBLE
    ]
    if found:
        options, key = draw(st.sampled_from(found))
        options[key] = draw(_PLAUSIBLE[key])


def _insert_what_keeps_the_shape(draw: st.DrawFn, tree: Tree) -> None:
    """At the end of a network, where it shifts no references."""
    names = sorted(tree.keys() - {"General"})
    if names:
        block = draw(
            st.sampled_from(
                [
                    ("identity", {}),
                    ("softmax", {}),
                    ("maxpool", {"pool_size": "1", "stride": "1"}),
                    ("route", {"branch_at_layer": "-1"}),
                    ("combine_multiply", {"combine_layers": "-1,-1"}),
                    ("upsample", {"scale_factor": "1", "mode": "bicubic"}),
                ]
            )
        )
        tree[draw(st.sampled_from(names))].append(deepcopy(block))


_HARMLESS: list[Damage] = [_choose_another_value, _insert_what_keeps_the_shape, _another_critic]
"""Most files are still accepted after these."""
_HARMFUL: list[Damage] = [
    _change_a_value,
    _insert_a_block,
    _repeat_a_block,
    _drop_a_block,
    _exchange_blocks,
    _drop_an_option,
    _add_an_option,
    _rename_a_block,
    _drop_a_section,
]


def _written(tree: Tree) -> str:
    lines = []
    for section, blocks in tree.items():
        lines.append(f"{{{section}}}")
        for name, options in blocks:
            lines += [f"[{name}]", *(f"{key}={value}" for key, value in options.items())]
    return "\n".join(lines) + "\n"


_SCRAPS = st.sampled_from(
    [
        b"#",
        b"{",
        b"}",
        b"[",
        b"]",
        b"=",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\x0c",
        b"{General}\n",
        b"[net]\n",
        b"pad=1\n",
        b"\xe2\x80\xa8",
        b"x" * 1_000_000,
    ]
) | st.binary(max_size=8)


@st.composite
def cfg_files(draw: st.DrawFn) -> bytes:
    """The content of a file: half of them with harmless changes, half with damaged tree or text."""
    tree = _whole()
    kind = draw(st.sampled_from(["harmless", "tree", "harmless", "text", "harmless", "tree"]))
    for damage in draw(st.lists(st.sampled_from(_HARMLESS), min_size=1, max_size=3)):
        damage(draw, tree)
    if kind == "tree":
        for damage in draw(st.lists(st.sampled_from(_HARMFUL), min_size=1, max_size=2)):
            damage(draw, tree)
    content = _written(tree).encode()
    if kind == "text":
        start = draw(st.integers(0, len(content)))
        end = start + draw(st.integers(0, 40))
        content = content[:start] + draw(_SCRAPS) + content[end:]
    return content
