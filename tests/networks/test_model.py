"""The whole model: which shapes must fit, what each network reads, and where weights come from."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from audetnet.config.language import CfgError
from audetnet.config.options import Config
from audetnet.config.reader import read_config
from audetnet.networks.code import Code
from audetnet.networks.model import AUDetNet, build_model
from audetnet.networks.model_plan import ModelPlan, plan_model
from audetnet.networks.outputs import check_outputs
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import NETWORKS, at_mark, cfg_text, network, replaced, written

FRAME = (8, 8)
IDENTITY = "[identity]"


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Config]:
    """Reads the small cfg with some networks replaced and more data options."""

    def read(networks: Mapping[str, str | None] | None = None, data: str = "") -> Config:
        return read_config(written(tmp_path, cfg_text(networks, data)), VOCABULARY)

    return read


Reader = Callable[..., Config]


def planned(config: Config) -> ModelPlan:
    return plan_model(config, FRAME)


def built(config: Config, seed: int = 0) -> AUDetNet:
    return build_model(planned(config), config.data, seed)


def pixels(batch: int = 3) -> Tensor:
    """Images in [0, 1]."""
    return torch.rand(batch, 3, *FRAME, generator=torch.Generator().manual_seed(0))


def test_plan(config: Reader) -> None:
    model = planned(config())
    assert (model.image, model.encoder.output) == ((3, 8, 8), (6, 1, 1))
    assert (model.code_channels, model.z1_channels, model.au_count) == (6, 2, 3)
    assert (model.predictor.input, model.decoder.output) == ((2, 1, 1), (3, 8, 8))
    assert list(model.networks) == list(NETWORKS)
    assert model.warnings == ()


@pytest.mark.parametrize("absent", [(), ("Discriminator",), ("Image Discriminator",), "both"])
def test_critics_are_optional(config: Reader, absent: tuple[str, ...] | str) -> None:
    critics = ("Discriminator", "Image Discriminator")
    left_out = critics if absent == "both" else absent
    model = built(config(dict.fromkeys(left_out)))
    expected = {"encoder", "predictor", "decoder"} | {
        critic.lower().replace(" ", "_") for critic in critics if critic not in left_out
    }
    assert set(model.networks()) == expected
    assert set(model.critics()) == expected - {"encoder", "predictor", "decoder"}


def test_frames_need_not_be_square(config: Reader) -> None:
    decoder = network("Decoder", 6, "[upsample]\noutput_sizes=8,16\n[connected]\noutput_features=3")
    encoder = network("Encoder", 3, "[connected]\noutput_features=6\n[upsample]\noutput_sizes=1,1")
    settings = config({"Decoder": decoder, "Encoder": encoder, "Image Discriminator": None})
    assert plan_model(settings, (8, 16)).image == (3, 8, 16)
    with pytest.raises(CfgError, match=r"output is 3x8x16, expected the image's 3x16x8$"):
        plan_model(settings, (16, 8))


NET_CHANNELS = "channels={} but the input of {{{}}} has {} channels"
LEARNS_NOTHING = (
    "has nothing to learn: no block that its output depends on has trainable parameters"
)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "Encoder",
            "channels=3",
            "channels=1 # here",
            "[net] " + NET_CHANNELS.format(1, "Encoder", 3),
        ),
        (
            "Encoder",
            "[convolutional]\nfilters=4\nkernel_size=8",
            "[convolutional] # here\nfilters=4\nkernel_size=9",
            "[convolutional] a 9x9 window does not fit its 8x8 input with padding 0: the output "
            "would collapse below 1x1",
        ),
        (
            "AUPredictor",
            "channels=2",
            "channels=7 # here",
            "[net] channels=7 is wider than the code, which has 6 channels",
        ),
        (
            "AUPredictor",
            "[connected]\noutput_features=3",
            "[connected]\noutput_features=3\n[upsample] # here\nscale_factor=2",
            "[upsample] the AUPredictor's output is 3x2x2, expected one value per AU (AUsx1x1)",
        ),
        (
            "Decoder",
            "channels=6",
            "channels=4 # here",
            "[net] " + NET_CHANNELS.format(4, "Decoder", 6),
        ),
        (
            "Decoder",
            "[convolutional]\nfilters=3",
            "[convolutional] # here\nfilters=1",
            "[convolutional] the decoder's output is 1x8x8, expected the image's 3x8x8",
        ),
        (
            "Decoder",
            "activation=tanh",
            "activation=tanh\n[maxpool] # here\npool_size=2\nstride=2",
            "[maxpool] the decoder's output is 3x4x4, expected the image's 3x8x8",
        ),
        (
            "Discriminator",
            "channels=6",
            "channels=2 # here",
            "[net] " + NET_CHANNELS.format(2, "Discriminator", 6),
        ),
        (
            "Discriminator",
            NETWORKS["Discriminator"],
            network("Discriminator", 6, IDENTITY).replace("}", "} # here"),
            f"{{Discriminator}} {LEARNS_NOTHING}",
        ),
        (
            "Image Discriminator",
            "channels=3",
            "channels=1 # here",
            "[net] " + NET_CHANNELS.format(1, "Image Discriminator", 3),
        ),
        (
            "Image Discriminator",
            NETWORKS["Image Discriminator"],
            network(
                "Image Discriminator", 3, "[maxpool]\npool_size=2\nstride=2\n[softmax]"
            ).replace("}", "} # here"),
            f"{{Image Discriminator}} {LEARNS_NOTHING}",
        ),
    ],
)
def test_refuses_networks_that_do_not_fit(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    path = written(tmp_path, cfg_text({name: replaced(NETWORKS[name], (old, new))}))
    settings = read_config(path, VOCABULARY)
    with pytest.raises(CfgError) as error:
        plan_model(settings, FRAME)
    assert str(error.value) == at_mark(path, message)


def test_a_code_with_positions_needs_a_predictor_that_pools(tmp_path: Path) -> None:
    encoder = replaced(NETWORKS["Encoder"], ("kernel_size=8\nstride=8", "kernel_size=4\nstride=4"))
    predictor = replaced(NETWORKS["AUPredictor"], ("[connected]", "[connected] # here"))
    path = written(tmp_path, cfg_text({"Encoder": encoder, "AUPredictor": predictor}))
    settings = read_config(path, VOCABULARY)
    with pytest.raises(CfgError) as error:
        plan_model(settings, FRAME)
    assert str(error.value) == at_mark(
        path, "[connected] the AUPredictor's output is 3x2x2, expected one value per AU (AUsx1x1)"
    )


CONNECTED = "[connected]\noutput_features=3 # here"


@pytest.mark.parametrize(
    ("blocks", "names", "advice"),
    [
        pytest.param(CONNECTED, ("AU1", "AU2"), "; write output_features=2", id="fewer"),
        pytest.param(
            CONNECTED, ("AU1", "AU2", "AU4", "AU6"), "; write output_features=4", id="more"
        ),
        pytest.param(
            "[convolutional]\nkernel_size=1\nfilters=3 # here\nstride=1",
            ("AU1",),
            "; write filters=1",
            id="a convolution",
        ),
        pytest.param(
            f"{CONNECTED}\n[batch_norm]\nnum_features=3\n[softmax]\n[route]\nbranch_at_layer=-1",
            ("AU1", "AU2"),
            "; write output_features=2",
            id="blocks after it keep the number",
        ),
        pytest.param(
            "[connected]\noutput_features=4\n[select_subset] # here\norigin_layer=-1\n"
            "start_index=0\nend_index=3",
            ("AU1", "AU2"),
            "",
            id="part of a wider block",
        ),
        pytest.param(
            "[connected]\noutput_features=1\n[combine_concat] # here\ncombine_layers=-1,-1,-1",
            ("AU1", "AU2"),
            "",
            id="several blocks",
        ),
        pytest.param(
            "[upsample] # here\nscale_factor=1", ("AU1", "AU2", "AU4"), "", id="z1 as it is"
        ),
        pytest.param("[connected] # here\noutput_features=3", (), "", id="no AUs"),
    ],
)
def test_refuses_data_with_other_aus(
    tmp_path: Path, blocks: str, names: tuple[str, ...], advice: str
) -> None:
    """At the option to change, with the value to set, if a single option decides."""
    path = written(tmp_path, cfg_text({"AUPredictor": network("AUPredictor", 2, blocks)}))
    settings = read_config(path, VOCABULARY)
    model = planned(settings)
    check_outputs(model, ("AU1", "AU2", "AU4")[: model.au_count], 2, None)
    with pytest.raises(CfgError) as error:
        check_outputs(model, names, 2, None)
    kind = str(error.value).partition("[")[2].partition("]")[0]
    assert str(error.value) == at_mark(
        path,
        f"[{kind}] the AUPredictor has {model.au_count} outputs, but the data have {len(names)} "
        f"AUs: {', '.join(names)}{advice}",
    )


PAST_ITS_WEIGHTS = """
[connected] # here
output_features=4
[route]
branch_at_layer=-2
"""
"""A trainable block, and a route around it."""


@pytest.mark.parametrize(("name", "channels"), [("Discriminator", 6), ("Image Discriminator", 3)])
def test_a_critic_that_bypasses_its_weights_is_refused(
    tmp_path: Path, name: str, channels: int
) -> None:
    """Its loss would have no gradient, which in torch is a traceback."""
    blocks = PAST_ITS_WEIGHTS.replace(" # here", "")
    critic = network(name, channels, blocks).replace("}", "} # here")
    path = written(tmp_path, cfg_text({name: critic}))
    settings = read_config(path, VOCABULARY)
    with pytest.raises(CfgError) as error:
        planned(settings)
    assert str(error.value) == at_mark(path, f"{{{name}}} {LEARNS_NOTHING}")


def test_main_networks_that_bypass_their_weights_are_refused(tmp_path: Path) -> None:
    dead = PAST_ITS_WEIGHTS.replace(" # here", "")
    networks = {
        "Encoder": network("Encoder", 3, f"{dead}[avgpool]\npool_size=8\nstride=8").replace(
            "}", "} # here"
        ),
        "AUPredictor": network("AUPredictor", 2, dead),
        "Decoder": network(
            "Decoder", 3, "[upsample]\nscale_factor=8\n[connected]\noutput_features=3"
        ),
        "Discriminator": None,
    }
    path = written(tmp_path, cfg_text(networks))
    settings = read_config(path, VOCABULARY)
    with pytest.raises(CfgError) as error:
        planned(settings)
    assert str(error.value).startswith(at_mark(path, "{Encoder} has nothing to learn, nor does"))


@pytest.mark.parametrize("name", ["Encoder", "AUPredictor", "Decoder", "Discriminator"])
def test_weights_that_never_learn_are_named(tmp_path: Path, name: str) -> None:
    """In any network: a block whose output leads nowhere."""
    text = NETWORKS[name]
    head, blocks = text[: text.index("channels=") + 11], text[text.index("channels=") + 11 :]
    path = written(tmp_path, cfg_text({name: f"{head}{PAST_ITS_WEIGHTS.strip()}\n{blocks}"}))
    plan = planned(read_config(path, VOCABULARY))
    assert plan.warnings == (
        at_mark(
            path,
            f"[connected] its weights never learn: the output of {{{name}}} does not depend on it",
        ),
    )


IMAGENET = "mean=0.485,0.456,0.406\nstd=0.229,0.224,0.225"
OF_VGG_FACE = "mean=129.186279296875, 104.76238250732422, 93.59396362304688\nstd=1, 1, 1"
VGG = "[vgg-face] # here\nstate_dict_filepath=a.pth\n"
RESNET = "[resnet50] # here\nend_at_layer=3\n"


@pytest.mark.parametrize(
    ("stem", "data", "expected"),
    [
        pytest.param(VGG, "", OF_VGG_FACE, id="VGG-Face without any"),
        pytest.param(VGG, IMAGENET, OF_VGG_FACE, id="VGG-Face with ImageNet's"),
        pytest.param(VGG, OF_VGG_FACE.partition("\n")[0], OF_VGG_FACE, id="VGG-Face without std"),
        pytest.param(VGG, OF_VGG_FACE, None, id="VGG-Face"),
        pytest.param(VGG, "mean=129.2,104.8,93.6\nstd=1,1,1", None, id="VGG-Face, rounded"),
        pytest.param(RESNET, "", IMAGENET, id="ResNet50 without any"),
        pytest.param(RESNET, OF_VGG_FACE, IMAGENET, id="ResNet50 with VGG-Face's"),
        pytest.param(RESNET, IMAGENET, None, id="ResNet50"),
        pytest.param(
            RESNET, "mean=123.675,116.28,103.53\nstd=58.4,57.1,57.4", None, id="ResNet50 in 0-255"
        ),
        pytest.param(f"{RESNET}pretrained=False\n", "", None, id="ResNet50 from random weights"),
        pytest.param(
            f"[connected]\noutput_features=3\n{RESNET}", "", None, id="ResNet50 further on"
        ),
    ],
)
def test_a_stem_without_the_normalisation_of_its_weights_is_named(
    tmp_path: Path, stem: str, data: str, expected: str | None
) -> None:
    encoder = network(
        "Encoder", 3, f"{stem}[upsample]\noutput_sizes=1,1\n[connected]\noutput_features=6"
    )
    decoder = network("Decoder", 6, "[upsample]\nscale_factor=32\n[connected]\noutput_features=3")
    path = written(tmp_path, cfg_text({"Encoder": encoder, "Decoder": decoder}, data))
    warnings = plan_model(read_config(path, VOCABULARY), (32, 32)).warnings
    if expected is None:
        assert warnings == ()
        return
    mean, _, std = expected.replace(" ", "").partition("\n")
    (warning,) = warnings
    kind = stem.partition("]")[0]
    assert warning.startswith(at_mark(path, f"{kind}] its published weights expect"))
    assert f"write {mean[:15]}" in warning and std in warning


def test_without_z2_the_discriminator_is_not_used(tmp_path: Path) -> None:
    """There are no pairs to discriminate; silence would leave the user waiting for them."""
    networks = {
        "AUPredictor": replaced(NETWORKS["AUPredictor"], ("channels=2", "channels=6")),
        "Discriminator": replaced(NETWORKS["Discriminator"], ("}", "} # here")),
    }
    path = written(tmp_path, cfg_text(networks))
    settings = read_config(path, VOCABULARY)
    plan = planned(settings)
    assert plan.warnings == (
        at_mark(
            path, "{Discriminator} is not used: {AUPredictor} reads the whole code, z2 is empty"
        ),
    )
    model = built(settings)
    assert "discriminator" not in model.networks()
    code = model.encode(pixels())
    assert (code.z1.shape[1], code.z2.shape[1]) == (6, 0)


def test_z1_is_the_first_channels(config: Reader) -> None:
    code = torch.arange(6.0).view(1, 6, 1, 1)
    split = Code(code, built(config()).z1_channels)
    assert (split.z1.flatten().tolist(), split.z2.flatten().tolist()) == ([0, 1], [2, 3, 4, 5])


def test_aus_are_predicted_from_z1_alone(config: Reader) -> None:
    model = built(config())
    code = torch.randn(3, 6, 1, 1, requires_grad=True)
    outputs = model.predict(Code(code, 2))
    assert outputs.shape == (3, 3)
    (gradient,) = torch.autograd.grad(outputs.square().sum(), code)
    assert gradient[:, :2].ne(0).all()
    assert gradient[:, 2:].eq(0).all()


def test_images_are_decoded_from_z1_and_z2(config: Reader) -> None:
    model = built(config())
    code = torch.randn(3, 6, 1, 1, requires_grad=True)
    reconstruction = model.decode(Code(code, 2))
    assert reconstruction.shape == (3, 3, 8, 8)
    (gradient,) = torch.autograd.grad(reconstruction.square().sum(), code)
    assert gradient.ne(0).all()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param("", lambda x: 2 * x - 1, id="default"),
        pytest.param(
            "mean=0.485,0.456,0.406\nstd=0.229,0.224,0.225",
            lambda x: (
                (x - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
                / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
            ),
            id="ImageNet",
        ),
        pytest.param(
            "mean=129.186279296875, 104.76238250732422, 93.59396362304688\nstd=1, 1, 1",
            lambda x: (
                255 * x
                - torch.tensor([129.186279296875, 104.76238250732422, 93.59396362304688]).view(
                    3, 1, 1
                )
            ),
            id="VGG-Face",
        ),
        pytest.param("mean=100,100,100", lambda x: (255 * x - 100) / 127.5, id="mean of 255"),
        pytest.param("std=0.25,0.25,0.25", lambda x: 4 * (x - 0.5), id="std alone"),
    ],
)
def test_normalisation(config: Reader, data: str, expected: Callable[[Tensor], Tensor]) -> None:
    """The encoder's input is as in the cfg; the reconstruction is always in [-1, 1]."""
    identity = network("Encoder", 3, "[connected]\noutput_features=6\nuse_bias=0")
    networks = {
        "Encoder": identity,
        "AUPredictor": replaced(
            NETWORKS["AUPredictor"],
            ("[connected]", "[avgpool]\npool_size=8\nstride=8\n[connected]"),
        ),
        "Decoder": network("Decoder", 6, "[connected]\noutput_features=3"),
    }
    model = built(config(networks, data))
    x = pixels()
    x[0, :, 0, 0], x[0, :, 0, 1] = 0, 1
    torch.testing.assert_close(model.pixels.encoder_input(x), expected(x))
    target = model.pixels.decoder_target(x)
    torch.testing.assert_close(target, 2 * x - 1)
    assert (target.min(), target.max()) == (-1, 1)
    (weight,) = model.encoder.parameters()
    seen = torch.einsum("oc,bchw->bohw", weight, expected(x))
    torch.testing.assert_close(model.encode(x).whole, seen)


def test_a_checkpoint_holds_no_normalisation(config: Reader) -> None:
    """It belongs to the cfg; otherwise an old checkpoint would override it."""
    model = built(config(data="mean=0.485,0.456,0.406"))
    assert {name for name, _ in model.named_buffers()} >= {"pixels.mean", "pixels.std"}
    assert not [name for name in model.state_dict() if name.startswith("pixels")]
    other = built(config(data="mean=0.1,0.2,0.3"), seed=1)
    other.load_state_dict(model.state_dict())
    assert other.pixels.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_weights_come_from_the_seed_alone(config: Reader) -> None:
    settings = config()
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = built(settings, seed=3).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    torch.rand(7)
    same, other = built(settings, seed=3).state_dict(), built(settings, seed=4).state_dict()
    assert first.keys() == same.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, same[name]), name
    drawn = {name for name, tensor in first.items() if tensor.min() != tensor.max()}
    assert len(drawn) > len(NETWORKS)
    assert {name for name in first if not torch.equal(first[name], other[name])} >= drawn


def test_the_main_network_learns_as_a_whole(config: Reader) -> None:
    """Every parameter of the main networks affects their outputs; none of the critics' does."""
    model = built(config())
    code = model.encode(pixels())
    (model.predict(code).sum() + model.decode(code).sum()).backward()
    touched = {
        name
        for name, graph in model.networks().items()
        if all(parameter.grad is not None for parameter in graph.parameters())
    }
    assert touched == {"encoder", "predictor", "decoder"}


def test_unavailable_weights_are_named_in_any_network(tmp_path: Path) -> None:
    critic = network(
        "Image Discriminator",
        3,
        "[upsample]\nscale_factor=4\n[vgg-face]\nstate_dict_filepath=absent.pth # here",
    )
    path = written(tmp_path, cfg_text({"Image Discriminator": critic}))
    model = built(read_config(path, VOCABULARY))
    with pytest.raises(CfgError) as error:
        model.load_pretrained()
    assert str(error.value).startswith(
        at_mark(path, "[vgg-face] state_dict_filepath=absent.pth: no such file;")
    )
