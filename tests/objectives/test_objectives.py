"""{Objectives} in a cfg, the lambdas, and that the two cannot contradict each other."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from audetnet.config.language import CfgError
from audetnet.config.reader import parse_config
from audetnet.networks.description import describe
from audetnet.networks.model_plan import ModelPlan
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import OBJECTIVES, Objective, objectives_of
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import cfg_text, network, replaced
from tests.objectives.conftest import objectives_cfg

AS_LAMBDAS = """[reconstruction]
weight=1
[au_loss]
[wgan_gp_codes]
weight=0.1
penalty_weight=10
[wgan_gp_images]
weight=0.01
penalty_weight=20
"""
BOTH_CRITICS = ("Discriminator", "Image Discriminator")


def _with_all_critics(blocks: str) -> str:
    image = "[convolutional]\nfilters=1\nkernel_size=8\nstride=8"
    text = objectives_cfg(blocks, critics=("Discriminator",))
    return text + network("Image Discriminator", 3, image)


def test_every_file_of_the_room_is_known() -> None:
    assert set(VOCABULARY.objectives) == set(OBJECTIVES)
    assert {"au_loss", "reconstruction", "distance_correlation"} <= set(OBJECTIVES)


def test_the_lambdas_stand_for_objectives(planned: Callable[[str], ModelPlan]) -> None:
    of_lambdas, of_blocks = (
        objectives_of(planned(cfg_text())),
        objectives_of(planned(_with_all_critics(AS_LAMBDAS))),
    )
    assert of_lambdas == of_blocks
    assert [objective.weight for objective in of_lambdas] == [1, 1, 0.1, 0.01]


def test_an_absent_critic_is_no_objective(planned: Callable[[str], ModelPlan]) -> None:
    plan = planned(cfg_text(dict.fromkeys(BOTH_CRITICS)))
    assert [type(each).__name__ for each in objectives_of(plan)] == ["Reconstruction", "AULoss"]
    assert set(plan.networks) == {"Encoder", "AUPredictor", "Decoder"}


def test_the_au_loss_is_always_an_objective_and_can_be_weighted(
    planned: Callable[[str], ModelPlan],
) -> None:
    assert [each.weight for each in objectives_of(planned(objectives_cfg("[reconstruction]")))] == [
        1,
        1,
    ]
    plan = planned(objectives_cfg("[reconstruction]\n[au_loss]\nweight=3"))
    assert [(type(each).__name__, each.weight) for each in objectives_of(plan)] == [
        ("Reconstruction", 1),
        ("AULoss", 3),
    ]


@pytest.mark.parametrize(
    ("ramp", "expected"),
    [(0, [2, 2, 2, 2, 2]), (1, [0, 2, 2, 2, 2]), (4, [0, 0.5, 1, 1.5, 2])],
)
def test_a_weight_is_reached_after_its_ramp(ramp: int, expected: list[float]) -> None:
    (kind,) = (OBJECTIVES["reconstruction"],)
    objective = replace(kind(), weight=2.0, ramp_epochs=ramp)
    assert [objective.weight_in(epoch) for epoch in range(1, 6)] == expected


@pytest.mark.parametrize(
    ("blocks", "reached"),
    [("", [True, True]), ("gradient_to=z2", [False, True]), ("gradient_to=z1", [True, False])],
)
def test_the_reconstruction_may_be_kept_out_of_a_block(
    blocks: str,
    reached: list[bool],
    planned: Callable[[str], ModelPlan],
    forward: Callable[..., Forward],
) -> None:
    plan = planned(objectives_cfg(f"[reconstruction]\n{blocks}"))
    made = forward(plan)
    loss, _ = objectives_of(plan)[1].main_loss(made)
    (gradient,) = torch.autograd.grad(loss, made.code.whole, retain_graph=True)
    z1 = plan.z1_channels
    assert [bool(gradient[:, :z1].any()), bool(gradient[:, z1:].any())] == reached
    loss.backward()
    assert all(parameter.grad is not None for parameter in made.model.decoder.parameters())


def test_l2_is_another_loss(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    plan = planned(objectives_cfg("[reconstruction]\nloss=L2"))
    made = forward(plan)
    loss, _ = objectives_of(plan)[1].main_loss(made)
    difference = made.reconstruction() - made.image
    torch.testing.assert_close(loss, (difference**2).mean())


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (
            replaced(
                objectives_cfg("[reconstruction]"),
                ("[loss_options]\n", "[loss_options]\nreconstruction_loss_lambda=1\n"),
            ),
            "reconstruction_loss_lambda=1",
            ["{Objectives}", "delete it", "[reconstruction]"],
        ),
        (objectives_cfg("[reconstrution]"), "[reconstrution]", ["did you mean 'reconstruction'"]),
        (
            objectives_cfg("[reconstruction]", critics=("Ratio Discriminator",)),
            "{Ratio Discriminator}",
            ["belongs to no objective", "critic=Ratio Discriminator"],
        ),
        (
            objectives_cfg("[density_ratio]\ncritic=Gone Discriminator"),
            "critic=Gone Discriminator",
            ["section", "Discriminator"],
        ),
        (
            objectives_cfg("[density_ratio]\ncritic=Encoder"),
            "critic=Encoder",
            ["ends with Discriminator"],
        ),
        (
            objectives_cfg(
                "[wgan_gp_codes]\n[density_ratio]\ncritic=Discriminator",
                critics=("Discriminator",),
            ),
            "critic=Discriminator",
            ["[wgan_gp_codes]", "needs its own"],
        ),
        (
            cfg_text() + network("Ratio Discriminator", 6, "[connected]\noutput_features=1"),
            "{Ratio Discriminator}",
            ["unknown section"],
        ),
    ],
    ids=[
        "a lambda beside",
        "a typo",
        "a critic of nobody",
        "no such section",
        "not a critic's section",
        "a critic of two",
        "a further critic without {Objectives}",
    ],
)
def test_mistakes_name_their_line(text: str, place: str, words: list[str], tmp_path: Path) -> None:
    (line,) = (n for n, row in enumerate(text.splitlines(), start=1) if row == place)
    with pytest.raises(CfgError) as caught:
        parse_config(text, "a.cfg", VOCABULARY)
    assert str(caught.value).startswith(f"a.cfg:{line}: ")
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        (["[reconstruction]", "[reconstruction]\nloss=L2"], []),
        (["[au_loss]", "[reconstruction]", "[au_loss]\nweight=2"], []),
        (
            [
                "[distance_correlation]\nof=z2,labels",
                "[distance_correlation]\nof=z1,z2",
                "[distance_correlation]\ngradient_to=both\nof=z1,z2",
            ],
            ["z1,z2"],
        ),
    ],
    ids=["alike but for an option", "with others between", "of the same, beside one of others"],
)
def test_objectives_with_the_same_log_name_are_refused(blocks: list[str], words: list[str]) -> None:
    text = objectives_cfg("\n".join(blocks))
    name = blocks[-1].splitlines()[0]
    lines = [n for n, row in enumerate(text.splitlines(), start=1) if row == name]
    with pytest.raises(CfgError) as caught:
        parse_config(text, "a.cfg", VOCABULARY)
    assert str(caught.value).startswith(f"a.cfg:{lines[-1]}: {name} ")
    assert f"line {lines[-2]};" in str(caught.value)
    assert all(word in str(caught.value) for word in words)


def test_two_of_one_kind_are_told_apart_in_the_description(
    planned: Callable[[str], ModelPlan],
) -> None:
    of = ("z1,z2", "z2,labels")
    text = objectives_cfg("\n".join(f"[distance_correlation]\nof={sides}" for sides in of))
    rows = describe(planned(text)).splitlines()
    for sides in of:
        assert sum(sides in row for row in rows if row.startswith("distance_correlation")) == 1


def test_critics_whose_names_differ_in_capitals_only_are_refused() -> None:
    """Checkpoints and logs would have only one of them."""
    critics = ("A Discriminator", "a Discriminator")
    text = objectives_cfg("\n".join(f"[density_ratio]\ncritic={name}" for name in critics))
    text += "".join(network(name, 6, "[connected]\noutput_features=1") for name in critics)
    with pytest.raises(CfgError, match=r"\{A Discriminator\}.*another name"):
        parse_config(text, "a.cfg", VOCABULARY)


def test_objectives_of_z2_are_not_used_where_there_is_none(
    planned: Callable[[str], ModelPlan],
) -> None:
    text = objectives_cfg("[distance_correlation]\nof=z1,z2")
    text = replaced(
        text,
        (
            "{AUPredictor}\n[net]\nlearning_rate=0.001\nbeta1=0.5\nbeta2=0.99\nchannels=2",
            "{AUPredictor}\n[net]\nlearning_rate=0.001\nbeta1=0.5\nbeta2=0.99\nchannels=6",
        ),
    )
    plan = planned(text)
    assert [type(each).__name__ for each in objectives_of(plan)] == ["AULoss"]
    assert any("z2 is empty" in warning for warning in plan.warnings)


def test_they_are_described_and_recorded(planned: Callable[[str], ModelPlan]) -> None:
    text = objectives_cfg("[reconstruction]\ngradient_to=z2\n[distance_correlation]\nof=z1,z2")
    table = describe(planned(text)).split("\n\n")[-2]
    rows = [line.split() for line in table.splitlines()]
    assert ["reconstruction", "1", "-", "decoder,", "z2"] in rows
    assert ["distance_correlation", "1", "-", "z2", "(of", "z1,z2)"] in rows
    resolved = parse_config(text, "a.cfg", VOCABULARY).resolved()["objectives"]
    assert resolved[1] == {
        "type": "reconstruction",
        "weight": 1.0,
        "ramp_epochs": 0,
        "loss": "L1",
        "gradient_to": "z2",
    }


def test_an_objective_is_its_options() -> None:
    """Two of the same options are equal, and none can be changed."""
    for kind in OBJECTIVES.values():
        assert issubclass(kind, Objective)
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
