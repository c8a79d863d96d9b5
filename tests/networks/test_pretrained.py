"""Stems of published networks: their weights, frozen layers, and errors without weights."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from audetnet.config.language import CfgError
from audetnet.config.reader import read_config
from audetnet.networks.graph import Graph, plan
from audetnet.networks.pretrained import VGG_FACE_SOURCE
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import at_mark, encoder_text, written

State = dict[str, Tensor]
IMAGE = (3, 32, 32)
KEY = "state_dict_filepath"
RESNET = "[resnet50] # here\nend_at_layer=5\n"
RESNET_URL = "https://download.pytorch.org/models/resnet50-0676ba61.pth"
RESNET_ADVICE = f"download it from {RESNET_URL}, or set pretrained=False"
VGG_CONVOLUTIONS = {
    "conv1_1": (64, 3),
    "conv1_2": (64, 64),
    "conv2_1": (128, 64),
    "conv2_2": (128, 128),
    "conv3_1": (256, 128),
    "conv3_2": (256, 256),
    "conv3_3": (256, 256),
    "conv4_1": (512, 256),
    "conv4_2": (512, 512),
    "conv4_3": (512, 512),
    "conv5_1": (512, 512),
    "conv5_2": (512, 512),
    "conv5_3": (512, 512),
}
"""(filters, channels) by name, as published in vgg_face_dag.pth."""


@pytest.fixture
def graph(tmp_path: Path) -> Callable[[str], Graph]:
    """Builds a network of a single stem, before its weights are loaded."""

    def build(block: str) -> Graph:
        path = written(tmp_path, encoder_text(IMAGE, block))
        torch.manual_seed(0)
        return Graph(plan(read_config(path, VOCABULARY).networks["Encoder"], IMAGE))

    return build


Builder = Callable[[str], Graph]


@pytest.fixture(scope="module")
def vgg_state() -> State:
    """Random weights under the published names, the fully connected layers included."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, (filters, channels) in VGG_CONVOLUTIONS.items():
        scale = (2 / (9 * channels)) ** 0.5
        state[f"{name}.weight"] = scale * torch.randn(filters, channels, 3, 3, generator=generator)
        state[f"{name}.bias"] = torch.randn(filters, generator=generator)
    return state | {"fc6.weight": torch.ones(4, 4), "fc8.bias": torch.ones(4)}


@pytest.fixture(scope="module")
def vgg_file(vgg_state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("weights") / "vgg_face_dag.pth"
    torch.save(vgg_state, path)
    return path


@pytest.fixture(scope="module")
def resnet_state() -> State:
    """A whole ResNet50 of torchvision, its fully connected layer included."""
    torch.manual_seed(1)
    state: State = torchvision.models.resnet50(weights=None).state_dict()
    return state


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a network."""

    def fail(*_: object, **__: object) -> State:
        raise OSError("no route to host")

    monkeypatch.setattr(torchvision.models.ResNet50_Weights, "get_state_dict", fail)


def stem_state(graph: Graph) -> State:
    """The weights of the only block, under their own names."""
    (stem,) = graph.blocks
    return dict(stem.state_dict())


def refusal(tmp_path: Path, block: str) -> tuple[str, Path]:
    """The message about weights that cannot be loaded, and the cfg file that asked for them."""
    path = written(tmp_path, encoder_text(IMAGE, block))
    graph = Graph(plan(read_config(path, VOCABULARY).networks["Encoder"], IMAGE))
    with pytest.raises(CfgError) as error:
        graph.load_pretrained()
    assert "\n" not in str(error.value)
    return str(error.value), path


def test_vgg_face_takes_the_published_weights(
    graph: Builder, vgg_state: State, vgg_file: Path
) -> None:
    network = graph(f"[vgg-face]\n{KEY}={vgg_file}")
    network.load_pretrained()
    loaded = stem_state(network)
    assert set(loaded) == {name for name in vgg_state if not name.startswith("fc")}
    for name, tensor in loaded.items():
        assert torch.equal(tensor, vgg_state[name]), name


def test_vgg_face_is_vgg16(graph: Builder, vgg_state: State, vgg_file: Path) -> None:
    """Its output is that of torchvision's convolutions with the same weights, in the same order."""
    network = graph(f"[vgg-face]\n{KEY}={vgg_file}")
    network.load_pretrained()
    published = torchvision.models.vgg16(weights=None).features
    convolutions = [layer for layer in published if isinstance(layer, nn.Conv2d)]
    for layer, name in zip(convolutions, VGG_CONVOLUTIONS, strict=True):
        layer.load_state_dict(
            {key: vgg_state[f"{name}.{key}"] for key in ("weight", "bias")}, strict=True
        )
    images = torch.randn(2, *IMAGE)
    with torch.no_grad():
        torch.testing.assert_close(network(images), published(images))


@pytest.mark.parametrize(
    "drop",
    [
        pytest.param("fc.", id="without the fully connected layer"),
        pytest.param("num_batches_tracked", id="saved by an old torch, without batch counters"),
        pytest.param("nothing", id="as published"),
    ],
)
def test_resnet50_takes_weights_from_a_file(
    tmp_path: Path, graph: Builder, resnet_state: State, drop: str, no_download: None
) -> None:
    file = tmp_path / "resnet.pth"
    torch.save({name: value for name, value in resnet_state.items() if drop not in name}, file)
    network = graph(f"{RESNET}{KEY}={file}")
    network.load_pretrained()
    for name, tensor in stem_state(network).items():
        assert torch.equal(tensor, resnet_state[name]), name


def test_resnet50_is_torchvisions(
    graph: Builder, resnet_state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``load_pretrained`` fetches its published weights, and its layers are the first ones."""
    monkeypatch.setattr(
        torchvision.models.ResNet50_Weights, "get_state_dict", lambda *_, **__: resnet_state
    )
    published = torchvision.models.resnet50(weights=None)
    published.load_state_dict(resnet_state)
    network = graph(RESNET)
    network.load_pretrained()
    layers = nn.Sequential(*list(published.children())[:5])
    images = torch.randn(2, *IMAGE)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), layers.eval()(images))


def test_resnet50_may_start_from_random_weights(graph: Builder, no_download: None) -> None:
    network = graph(f"{RESNET}pretrained=False")
    before = {name: tensor.clone() for name, tensor in stem_state(network).items()}
    network.load_pretrained()
    for name, tensor in stem_state(network).items():
        assert torch.equal(tensor, before[name])
    assert before["conv1.weight"].std() > 0


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path, no_download: None) -> None:
    """Planning and building do not ask for the weights; loading does."""
    message, path = refusal(tmp_path, RESNET)
    assert message == at_mark(
        path,
        "[resnet50] could not download the pretrained weights (no route to host); get "
        f"{RESNET_URL} on another machine and set {KEY}=FILE, or set pretrained=False",
    )


@pytest.mark.parametrize(
    ("block", "advice"),
    [
        ("[vgg-face]", f"download it from {VGG_FACE_SOURCE}"),
        ("[resnet50]\nend_at_layer=4", RESNET_ADVICE),
    ],
)
@pytest.mark.parametrize("absent", ["absent.pth", "."])
def test_a_missing_file(tmp_path: Path, block: str, advice: str, absent: str) -> None:
    file = tmp_path / absent
    message, path = refusal(tmp_path, f"{block}\n{KEY}={file} # here")
    name, *_ = block.splitlines()
    assert message == at_mark(path, f"{name} {KEY}={file}: no such file; {advice}")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="a download that never began"),
        pytest.param(b"hello\n", id="a text"),
        pytest.param(b"<html>404 Not Found</html>", id="an error page"),
        pytest.param(b"PK\x03\x04" + bytes(100), id="half a zip"),
        pytest.param(pickle.dumps([1, 2], protocol=2), id="a pickled list"),
        pytest.param(
            pickle.dumps({"conv1_1.weight": [1.0]}, protocol=2), id="a pickled dict of lists"
        ),
    ],
)
def test_a_file_that_holds_no_weights(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "wrong.pth"
    file.write_bytes(content)
    message, path = refusal(tmp_path, f"[vgg-face]\n{KEY}={file} # here")
    assert message.startswith(
        at_mark(path, f"[vgg-face] {KEY}={file}: not a state dict of tensors")
    )
    assert message.endswith(f"; download it from {VGG_FACE_SOURCE}")


def with_wrong_shape(state: State) -> object:
    return state | {"conv1.weight": torch.zeros(64, 1, 7, 7)}


def without_statistics(state: State) -> object:
    return {name: tensor for name, tensor in state.items() if "bn1.running" not in name}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            lambda state: {},
            "the weights lack 'conv1.weight' (55 of 66 tensors)",
            id="empty",
        ),
        pytest.param(
            without_statistics,
            "the weights lack 'bn1.running_mean' (8 of 66 tensors)",
            id="no statistics",
        ),
        pytest.param(
            with_wrong_shape,
            "'conv1.weight' in the weights has shape (64, 1, 7, 7), expected (64, 3, 7, 7)",
            id="of grey images",
        ),
        pytest.param(
            lambda state: {"epoch": 3, "state_dict": state},
            f"{KEY}={{file}}: not a state dict of tensors; {RESNET_ADVICE}",
            id="a checkpoint around them",
        ),
        pytest.param(
            lambda state: list(state.values()),
            f"{KEY}={{file}}: not a state dict of tensors; {RESNET_ADVICE}",
            id="a list",
        ),
    ],
)
def test_weights_of_another_network(
    tmp_path: Path, resnet_state: State, content: Callable[[State], Any], message: str
) -> None:
    file = tmp_path / "other.pth"
    torch.save(content(resnet_state), file)
    shown, path = refusal(tmp_path, f"[resnet50]\nend_at_layer=5\n{KEY}={file} # here")
    assert shown == at_mark(path, f"[resnet50] {message.format(file=file)}")


class Malicious:
    """Unpickled, it leaves a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.trace), "w")


def test_a_file_cannot_run_code(tmp_path: Path) -> None:
    trace, file = tmp_path / "trace", tmp_path / "malicious.pth"
    content = {"conv1_1.weight": Malicious(trace)}
    for save in (torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))):
        save(content, file)
        message, path = refusal(tmp_path, f"[vgg-face]\n{KEY}={file} # here")
        assert message.startswith(at_mark(path, f"[vgg-face] {KEY}={file}: not a state dict"))
        assert not trace.exists()


def switched(graph: Graph) -> Graph:
    return graph.eval().train()


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(lambda graph: graph, id="as built"),
        pytest.param(lambda graph: graph.train(), id="told to train"),
        pytest.param(switched, id="after an evaluation"),
    ],
)
@pytest.mark.parametrize("frozen", [0, 2, 5])
def test_frozen_layers_neither_learn_nor_count(
    graph: Builder, prepare: Callable[[Graph], Graph], frozen: int
) -> None:
    """No gradient, and no new statistics in their batch norm; the layers after them have both."""
    network = prepare(graph(f"{RESNET}pretrained=False\nfreeze_first_n_layers={frozen}"))
    before = {name: tensor.clone() for name, tensor in stem_state(network).items()}
    output = network(torch.randn(2, *IMAGE) + 3)
    if frozen < 5:
        output.sum().backward()
    else:
        assert not output.requires_grad
    (stem,) = network.blocks
    learns = {"conv1": frozen < 1, "bn1": frozen < 2, "layer1": frozen < 5}
    for name, parameter in stem.named_parameters():
        assert (parameter.grad is not None) == learns[name.split(".")[0]], name
    for name, tensor in stem_state(network).items():
        if name.endswith("running_mean"):
            assert torch.equal(tensor, before[name]) != learns[name.split(".")[0]], name


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("[resnet50]\nend_at_layer=5\nfreeze_first_n_layers=0", 0),
        ("[resnet50]\nend_at_layer=5\nfreeze_first_n_layers=2", 64 * 3 * 49 + 2 * 64),
        ("[resnet50]\nend_at_layer=5\nfreeze_first_n_layers=4", 64 * 3 * 49 + 2 * 64),
        (f"[vgg-face]\n{KEY}=a.pth\nfreeze_first_n_layers=1", 64 * 3 * 9 + 64),
        # the number includes ReLU and pooling layers
        (f"[vgg-face]\n{KEY}=a.pth\nfreeze_first_n_layers=2", 64 * 3 * 9 + 64),
        (f"[vgg-face]\n{KEY}=a.pth\nfreeze_first_n_layers=5", 64 * 3 * 9 + 64 * 64 * 9 + 2 * 64),
        (f"[vgg-face]\n{KEY}=a.pth\nfreeze_first_n_layers=31", 14_714_688),
    ],
)
def test_frozen_parameters_are_counted(tmp_path: Path, block: str, expected: int) -> None:
    path = written(tmp_path, encoder_text(IMAGE, block))
    (step,) = plan(read_config(path, VOCABULARY).networks["Encoder"], IMAGE).steps
    assert step.frozen == expected


def test_loading_keeps_layers_frozen(graph: Builder, vgg_state: State, vgg_file: Path) -> None:
    network = graph(f"[vgg-face]\n{KEY}={vgg_file}\nfreeze_first_n_layers=5")
    network.load_pretrained()
    learning = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    assert len(learning) == 2 * (len(VGG_CONVOLUTIONS) - 2)
    assert learning[0].endswith("conv2_1.weight")
