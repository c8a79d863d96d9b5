"""One batch: critics always, the main network every n-th time. No value leaves the device."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from audetnet.config.options import Config
from audetnet.data.augment import Augmentation
from audetnet.data.batches import Batch
from audetnet.networks.au_head import AUHead
from audetnet.networks.losses import RECONSTRUCTION_LOSSES, critic_loss, gradient_norm, scores
from audetnet.networks.model import AUDetNet
from audetnet.seeds import Purpose, numpy_generator, torch_generator
from audetnet.training.adversary import Adversary, Forward, adversaries

MAIN_NETWORKS = ("encoder", "predictor", "decoder")
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
    networks run; critics and penalties are always computed in float32.
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
    ) -> None:
        self._model = model
        self._optimisers = optimisers
        self._head = head
        self._seed = seed
        self._precision = precision
        self._augment = augmentation
        self._reconstruction_loss = RECONSTRUCTION_LOSSES[config.loss.reconstruction_loss_function]
        self._reconstruction_weight = config.loss.reconstruction_loss_lambda
        self._adversaries = adversaries(model, config.loss)
        self._main_every = config.training.train_main_net_every_n_batches
        self._networks = model.networks()
        self._main = [name for name in MAIN_NETWORKS if name in optimisers]

    def __call__(self, batch: Batch, number: int, epoch: int, index: int) -> list[Terms]:
        """Train on a batch: the ``number``-th of the run (from 1), the ``index``-th of its epoch.

        Returns the groups of terms that this batch computed, for a Meter.
        """
        is_main = number % self._main_every == 0
        if not is_main and not self._adversaries:
            return []
        device = batch.frames.device
        generator = torch_generator(device, self._seed, Purpose.AUGMENTATION, epoch, index)
        noisy, clean = self._augment(batch.frames, generator)
        with torch.set_grad_enabled(is_main):
            forward = self._forward(noisy, clean, is_main, self._roll(len(batch), epoch, index))
        generator = torch_generator(device, self._seed, Purpose.CRITICS, epoch, index)
        groups = [
            self._train_critic(adversary, forward, generator) for adversary in self._adversaries
        ]
        if is_main:
            groups.append(self._train_main(forward, batch.labels))
        return groups

    def _roll(self, count: int, epoch: int, index: int) -> int:
        return int(numpy_generator(self._seed, Purpose.CRITICS, epoch, index).integers(1, count))

    def _forward(self, noisy: Tensor, clean: Tensor, is_main: bool, roll: int) -> Forward:
        image = self._model.pixels.decoder_target(clean)
        wanted = is_main or any(adversary.reads_reconstruction for adversary in self._adversaries)
        with self._precision():
            code = self._model.encode(noisy)
            made = self._model.decode(code).float() if wanted else None
        return Forward(image, code.float(), made, self._model.z1_channels, roll)

    def _train_critic(
        self, adversary: Adversary, forward: Forward, generator: torch.Generator
    ) -> Terms:
        target, made = (example.detach() for example in adversary.examples(forward))
        mix = torch.rand(len(made), generator=generator, device=made.device)
        self._optimisers[adversary.name].zero_grad()
        loss, distance, penalty = critic_loss(
            adversary.critic,
            target,
            made,
            mix,
            adversary.penalty_weight,
            adversary.gradient_of,
            adversary.sample_wise,
        )
        loss.backward()
        norm = gradient_norm(adversary.critic)
        self._optimisers[adversary.name].step()
        return {
            f"{adversary.name}_loss": loss,
            f"{adversary.name}_distance": distance,
            f"{adversary.name}_penalty": penalty,
            f"{adversary.name}_gradient_norm": norm,
        }

    def _train_main(self, forward: Forward, labels: Tensor) -> Terms:
        for name in self._main:
            self._optimisers[name].zero_grad()
        terms = self._main_terms(forward, labels)
        terms["main_loss"].backward()
        for name in self._main:
            terms[f"{name}_gradient_norm"] = gradient_norm(self._networks[name])
        for name in self._main:
            self._optimisers[name].step()
        return terms

    def _main_terms(self, forward: Forward, labels: Tensor) -> Terms:
        """AU loss + weighted reconstruction - weighted critic scores of what was made."""
        assert forward.reconstruction is not None
        with self._precision():
            outputs = self._model.predict(forward.code).float()
        terms = {
            "au_loss": self._head.loss(outputs, labels),
            "reconstruction_loss": self._reconstruction_loss(forward.reconstruction, forward.image),
        }
        total = terms["au_loss"] + self._reconstruction_weight * terms["reconstruction_loss"]
        for adversary in self._adversaries:
            with _frozen(adversary.critic):
                score = scores(adversary.critic, adversary.examples(forward)[1]).mean()
            terms[f"{adversary.name}_made_score"] = score
            total = total - adversary.weight * score
        return {**terms, "main_loss": total}


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
