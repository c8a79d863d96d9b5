"""One batch: who is updated, when, and from what."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from audetnet.config.options import Config, network_name
from audetnet.config.reader import read_config
from audetnet.data.augment import Augmentation, to_unit_range
from audetnet.data.batches import Batch
from audetnet.distributed.world import World
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import AUDetNet, build_model
from audetnet.networks.model_plan import plan_model
from audetnet.objectives.critics import scores
from audetnet.objectives.objective import Terms, objectives_of
from audetnet.objectives.wgan_gp import WassersteinCritic
from audetnet.training.meter import Meter
from audetnet.training.step import MAIN_NETWORKS, TrainingStep, gradient_norm, make_optimisers
from audetnet.vocabulary import VOCABULARY
from tests.objectives.all_objectives import with_objectives
from tests.training.conftest import waiting_refused
from tests.whole_batches import whole_batch

CRITICS = ("discriminator", "image_discriminator")
NO_AUGMENTATION = Augmentation(flip=0.0, colour=0.0, noise=(0.0, 0.0))


class Bench:
    """A model of a cfg, its optimisers and its step, and the order in which optimisers step."""

    def __init__(self, cfg: Path) -> None:
        self.config: Config = read_config(cfg, VOCABULARY)
        plan = plan_model(self.config, (64, 64))
        self.model: AUDetNet = build_model(plan, self.config.data, seed=0)
        self.optimisers = make_optimisers(self.model, self.config)
        self.order: list[str] = []
        for name, optimiser in self.optimisers.items():
            optimiser.register_step_pre_hook(lambda *_, name=name: self.order.append(name))
        self.objectives = objectives_of(plan)
        self.head = AUHead("BCEWithLogits", False, 2.0)
        self._step = TrainingStep(
            self.model,
            self.optimisers,
            self.objectives,
            self.config.training.train_main_net_every_n_batches,
            self.head,
            0,
            self.precision,
            NO_AUGMENTATION,
            World(),
        )

    def step(self, batch: Batch, number: int, epoch: int, index: int) -> list[Terms]:
        return self._step(batch, number, epoch, index)

    @staticmethod
    def precision() -> torch.autocast:
        return torch.autocast("cpu", enabled=False)

    def weights(self) -> dict[str, list[Tensor]]:
        return {
            name: [parameter.detach().clone() for parameter in network.parameters()]
            for name, network in self.model.networks().items()
        }


def a_batch(count: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (count, 3, 64, 64), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 6, (count, 12), generator=generator).float()
    labels[0, 0] = float("nan")
    return whole_batch(frames, labels)


@pytest.fixture
def bench(edited_cfg: Callable[..., Path]) -> Bench:
    return Bench(edited_cfg())


def wasserstein_critics(bench: Bench) -> list[WassersteinCritic]:
    return [each for each in bench.objectives if isinstance(each, WassersteinCritic)]


def changed(before: list[Tensor], after: list[Tensor]) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_critics_step_every_batch_and_the_main_network_every_nth(bench: Bench) -> None:
    """With train_main_net_every_n_batches=2: batches 2 and 4 of 5, and critics first."""
    for number in range(1, 6):
        bench.step(a_batch(), number, epoch=1, index=number - 1)
    critics = list(CRITICS)
    both = [*critics, *MAIN_NETWORKS]
    assert bench.order == [*critics, *both, *critics, *both, *critics]


@pytest.mark.parametrize(("number", "main"), [(1, False), (2, True)])
def test_only_stepped_networks_change(bench: Bench, number: int, main: bool) -> None:
    before = bench.weights()
    bench.step(a_batch(), number, epoch=1, index=0)
    after = bench.weights()
    for name in before:
        assert changed(before[name], after[name]) == (name in CRITICS or main), name


def test_critics_see_the_main_network_as_it_was_and_it_sees_the_updated_critics(
    bench: Bench,
) -> None:
    """The terms of a main step, recomputed by hand from the losses."""
    batch = a_batch()
    twin = build_model(plan_model(bench.config, (64, 64)), bench.config.data, seed=0)
    twin.train()
    groups = bench.step(batch, 2, epoch=1, index=0)
    terms = {name: term.detach() for group in groups for name, term in group.items()}

    pixels = to_unit_range(batch.frames)
    code = twin.encode(pixels)
    made, image = twin.decode(code), pixels * 2 - 1
    au = bench.head.loss(twin.predict(code), batch.labels)
    torch.testing.assert_close(terms["au_loss"], au.detach())
    reconstruction = (made - image).abs().mean()
    torch.testing.assert_close(terms["reconstruction_loss"], reconstruction.detach())
    critic = twin.network("Image Discriminator")
    distance = scores(critic, image).mean() - scores(critic, made).mean()
    torch.testing.assert_close(terms["image_discriminator_distance"], distance.detach())

    weight = bench.config.loss.reconstruction_loss_lambda
    assert weight is not None
    total = au + weight * reconstruction
    examples = {"discriminator": code.whole, "image_discriminator": made}
    for each in wasserstein_critics(bench):
        name = network_name(each.critic)
        score = scores(bench.model.network(each.critic), examples[name]).mean()
        torch.testing.assert_close(terms[f"{name}_made_score"], score.detach())
        total = total - each.weight * score
    torch.testing.assert_close(terms["main_loss"], total.detach())


def test_pair_critic_compares_shuffled_with_joint_codes(bench: Bench) -> None:
    """Its distance is that of the codes and some roll of their z2."""
    batch = a_batch(3)
    twin = build_model(plan_model(bench.config, (64, 64)), bench.config.data, seed=0)
    (terms, *_) = bench.step(batch, 1, epoch=1, index=0)
    twin.train()
    critic = twin.network("Discriminator")
    with torch.no_grad():
        code = twin.encode(to_unit_range(batch.frames))
        joint = scores(critic, code.whole).mean()
        possible = [
            float(scores(critic, code.shuffled(torch.arange(3).roll(roll)).whole).mean() - joint)
            for roll in (1, 2)
        ]
    found = float(terms["discriminator_distance"].detach())
    assert any(abs(found - value) < 1e-6 for value in possible)


def test_no_graph_of_the_main_network_on_critic_only_batches(bench: Bench) -> None:
    bench.step(a_batch(), 1, epoch=1, index=0)
    for name in MAIN_NETWORKS:
        parameters = bench.model.networks()[name].parameters()
        assert all(parameter.grad is None for parameter in parameters)


def test_main_step_leaves_no_gradient_in_critics_but_their_own(bench: Bench) -> None:
    """After a main step a critic's gradients are still those of its own loss."""
    bench.step(a_batch(), 2, epoch=1, index=0)
    twin = Bench(bench.config.path)
    twin.step(a_batch(), 1, epoch=1, index=0)
    for name in CRITICS:
        mine = list(bench.model.networks()[name].parameters())
        other = list(twin.model.networks()[name].parameters())
        assert all(parameter.requires_grad for parameter in mine)
        for a, b in zip(mine, other, strict=True):
            assert a.grad is not None and b.grad is not None
            assert torch.equal(a.grad, b.grad)


@pytest.mark.parametrize(("number", "decoded"), [(1, False), (2, True)])
def test_without_an_image_critic_the_decoder_runs_only_where_it_is_used(
    edited_cfg: Callable[..., Path], number: int, decoded: bool
) -> None:
    cfg = edited_cfg()
    text = cfg.read_text()
    cfg.write_text(text[: text.index("{Image Discriminator}")])
    bench = Bench(cfg)
    runs: list[int] = []
    bench.model.decoder.register_forward_pre_hook(lambda *_: runs.append(1))
    bench.step(a_batch(), number, epoch=1, index=0)
    assert bool(runs) == decoded


def test_without_critics_batches_between_main_steps_do_nothing(
    edited_cfg: Callable[..., Path],
) -> None:
    cfg = edited_cfg()
    text = cfg.read_text()
    cfg.write_text(text[: text.index("{Discriminator}")])
    bench = Bench(cfg)
    assert bench.step(a_batch(), 1, epoch=1, index=0) == []
    assert bench.order == []
    (terms,) = bench.step(a_batch(), 2, epoch=1, index=1)
    assert bench.order == list(MAIN_NETWORKS)
    assert set(terms) >= {"au_loss", "reconstruction_loss", "main_loss"}


def test_the_same_batch_gives_the_same_step_and_another_epoch_another(bench: Bench) -> None:
    """Random draws depend on (seed, epoch, batch) only, not on what ran before."""
    torch.manual_seed(1)
    first = bench.step(a_batch(), 1, epoch=1, index=0)
    torch.manual_seed(2)
    again = Bench(bench.config.path).step(a_batch(), 1, epoch=1, index=0)
    other = Bench(bench.config.path).step(a_batch(), 1, epoch=2, index=0)
    penalty = "image_discriminator_penalty"
    assert torch.equal(first[1][penalty], again[1][penalty])
    assert not torch.equal(first[1][penalty], other[1][penalty])


def test_optimisers_have_the_rates_of_their_networks(edited_cfg: Callable[..., Path]) -> None:
    cfg = edited_cfg(
        ("learning_rate=0.001\nbeta1=0.5\nbeta2=0.99", "learning_rate=0.5\nbeta1=0.1\nbeta2=0.2")
    )
    optimisers = Bench(cfg).optimisers
    encoder, predictor = (optimisers[name].param_groups[0] for name in ("encoder", "predictor"))
    assert (encoder["lr"], encoder["betas"]) == (0.5, (0.1, 0.2))
    assert (predictor["lr"], predictor["betas"]) == (0.001, (0.5, 0.99))


def test_frozen_parameters_have_no_optimiser(bench: Bench) -> None:
    bench.model.decoder.requires_grad_(False)
    assert "decoder" not in make_optimisers(bench.model, bench.config)


def test_critic_terms_equal_the_loss_of_the_weights_before_the_step(bench: Bench) -> None:
    """A critic's terms are consistent: loss = lambda * penalty - distance."""
    groups = bench.step(a_batch(), 1, epoch=1, index=0)
    for terms, each in zip(groups, wasserstein_critics(bench), strict=True):
        name = network_name(each.critic)
        expected = each.penalty_weight * terms[f"{name}_penalty"] - terms[f"{name}_distance"]
        torch.testing.assert_close(terms[f"{name}_loss"].detach(), expected.detach())


def test_bf16_keeps_critics_in_float32(bench: Bench) -> None:
    """Under autocast the critics get float32 and compute in it."""
    bench.precision = lambda: torch.autocast("cpu", torch.bfloat16)  # type: ignore[method-assign]
    step = TrainingStep(
        bench.model,
        bench.optimisers,
        bench.objectives,
        bench.config.training.train_main_net_every_n_batches,
        bench.head,
        0,
        bench.precision,
        NO_AUGMENTATION,
        World(),
    )
    seen: set[torch.dtype] = set()

    def note(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        seen.update({inputs[0].dtype, output.dtype})

    for name in CRITICS:
        bench.model.networks()[name].register_forward_hook(note)
    groups = step(a_batch(), 2, epoch=1, index=0)
    assert seen == {torch.float32}
    assert all(term.isfinite() for group in groups for term in group.values())


class HostReads(TorchDispatchMode):
    """Records every operation that would copy a value from a GPU to the host or a constant to the
    GPU: both make the host wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), keywords: Any = None
    ) -> Any:
        waiting = ("_local_scalar_dense", "lift_fresh", "nonzero", "masked_select", "is_nonzero")
        if any(name in str(function) for name in waiting):
            self.found.append(str(function))
        return function(*arguments, **(keywords or {}))


def test_the_watch_for_host_reads_sees_them() -> None:
    with HostReads() as reads:
        torch.tensor([1.0])
        torch.ones(2).sum().item()
    assert reads.found == ["aten.lift_fresh.default", "aten._local_scalar_dense.default"]


@pytest.fixture(params=["wgan_gp", "other objectives"])
def pursuing(request: pytest.FixtureRequest, edited_cfg: Callable[..., Path]) -> Bench:
    """One bench for each objective."""
    cfg = edited_cfg()
    if request.param != "wgan_gp":
        cfg.write_text(with_objectives(cfg.read_text()))
    bench = Bench(cfg)
    if request.param != "wgan_gp":
        said = {each.type for each in bench.config.objectives}
        assert said == VOCABULARY.objectives.keys() - {"wgan_gp_codes", "wgan_gp_images"}
    return bench


@pytest.mark.parametrize("number", [1, 2])
def test_a_step_never_waits_for_its_values(pursuing: Bench, number: int) -> None:
    """Draws, augmentation, critics, main network, terms added to a meter."""
    meter, batch = Meter(), a_batch()
    with HostReads() as reads:
        for terms in pursuing.step(batch, number, epoch=1, index=0):
            meter.add(terms, 4, 1)
    assert reads.found == []


@pytest.mark.cuda
@pytest.mark.parametrize("number", [1, 2])
def test_a_step_never_waits_for_a_gpu(pursuing: Bench, number: int) -> None:
    meter, device, cpu = Meter(), torch.device("cuda", 0), a_batch()
    pursuing.model.to(device)
    batch = whole_batch(cpu.frames.to(device), cpu.labels.to(device))
    pursuing.step(batch, number, epoch=1, index=0)
    with waiting_refused():
        for terms in pursuing.step(batch, number + 2, epoch=1, index=1):
            meter.add(terms, 4, 1)


def test_gradient_norm_covers_all_parameters() -> None:
    network = nn.Linear(3, 2)
    network.weight.grad = torch.full_like(network.weight, 2.0)
    network.bias.grad = torch.full_like(network.bias, 3.0)
    norm = gradient_norm(network)
    np.testing.assert_allclose(norm.item(), np.sqrt(6 * 4 + 2 * 9), rtol=1e-6)
