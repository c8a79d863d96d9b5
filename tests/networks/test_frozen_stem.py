"""Which blocks of an encoder are computed once per image, and that the others give the same results
from their output.
"""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from audetnet.config.language import CfgError
from audetnet.config.reader import read_config
from audetnet.networks.fixed import PersonReference
from audetnet.networks.frozen_stem import frozen_stem
from audetnet.networks.graph import Graph
from audetnet.networks.model import AUDetNet, build_model
from audetnet.networks.model_plan import ModelPlan, plan_model
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import NETWORKS, at_mark, cfg_text, network, written
from tests.networks.conftest import Planner

pytestmark = pytest.mark.usefixtures("narrow_resnet")
IMAGE = (3, 16, 16)
CPU = torch.device("cpu")
STEM = "[resnet50]\npretrained=False\nend_at_layer=1\n"
FROZEN = f"{STEM}freeze_first_n_layers=all\n"
POOL = "[avgpool]\npool_size=2\nstride=2\n"
CONV = "[convolutional]\nfilters=4\nkernel_size=1\nstride=1\n"
REST = "[person_reference]\n"
ENLARGED = "[upsample]\nscale_factor=2\nmode=nearest\n"
WIDE_CONV = "[convolutional]\nfilters=4\nkernel_size=3\nstride=1\npad=1\n"


@pytest.mark.parametrize(
    ("blocks", "length", "fixed"),
    [
        pytest.param(FROZEN + CONV, 1, {0}, id="a stem and a head"),
        pytest.param(FROZEN + POOL + CONV, 2, {0, 1}, id="pooled"),
        pytest.param(POOL + FROZEN + CONV, 2, {0, 1}, id="of a smaller image"),
        pytest.param(FROZEN + ENLARGED + WIDE_CONV, 2, {0, 1}, id="enlarged"),
        pytest.param(POOL + CONV, 0, {0}, id="nothing that costs"),
        pytest.param(STEM + CONV, 0, set(), id="a stem that learns"),
        pytest.param(
            f"{STEM}freeze_first_n_layers=0\n{CONV}", 0, set(), id="a stem of which no layer is"
        ),
        pytest.param(
            f"{FROZEN}[dropout]\nprobability=0.5\n{POOL}{CONV}", 1, {0}, id="dropout draws anew"
        ),
        pytest.param(
            f"{FROZEN}[batch_norm]\nnum_features=64\n{POOL}{CONV}", 1, {0}, id="batch norm learns"
        ),
        pytest.param(FROZEN + REST + CONV, 1, {0, 1}, id="who it is, is not in the image"),
        pytest.param(
            f"{FROZEN}{POOL}{CONV}[route]\nbranch_at_layer=1\n{CONV}", 2, {0, 1, 3}, id="two heads"
        ),
        pytest.param(
            f"{FROZEN}{POOL}{CONV}[route]\nbranch_at_layer=0\n{CONV}",
            1,
            {0, 1, 3},
            id="a head that reads the stem before it was pooled",
        ),
        pytest.param(
            f"{FROZEN}{CONV}[upsample]\noutput_sizes=16,16\n[combine_concat]\ncombine_layers=-1,-4",
            0,
            {0},
            id="the image is read as well",
        ),
        pytest.param(FROZEN, 0, {0}, id="nothing is left"),
    ],
)
def test_what_is_computed_once(planned: Planner, blocks: str, length: int, fixed: set[int]) -> None:
    plan = planned(IMAGE, blocks)
    assert plan.stem_length == length
    assert plan.fixed == fixed


def images(count: int = 3) -> Tensor:
    return torch.rand(count, *IMAGE, generator=torch.Generator().manual_seed(1))


TWO_HEADS = (
    f"{FROZEN}{POOL}{REST}{CONV}activation=relu\n[route]\nbranch_at_layer=1\n{CONV}"
    "[combine_concat]\ncombine_layers=-1,3\n"
)


@pytest.mark.parametrize(
    ("blocks", "deferred"),
    [
        pytest.param(FROZEN + CONV, set(), id="plain"),
        pytest.param(TWO_HEADS, set(), id="two heads"),
        pytest.param(FROZEN + ENLARGED + WIDE_CONV, {1}, id="its last block runs in the next"),
        pytest.param(
            FROZEN + ENLARGED + CONV.replace("4", "9") + ENLARGED + WIDE_CONV.replace("4", "1"),
            {1, 3},
            id="two of them",
        ),
    ],
)
def test_the_rest_of_it_gives_the_same_from_the_stems_output(
    planned: Planner, blocks: str, deferred: set[int]
) -> None:
    """Also if an upsampling block is fused with the next one, except for the stem's last block."""
    torch.manual_seed(0)
    graph = Graph(planned(IMAGE, blocks)).train()
    assert graph._deferred == deferred
    x = images()
    stem = graph.stem(x)
    by_hand = x
    for block in graph.blocks[: graph.stem_length]:
        by_hand = block(by_hand)
    torch.testing.assert_close(stem, by_hand, rtol=0, atol=0)
    whole, rest = graph(x), graph(stem, from_stem=True)
    torch.testing.assert_close(rest, whole)
    whole.square().sum().backward()
    own = [p.grad for p in graph.parameters() if p.requires_grad]
    graph.zero_grad()
    rest.square().sum().backward()
    again = [p.grad for p in graph.parameters() if p.requires_grad]
    for a, b in zip(own, again, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_a_network_without_one_begins_at_its_input(planned: Planner) -> None:
    graph = Graph(planned(IMAGE, POOL + CONV))
    x = images()
    assert torch.equal(graph.stem(x), x)
    assert torch.equal(graph(x, from_stem=True), graph(x))


@pytest.mark.parametrize(
    ("blocks", "before"),
    [
        pytest.param(FROZEN + REST + CONV, 1, id="the stem's last block"),
        pytest.param(FROZEN + POOL + REST + CONV, 2, id="after pooling"),
        pytest.param(f"{FROZEN}{CONV}[route]\nbranch_at_layer=0\n{POOL}{REST}{CONV}", 4, id="late"),
        pytest.param(FROZEN + ENLARGED + REST + WIDE_CONV, 2, id="after enlarging"),
        pytest.param(REST + CONV, 0, id="the image itself"),
    ],
)
def test_what_a_reference_reads(planned: Planner, blocks: str, before: int) -> None:
    graph = Graph(planned(IMAGE, blocks)).eval()
    x = images()
    seen: list[Tensor] = []
    graph.blocks[before].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    graph(x)
    assert torch.equal(graph.block_input(before, x), seen[0])
    if graph.stem_length:
        from_stem = graph.block_input(before, graph.stem(x), from_stem=True)
        assert torch.equal(from_stem, seen[0])


def test_a_reference_subtracts_what_it_is_given_else_the_mean(planned: Planner) -> None:
    graph = Graph(planned(IMAGE, FROZEN + REST + POOL)).eval()
    (block,) = (each for each in graph.blocks if isinstance(each, PersonReference))
    x, rest = images(), torch.randn(3, 64, 8, 8)
    pool, stem = nn.AvgPool2d(2), graph.stem(x)
    assert torch.equal(graph(x), pool(stem))
    block.mean_rest.fill_(0.25)
    torch.testing.assert_close(graph(x), pool(stem) - 0.25)
    torch.testing.assert_close(graph(x, rest), pool(stem - rest))
    assert "blocks.1.mean_rest" in graph.state_dict()


def model_text(encoder: str, data: str = "", decoder: str = "") -> str:
    """A whole cfg for 16x16 images, whose Encoder's blocks end in 8x8."""
    head = "[avgpool]\npool_size=8\nstride=8\n[connected]\noutput_features=6"
    enlarged = f"{decoder}[upsample]\nscale_factor=16\n[connected]\noutput_features=3"
    left_out = dict.fromkeys(("Discriminator", "Image Discriminator"))
    networks = {
        "Encoder": network("Encoder", 3, encoder + head),
        "Decoder": network("Decoder", 6, enlarged),
    }
    text = cfg_text({**left_out, **networks}, data)
    return "".join(
        line for line in text.splitlines(keepends=True) if "discr" not in line or "{" in line
    )


def planned_model(directory: Path, text: str) -> ModelPlan:
    return plan_model(read_config(written(directory, text), VOCABULARY), IMAGE[1:])


LEARNING = "[convolutional]\nfilters=4\nkernel_size=2\nstride=2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            model_text(LEARNING, "stem_views=3 # here"),
            "stem_views needs an encoder that begins with frozen blocks",
            id="views without a stem",
        ),
        pytest.param(
            model_text(f"{STEM}{POOL}{ENLARGED}", "stem_views=1 # here"),
            "stem_views needs an encoder that begins with frozen blocks",
            id="views with a stem that learns",
        ),
        pytest.param(
            model_text(f"{LEARNING}[person_reference] # here\n"),
            "[person_reference] reads a block that training changes",
            id="a reference of what is learnt",
        ),
        pytest.param(
            model_text(
                f"{FROZEN}[dropout]\nprobability=0.5\n[person_reference] # here\n", "stem_views=1"
            ),
            "[person_reference] reads a block that training changes",
            id="a reference of what is drawn",
        ),
        pytest.param(
            model_text(f"{FROZEN}{REST}[person_reference] # here\n"),
            "[person_reference] there can be only one [person_reference]",
            id="a second one",
        ),
        pytest.param(
            model_text(FROZEN, decoder="[person_reference] # here\n"),
            "[person_reference] can only be in {Encoder}",
            id="in the Decoder",
        ),
        pytest.param(
            model_text(FROZEN).replace(
                NETWORKS["AUPredictor"],
                network("AUPredictor", 2, f"{REST[:-1]} # here\n[connected]\noutput_features=3"),
            ),
            "[person_reference] can only be in {Encoder}",
            id="in the AUPredictor",
        ),
    ],
)
def test_impossible_networks_are_refused_at_their_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(CfgError) as error:
        planned_model(tmp_path, text)
    place = at_mark(tmp_path / "a.cfg", "")
    assert str(error.value).startswith(place) and message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("stem_views=0 # here", "stem_views=0: expected an integer of at least 1"),
        ("stem_views=1001 # here", "stem_views=1001: expected an integer of at least 1 and at"),
        ("person_reference=z2 # here", "person_reference=z2: expected one of z1 or None"),
    ],
)
def test_wrong_values_of_the_data_options(tmp_path: Path, data: str, said: str) -> None:
    with pytest.raises(CfgError) as error:
        planned_model(tmp_path, model_text(FROZEN, data))
    assert str(error.value).startswith(at_mark(tmp_path / "a.cfg", "")) and said in str(error.value)


def made(directory: Path, data: str = "", encoder: str = FROZEN) -> tuple[ModelPlan, AUDetNet]:
    text = model_text(encoder, data)
    plan = planned_model(directory, text)
    config = read_config(directory / "a.cfg", VOCABULARY)
    return plan, build_model(plan, config.data, seed=0).eval()


def test_the_encoder_continues_from_the_stems_output(tmp_path: Path) -> None:
    plan, model = made(tmp_path, "mean=0.4,0.5,0.6\nstd=0.2,0.3,0.4")
    stem = frozen_stem(model, plan, CPU)
    x = images()
    assert stem.row == (64, 1, 1) == tuple(stem.run(x).shape[1:])
    torch.testing.assert_close(model.encode_stem(stem.run(x)).whole, model.encode(x).whole)
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.4])
    normalised = (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    expected = model.encoder.blocks[0](normalised).mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(stem.run(x), expected)


def test_its_digest_tells_weights_and_pixels_apart_and_nothing_else(tmp_path: Path) -> None:
    plan, model = made(tmp_path)

    def digest() -> str:
        return frozen_stem(model, plan, CPU).made_by

    first = digest()
    assert first == digest(), "it is the same again"
    with torch.no_grad():
        for parameter in model.encoder.blocks[-1].parameters():
            parameter.add_(1)
    assert first == digest(), "what learns is none of it"
    with torch.no_grad():
        next(model.encoder.blocks[0].parameters())[0, 0, 0, 0] += 1e-3
    assert first != digest(), "one weight differs"
    others = [made(tmp_path, data) for data in ("mean=0.4,0.5,0.6", "std=0.2,0.2,0.2")]
    found = {first, *(frozen_stem(m, p, CPU).made_by for p, m in others)}
    assert len(found) == 3, "mean and std differ"
    same = made(tmp_path, "mean=127.5,127.5,127.5\nstd=127.5,127.5,127.5")
    assert frozen_stem(same[1], same[0], CPU).made_by == first, "the same in other units"
    pooled = made(tmp_path, encoder=FROZEN + "[maxpool]\npool_size=1\nstride=1\n")
    averaged = made(tmp_path, encoder=FROZEN + "[avgpool]\npool_size=1\nstride=1\n")
    digests = {frozen_stem(m, p, CPU).made_by for p, m in (pooled, averaged)}
    assert len(digests | {first}) == 3, "blocks without weights differ"
