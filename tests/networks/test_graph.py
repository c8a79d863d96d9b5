"""A network as a whole: which block reads which, what is kept, and its cost."""

import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from audetnet.config.language import CfgError
from audetnet.config.reader import read_config
from audetnet.networks.graph import INPUT, Graph, plan
from audetnet.networks.shapes import Shape
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import at_mark, encoder_text, replaced, written
from tests.networks.conftest import Planner

CONV = "[convolutional]\nfilters={}\nkernel_size={}\nstride={}\n"
SAME = "[convolutional]\nfilters=4\nkernel_size=3\nstride=1\npad=True\n"
BRANCHED = f"""
{SAME}activation=relu
{SAME}batch_normalise=1
activation=leaky_relu
[route]
branch_at_layer=0
[convolutional]
filters=4
kernel_size=1
stride=1
activation=sigmoid
[combine_multiply]
combine_layers=-1,1
[combine_concat]
combine_layers=-1, -5, -6
[select_subset]
origin_layer=-1
start_index=2
end_index=9
[connected]
output_features=5
"""
"""A stem, a branch, an attention map from the stem, and the input itself brought in late."""


class Branched(nn.Module):
    """The same network, written by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.branch = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4, eps=1e-4)
        self.attention = nn.Conv2d(4, 4, 1)
        self.last = nn.Linear(7, 5)

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x).relu()
        branch = nn.functional.leaky_relu(self.norm(self.branch(stem)), 0.01)
        product = self.attention(stem).sigmoid() * branch
        subset = torch.cat([product, stem, x], dim=1)[:, 2:9]
        output: Tensor = self.last(subset.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return output


def test_equals_a_network_written_by_hand(planned: Planner) -> None:
    """Outputs, gradients and batch-norm statistics."""
    torch.manual_seed(0)
    graph, by_hand = Graph(planned((3, 6, 5), BRANCHED)), Branched()
    own, others = list(graph.parameters()), list(by_hand.parameters())
    assert [p.shape for p in own] == [p.shape for p in others]
    for mine, other in zip(own, others, strict=True):
        other.data.copy_(mine.data)
    for training in (True, False):
        x = torch.randn(4, 3, 6, 5)
        output, expected = graph.train(training)(x), by_hand.train(training)(x)
        torch.testing.assert_close(output, expected)
        graph.zero_grad()
        by_hand.zero_grad()
        output.square().sum().backward()
        expected.square().sum().backward()
        for mine, other in zip(own, others, strict=True):
            torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_plan_of_a_branched_network(planned: Planner) -> None:
    network = planned((3, 6, 5), BRANCHED)
    assert [step.sources for step in network.steps] == [
        (INPUT,),
        (0,),
        (0,),
        (2,),
        (3, 1),
        (4, 0, INPUT),
        (5,),
        (6,),
    ]
    assert [step.shape[0] for step in network.steps] == [4, 4, 4, 4, 4, 11, 7, 5]
    assert (network.input, network.output) == ((3, 6, 5), (5, 6, 5))


@pytest.mark.parametrize(
    ("position", "reference", "source"),
    [
        pytest.param(0, -1, INPUT, id="-1 in the first block is the input"),
        pytest.param(1, -1, 0, id="the block before"),
        pytest.param(1, -2, INPUT, id="the input, from the second block"),
        pytest.param(1, 0, 0, id="0 is the first block"),
        pytest.param(4, 0, 0, id="0 is the first block, not the block itself"),
        pytest.param(4, 3, 3, id="the last one before, absolute"),
        pytest.param(4, -1, 3, id="the last one before, relative"),
        pytest.param(4, -2, 2, id="the block two before this one"),
        pytest.param(4, -4, 0, id="the first block, relative"),
        pytest.param(4, -5, INPUT, id="the input"),
    ],
)
def test_block_references(planned: Planner, position: int, reference: int, source: int) -> None:
    """Each block's width is its index, so that the output shows which one was read."""
    blocks = "".join(CONV.format(10 + index, 1, 1) for index in range(position))
    network = planned((3, 2, 2), f"{blocks}[route]\nbranch_at_layer={reference}")
    assert network.steps[-1].sources == (source,)
    assert network.output[0] == (3 if source == INPUT else 10 + source)


def test_an_output_is_kept_until_its_last_reader(planned: Planner) -> None:
    graph = Graph(planned((3, 6, 5), BRANCHED))
    made: dict[int, weakref.ref[Tensor]] = {}
    alive: list[set[int]] = []

    def look(*_: object) -> None:
        alive.append({index for index, output in made.items() if output() is not None})

    def note(index: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            made[index] = weakref.ref(output)

        return hook

    for index, block in enumerate(graph.blocks):
        block.register_forward_pre_hook(look)
        block.register_forward_hook(note(index))
    with torch.no_grad():
        output = graph(torch.randn(2, 3, 6, 5))
    look()
    # What lives when each of the eight blocks starts. 2, a [route], is the tensor of 0 itself;
    # 6, a [select_subset], is a view of 5 and holds it.
    assert alive[:8] == [set(), {0}, {0, 1}, {0, 1, 2}, {0, 1, 2, 3}, {0, 2, 4}, {5}, {5, 6}]
    assert alive[8] == {7}
    assert made[7]() is output


def test_an_unused_branch_is_dropped(planned: Planner) -> None:
    """And is harmless: the last block's output is the network's."""
    graph = Graph(planned((3, 4, 4), f"{SAME}[route]\nbranch_at_layer=-2\n[identity]"))
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(graph(x), x)


def test_runs_again_with_other_inputs(planned: Planner) -> None:
    """No output of one batch is left for the next; the batch and the image may differ in size."""
    graph = Graph(planned((3, 6, 5), BRANCHED)).eval()
    x = torch.randn(3, 3, 6, 5)
    first = graph(x)
    assert graph(torch.randn(1, 3, 9, 9)).shape == (1, 5, 9, 9)
    torch.testing.assert_close(graph(x), first, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("source", "block", "parameters", "flops"),
    [
        # outputs x multiply-adds for each x 2
        ((3, 8, 8), CONV.format(5, 3, 1), 5 * 3 * 9 + 5, 5 * 6 * 6 * (3 * 9) * 2),
        ((3, 8, 8), CONV.format(5, 3, 1) + "pad=1", 5 * 3 * 9 + 5, 5 * 8 * 8 * (3 * 9) * 2),
        (
            (3, 8, 6),
            CONV.format(5, 2, 2) + "batch_normalise=1\nactivation=relu",
            5 * 3 * 4 + 2 * 5,
            5 * 4 * 3 * (3 * 4) * 2,
        ),
        ((7, 1, 1), "[connected]\noutput_features=5", 7 * 5 + 5, 7 * 5 * 2),
        ((7, 1, 1), "[connected]\noutput_features=5\nuse_bias=False", 7 * 5, 7 * 5 * 2),
        ((7, 4, 3), "[connected]\noutput_features=5", 7 * 5 + 5, 4 * 3 * 7 * 5 * 2),
        ((7, 4, 3), "[connected]\noutput_features=5\nuse_bias=False", 35, 4 * 3 * 7 * 5 * 2),
        ((7, 4, 3), "[batch_norm]\nnum_features=7", 14, 0),
        ((7, 4, 4), "[maxpool]\npool_size=2\nstride=2", 0, 0),
        ((7, 4, 4), "[softmax]", 0, 0),
        ((7, 4, 4), "[combine_multiply]\ncombine_layers=-1,-1", 0, 0),
    ],
)
def test_parameters_and_operations_of_an_image(
    planned: Planner, source: Shape, block: str, parameters: int, flops: int
) -> None:
    (step,) = planned(source, block).steps
    assert (step.parameters, step.flops) == (parameters, flops)


def test_planning_allocates_nothing(planned: Planner) -> None:
    """Four terabytes of weights; the published ones of a stem are not looked for either."""
    (step,) = planned((10**6, 1, 1), "[connected]\noutput_features=1000000").steps
    assert (step.parameters, step.flops) == (10**12 + 10**6, 2 * 10**12)
    (step,) = planned((3, 64, 64), "[vgg-face]\nstate_dict_filepath=absent.pth").steps
    assert step.shape == (512, 2, 2)


def test_planning_draws_nothing(planned: Planner) -> None:
    state = torch.random.get_rng_state()
    planned(
        (3, 6, 5), BRANCHED.replace("[connected]", "[connected]\ninitialization=kaiming_uniform")
    )
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_input_must_have_the_channels_of_net(tmp_path: Path) -> None:
    text = replaced(encoder_text((3, 4, 4), "[identity]"), ("channels=3", "channels=3 # here"))
    path = written(tmp_path, text)
    with pytest.raises(CfgError) as error:
        plan(read_config(path, VOCABULARY).networks["Encoder"], (5, 4, 4))
    assert str(error.value) == at_mark(
        path, "[net] channels=3 but the input of {Encoder} has 5 channels"
    )


def test_the_first_block_that_does_not_fit_is_named(tmp_path: Path) -> None:
    blocks = "[identity]\n[maxpool] # here\npool_size=5\nstride=1\n[maxpool]\npool_size=9\nstride=1"
    path = written(tmp_path, encoder_text((3, 4, 4), blocks))
    with pytest.raises(CfgError) as error:
        plan(read_config(path, VOCABULARY).networks["Encoder"], (3, 4, 4))
    assert str(error.value).startswith(at_mark(path, "[maxpool] a 5x5 window"))
