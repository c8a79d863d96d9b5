"""One training step: always the critics, on every n-th batch the main networks too. No value leaves
the device.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from audetnet.config.options import MAIN_SECTIONS, Config, network_name
from audetnet.data.augment import Augmentation, Draws, apply, concatenate, jitter, to_unit_range
from audetnet.data.batches import Batch
from audetnet.distributed.world import World
from audetnet.errors import UserError
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import AUDetNet
from audetnet.objectives.forward import BatchDraws, Forward
from audetnet.objectives.objective import Objective, Terms
from audetnet.seeds import Purpose, numpy_generator, seeded, torch_generator
from audetnet.training.preparation import PeopleAtRest

MAIN_NETWORKS = tuple(map(network_name, MAIN_SECTIONS))
AUGMENTATION_GROUP = 16
"""Images whose augmentation comes from the same generator. So a process draws only for its own part
of a batch and a few more images, but the draws do not depend on how the batch was split.
"""


def make_optimisers(model: AUDetNet, config: Config) -> dict[str, Optimizer]:
    """One Adam per trainable network, with its own learning rate and betas.

    The cfg's rate is kept as ``base_lr`` of the parameter group; the schedule sets ``lr`` from it.
    """
    networks = model.networks()
    optimisers: dict[str, Optimizer] = {}
    for section, options in config.networks.items():
        name = network_name(section)
        if name not in networks:
            continue
        net = options.net
        trainable = [each for each in networks[name].parameters() if each.requires_grad]
        if trainable:
            betas = (net.beta1, net.beta2)
            groups = [{"params": trainable, "base_lr": net.learning_rate}]
            optimisers[name] = Adam(groups, lr=net.learning_rate, betas=betas, fused=True)
    return optimisers


class TrainingStep:
    """Trains a model on one batch at a time. ``precision`` opens the context in which the main
    networks run; critics and penalties are always computed in float32. Each process of ``world``
    computes its part of a batch.
    """

    def __init__(
        self,
        model: AUDetNet,
        optimisers: dict[str, Optimizer],
        objectives: Sequence[Objective],
        main_every: int,
        head: AUHead,
        seed: int,
        precision: Callable[[], torch.autocast],
        augmentation: Augmentation,
        world: World,
    ) -> None:
        self.rest: PeopleAtRest | None = None
        """What a [person_reference] subtracts; set before the first batch."""
        self._model = model
        self._optimisers = optimisers
        self._objectives = objectives
        self._with_critic = [each for each in objectives if each.critic_section is not None]
        self._noise_in_z1 = any(each.noise_in_z1 for each in objectives)
        self._main_every = main_every
        self._head = head
        self._seed = seed
        self._precision = precision
        self._augmentation = augmentation
        self._world = world
        self._networks = model.networks()
        self._main = [name for name in MAIN_NETWORKS if name in optimisers]

    def __call__(self, batch: Batch, number: int, epoch: int, index: int) -> list[Terms]:
        """Train on a batch: number ``number`` of the run (from 1), ``index`` in its epoch.

        Returns the groups of terms of the whole batch, for a Meter.
        """
        is_main = number % self._main_every == 0
        if not is_main and not self._with_critic:
            return []
        place = (Purpose.BLOCKS, epoch, index, self._world.rank)
        with seeded(batch.frames.device, self._seed, *place):
            forward = self._forward(batch, epoch, index, is_main)
            groups = [self._train_critic(each, forward) for each in self._with_critic]
            if is_main:
                groups.append(self._train_main(forward, epoch))
        return groups

    def _forward(self, batch: Batch, epoch: int, index: int, is_main: bool) -> Forward:
        place = (self._seed, Purpose.CRITICS, epoch, index)
        draws = BatchDraws(
            int(numpy_generator(*place).integers(1, batch.length)),
            torch_generator(batch.frames.device, *place),
        )
        return Forward(
            model=self._model,
            head=self._head,
            batch=batch,
            augmented=partial(self._augmented, batch, epoch, index),
            draws=draws,
            world=self._world,
            precision=self._precision,
            with_graph=is_main,
            noise_in_z1=self._noise_in_z1,
            rest=None if self.rest is None else self.rest(batch, epoch, index),
        )

    def _augmented(self, batch: Batch, epoch: int, index: int) -> tuple[Tensor, Tensor]:
        """The pixels for the encoder and for the decoder. With precomputed stem outputs, both are
        the view that the stem saw, without its noise.
        """
        if batch.stem is None:
            return apply(self._drawn(batch, epoch, index), batch.frames)
        if batch.changes is None:
            clean = to_unit_range(batch.frames)
        else:
            clean = jitter(batch.changes, batch.frames)
        return clean, clean

    def _drawn(self, batch: Batch, epoch: int, index: int) -> Draws:
        """The random augmentation of this process's part of a batch."""
        length, part, size = batch.length, batch.part, batch.frames.shape[2:]
        draws = []
        for start in range(0, length, AUGMENTATION_GROUP):
            stop = min(start + AUGMENTATION_GROUP, length)
            first, last = max(start, part.start), min(stop, part.stop)
            if first < last:
                group = start // AUGMENTATION_GROUP
                generator = torch_generator(
                    batch.frames.device, self._seed, Purpose.AUGMENTATION, epoch, index, group
                )
                drawn = self._augmentation.draw(stop - start, size, generator)
                draws.append(drawn[first - start : last - start])
        return concatenate(draws)

    def _train_critic(self, objective: Objective, forward: Forward) -> Terms:
        assert objective.critic_section is not None
        name = network_name(objective.critic_section)
        self._optimisers[name].zero_grad()
        loss, terms = objective.critic_loss(forward)
        return self._learn(terms, loss, [name], forward.batch.share)

    def _train_main(self, forward: Forward, epoch: int) -> Terms:
        """The weighted sum of all objectives' losses."""
        for name in self._main:
            self._optimisers[name].zero_grad()
        terms: Terms = {}
        total: Tensor | None = None
        for objective in self._objectives:
            loss, logged = objective.main_loss(forward)
            assert terms.keys().isdisjoint(logged), f"two objectives log {sorted(logged)}"
            terms |= logged
            weighted = objective.weight_in(epoch) * loss
            total = weighted if total is None else total + weighted
        assert total is not None
        if not total.requires_grad:
            raise UserError(
                "the objectives train nothing: the AUPredictor reads fixed blocks, and no other "
                "objective reaches the encoder; add [reconstruction] to {Objectives}"
            )
        terms["main_loss"] = total
        return self._learn(terms, total, self._main, forward.batch.share)

    def _learn(self, terms: Terms, loss: Tensor, networks: list[str], share: float) -> Terms:
        """Update some networks by the gradient of a loss. Returns the terms, averaged over the
        whole batch, and the networks' gradient norms.
        """
        (loss * share).backward()
        values = torch.stack([term.detach() for term in terms.values()]) * share
        parameters = (p for name in networks for p in self._networks[name].parameters())
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        self._world.all_reduce([*gradients, values])
        means = dict(zip(terms, values.unbind(), strict=True))
        for name in networks:
            means[f"{name}_gradient_norm"] = gradient_norm(self._networks[name])
        for name in networks:
            self._optimisers[name].step()
        return means


def gradient_norm(network: nn.Module) -> Tensor:
    """The norm of all gradients of a network's parameters, a float32 scalar on their device."""
    return torch.nn.utils.get_total_norm(
        [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    )
