"""The tables of --describe: z1, z2, each block, and correct sums."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from audetnet.config.reader import read_config
from audetnet.networks.description import describe
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import ModelPlan, plan_model
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import NETWORKS, cfg_text, network, replaced, written
from tests.objectives.conftest import objectives_cfg

NO_CRITICS = {"Discriminator": None, "Image Discriminator": None}
WHOLE_CODE = {"AUPredictor": replaced(NETWORKS["AUPredictor"], ("channels=2", "channels=6"))}


def planned(directory: Path, networks: Mapping[str, str | None]) -> ModelPlan:
    return plan_model(read_config(written(directory, cfg_text(networks)), VOCABULARY), (8, 8))


def tables(text: str) -> dict[str, list[list[str]]]:
    """The lines of each network's table as words; the first line holds its note."""
    return {
        table[: table.index("}") + 1]: [line.split() for line in table.splitlines()]
        for table in text.split("\n\n")
        if table.startswith("{")
    }


@pytest.mark.parametrize(
    ("networks", "notes"),
    [
        (
            {},
            [
                "{Encoder}  code 6x1x1: z1 = channels 0-1 (2), z2 = channels 2-5 (4)",
                "{AUPredictor}  reads z1 (2 channels)",
                "{Decoder}  reads (z1, z2)",
                "{Discriminator}  reads pairs (z1, z2)",
                "{Image Discriminator}  reads images",
            ],
        ),
        (
            NO_CRITICS,
            [
                "{Encoder}  code 6x1x1: z1 = channels 0-1 (2), z2 = channels 2-5 (4)",
                "{AUPredictor}  reads z1 (2 channels)",
                "{Decoder}  reads (z1, z2)",
            ],
        ),
        (
            WHOLE_CODE,  # whose Discriminator is not used
            [
                "{Encoder}  code 6x1x1: z1 = channels 0-5 (6), no z2",
                "{AUPredictor}  reads z1 (6 channels)",
                "{Decoder}  reads z1, the whole code",
                "{Image Discriminator}  reads images",
            ],
        ),
    ],
)
def test_each_network_says_what_it_reads(
    tmp_path: Path, networks: Mapping[str, str | None], notes: list[str]
) -> None:
    text = describe(planned(tmp_path, networks))
    assert [line for line in text.splitlines() if line.startswith("{")] == notes


def test_a_critic_of_one_block_says_so(tmp_path: Path) -> None:
    text = objectives_cfg("[au_adversary]\ncritic=AU Discriminator", critics=("AU Discriminator",))
    plan = plan_model(read_config(written(tmp_path, text), VOCABULARY), (8, 8))
    described = describe(plan)
    assert "{AU Discriminator}  reads z2 (4 channels)" in described.splitlines()
    rows = [line.split() for line in described.splitlines()]
    assert ["au_adversary", "1", "AU", "Discriminator", "z2"] in rows


def test_rows(tmp_path: Path) -> None:
    """By hand: 8x8 windows of 3 channels to 4 filters and their batch norm; 4 features to 6."""
    rows = tables(describe(planned(tmp_path, {})))["{Encoder}"]
    convolution, connected = 4 * 3 * 64, 4 * 6
    assert rows[2:] == [
        ["0", "convolutional", "input", "4x1x1", str(convolution + 2 * 4), "0.0000"],
        ["1", "connected", "0", "6x1x1", str(connected + 6), "0.0000"],
        ["total", "6x1x1", str(convolution + 8 + connected + 6), "0.0000"],
    ]


def test_rows_of_a_large_branched_network(tmp_path: Path) -> None:
    encoder = network(
        "Encoder",
        3,
        """
[convolutional]
filters=1000
kernel_size=7
stride=1
pad=True
[route]
branch_at_layer=-2
[combine_concat]
combine_layers=0,-1, -3
[avgpool]
pool_size=8
stride=8
[connected]
output_features=6
""",
    )
    rows = tables(describe(planned(tmp_path, {"Encoder": encoder})))["{Encoder}"]
    flops = 1000 * 3 * 49 * 64 * 2 / 1e9
    assert rows[2:] == [
        ["0", "convolutional", "input", "1000x8x8", "148,000", f"{flops:.4f}"],
        ["1", "route", "input", "3x8x8", "0", "0.0000"],
        ["2", "combine_concat", "0,1,input", "1006x8x8", "0", "0.0000"],
        ["3", "avgpool", "2", "1006x1x1", "0", "0.0000"],
        ["4", "connected", "3", "6x1x1", "6,042", "0.0000"],
        ["total", "6x1x1", "154,042", f"{flops + 1006 * 6 * 2 / 1e9:.4f}"],
    ]


@pytest.mark.parametrize("networks", [{}, NO_CRITICS, WHOLE_CODE])
def test_totals_are_those_of_the_model_that_is_built(
    tmp_path: Path, networks: Mapping[str, str | None]
) -> None:
    plan = planned(tmp_path, networks)
    config = read_config(tmp_path / "a.cfg", VOCABULARY)
    model = build_model(plan, config.data, seed=0)
    text = describe(plan)
    counts = [
        sum(parameter.numel() for parameter in graph.parameters())
        for graph in model.networks().values()
    ]
    shown = [int(rows[-1][2].replace(",", "")) for rows in tables(text).values()]
    assert shown == counts
    last = text.splitlines()[-1]
    assert last.startswith(f"all networks: {sum(counts):,} parameters, ")
    flops = sum(
        step.flops for network_plan in plan.networks.values() for step in network_plan.steps
    )
    assert last.endswith(f" {flops / 1e9:.4f} GFLOP per image (one forward pass)")


def test_frozen_parameters_are_shown(tmp_path: Path) -> None:
    encoder = network(
        "Encoder",
        3,
        "[resnet50]\nend_at_layer=2\nfreeze_first_n_layers=1\n[avgpool]\npool_size=4\nstride=4\n"
        "[connected]\noutput_features=6",
    )
    text = describe(planned(tmp_path, NO_CRITICS | {"Encoder": encoder}))
    convolution = 64 * 3 * 49
    stem = convolution + 2 * 64
    assert f" {stem:,} ({convolution:,} frozen) " in text
    total = stem + 64 * 6 + 6
    assert f" {total:,} ({convolution:,} frozen) " in text
    assert f"all networks: {total + 9 + 165:,} ({convolution:,} frozen) parameters" in text


def test_columns_line_up(tmp_path: Path) -> None:
    for table in describe(planned(tmp_path, {})).split("\n\n")[:-2]:
        _, *rows = table.splitlines()
        assert len({len(row) for row in rows}) == 1
