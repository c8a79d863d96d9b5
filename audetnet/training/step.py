"""One batch: critics always, the main network every n-th time. No value leaves the device."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from audetnet.config.options import Config
from audetnet.data.augment import Augmentation, Draws, apply, joined
from audetnet.data.batches import Batch
from audetnet.networks.au_head import AUHead
from audetnet.networks.losses import (
    RECONSTRUCTION_LOSSES,
    critic_loss,
    gradient_norm,
    scores,
    shuffle_pairs,
)
from audetnet.networks.model import AUDetNet
from audetnet.seeds import Purpose, numpy_generator, torch_generator
from audetnet.training.adversary import Adversary, Forward, adversaries
from audetnet.training.distributed import World
from audetnet.training.synchronised_batch_norm import compute_apart

MAIN_NETWORKS = ("encoder", "predictor", "decoder")
DRAWN_TOGETHER = 16
"""Images whose augmentation comes from one generator: a process draws for its own part of a batch,
and at most this many others, yet what is drawn does not depend on how the batch was cut.
"""
Terms = dict[str, Tensor]


def make_optimisers(model: AUDetNet, config: Config) -> dict[str, Optimizer]:
    """One Adam a network with its own rate and betas; networks without anything to learn have none.

    The cfg's rate is kept as ``base_lr`` of its parameter group; a schedule sets ``lr`` from it.
    """
    options = {
        "encoder": config.encoder,
        "predictor": config.predictor,
        "decoder": config.decoder,
        "discriminator": config.discriminator,
        "image_discriminator": config.image_discriminator,
    }
    optimisers: dict[str, Optimizer] = {}
    for name, network in model.networks().items():
        network_options = options[name]
        assert network_options is not None
        net = network_options.net
        learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
        if learned:
            betas = (net.beta1, net.beta2)
            groups = [{"params": learned, "base_lr": net.learning_rate}]
            optimisers[name] = Adam(groups, lr=net.learning_rate, betas=betas, fused=True)
    return optimisers


class TrainingStep:
    """Trains a model by a batch at a time. ``precision`` opens the context in which the main
    networks run; critics and penalties are always computed in float32. Of ``world``'s processes
    each computes its part of a batch.
    """

    def __init__(
        self,
        model: AUDetNet,
        optimisers: dict[str, Optimizer],
        config: Config,
        head: AUHead,
        seed: int,
        precision: Callable[[], torch.autocast],
        augmentation: Augmentation,
        world: World,
    ) -> None:
        self._model = model
        self._optimisers = optimisers
        self._head = head
        self._seed = seed
        self._precision = precision
        self._augmentation = augmentation
        self._world = world
        self._reconstruction_loss = RECONSTRUCTION_LOSSES[config.loss.reconstruction_loss_function]
        self._reconstruction_weight = config.loss.reconstruction_loss_lambda
        self._adversaries = adversaries(model, config.loss)
        self._main_every = config.training.train_main_net_every_n_batches
        self._networks = model.networks()
        self._apart = False
        self._main = [name for name in MAIN_NETWORKS if name in optimisers]

    def __call__(
        self, batch: Batch, length: int, number: int, epoch: int, index: int
    ) -> list[Terms]:
        """Train on a batch of ``length`` frames, of which ``batch`` is this process's part: the
        ``number``-th of the run (from 1), the ``index``-th of its epoch.

        Returns the groups of terms of the whole batch, for a Meter.
        """
        is_main = number % self._main_every == 0
        if not is_main and not self._adversaries:
            return []
        self._choose_batch_norm(length)
        noisy, clean = apply(self._draws(batch, length, epoch, index), batch.frames)
        roll = int(numpy_generator(self._seed, Purpose.CRITICS, epoch, index).integers(1, length))
        with torch.set_grad_enabled(is_main):
            forward = self._forward(noisy, clean, is_main, roll, length)
        device = batch.frames.device
        generator = torch_generator(device, self._seed, Purpose.CRITICS, epoch, index)
        groups = []
        for adversary in self._adversaries:
            mix = torch.rand(length, generator=generator, device=device)
            groups.append(self._train_critic(adversary, forward, mix, length))
        if is_main:
            groups.append(self._train_main(forward, batch.labels, length))
        return groups

    def _choose_batch_norm(self, length: int) -> None:
        apart = length < self._world.size
        if apart != self._apart:
            compute_apart(self._model, apart)
            self._apart = apart

    def _draws(self, batch: Batch, length: int, epoch: int, index: int) -> Draws:
        """The augmentation of this process's part of a batch."""
        part, size = self._world.training_part(length), batch.frames.shape[2:]
        draws = []
        for start in range(0, length, DRAWN_TOGETHER):
            stop = min(start + DRAWN_TOGETHER, length)
            first, last = max(start, part.start), min(stop, part.stop)
            if first < last:
                group = start // DRAWN_TOGETHER
                generator = torch_generator(
                    batch.frames.device, self._seed, Purpose.AUGMENTATION, epoch, index, group
                )
                drawn = self._augmentation.draw(stop - start, size, generator)
                draws.append(drawn[first - start : last - start])
        return joined(draws)

    def _forward(
        self, noisy: Tensor, clean: Tensor, is_main: bool, roll: int, length: int
    ) -> Forward:
        image = self._model.pixels.decoder_target(clean)
        wanted = is_main or any(adversary.reads_reconstruction for adversary in self._adversaries)
        with self._precision():
            code = self._model.encode(noisy)
            made = self._model.decode(code).float() if wanted else None
        return Forward(image, code.float(), made, self._shuffled(code, roll, length))

    def _shuffled(self, code: Tensor, roll: int, length: int) -> Tensor | None:
        """This process's part of the batch's codes with their z2 shuffled over the whole batch."""
        if self._model.discriminator is None:
            return None
        codes = self._world.whole(code.detach().float(), length)
        pairs = shuffle_pairs(codes, self._model.z1_channels, roll)
        return pairs[self._world.training_part(length)]

    def _train_critic(
        self, adversary: Adversary, forward: Forward, mix: Tensor, length: int
    ) -> Terms:
        target, made = (example.detach() for example in adversary.examples(forward))
        self._optimisers[adversary.name].zero_grad()
        loss, distance, penalty = critic_loss(
            adversary.critic,
            target,
            made,
            mix[self._world.training_part(length)],
            adversary.penalty_weight,
            adversary.gradient_of,
            adversary.sample_wise,
        )
        terms = {
            f"{adversary.name}_loss": loss,
            f"{adversary.name}_distance": distance,
            f"{adversary.name}_penalty": penalty,
        }
        return self._learn(terms, loss, [adversary.name], length)

    def _train_main(self, forward: Forward, labels: Tensor, length: int) -> Terms:
        for name in self._main:
            self._optimisers[name].zero_grad()
        terms = self._main_terms(forward, labels, length)
        return self._learn(terms, terms["main_loss"], self._main, length)

    def _learn(self, terms: Terms, loss: Tensor, networks: list[str], length: int) -> Terms:
        """Step some networks by the gradient of a loss. Returns the terms, made those of the whole
        batch, and the networks' gradient norms.
        """
        share = self._world.share(length)
        (loss * share).backward()
        values = torch.stack([term.detach() for term in terms.values()]) * share
        parameters = (p for name in networks for p in self._networks[name].parameters())
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        self._world.sum_in_place([*gradients, values])
        means = dict(zip(terms, values.unbind(), strict=True))
        for name in networks:
            means[f"{name}_gradient_norm"] = gradient_norm(self._networks[name])
        for name in networks:
            self._optimisers[name].step()
        return means

    def _main_terms(self, forward: Forward, labels: Tensor, length: int) -> Terms:
        """AU loss + weighted reconstruction - weighted critic scores of what was made."""
        assert forward.reconstruction is not None
        with self._precision():
            outputs = self._model.predict(forward.code).float()
        terms = {
            "au_loss": self._au_loss(outputs, labels, length),
            "reconstruction_loss": self._reconstruction_loss(forward.reconstruction, forward.image),
        }
        total = terms["au_loss"] + self._reconstruction_weight * terms["reconstruction_loss"]
        for adversary in self._adversaries:
            with _frozen(adversary.critic):
                score = scores(adversary.critic, adversary.examples(forward)[1]).mean()
            terms[f"{adversary.name}_made_score"] = score
            total = total - adversary.weight * score
        return {**terms, "main_loss": total}

    def _au_loss(self, outputs: Tensor, labels: Tensor, length: int) -> Tensor:
        """A mean over known labels, of which the parts of a batch hold different numbers: scaled so
        that the processes' mean by shares is the mean over the whole batch.
        """
        known = (~labels.isnan()).sum()
        weight = known / (self._world.sum(known) * self._world.share(length)).clamp(min=1e-9)
        return self._head.loss(outputs, labels) * weight


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Within it no gradient reaches a network's parameters, while it flows through to their
    inputs.
    """
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)
