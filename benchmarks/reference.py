"""The plain eager way, for comparison only: how a first implementation would train AUDetNet.

Images are decoded, jittered and made noisy one by one in every epoch; every batch builds the whole
graph; each critic input is a call of its own; the penalty takes a second-order graph; critics are
not frozen while the main network learns; Adam is torch's plain one; MOMU keeps Python sets. The
mathematics is that of ``audetnet``: ``benchmarks/training.py`` checks it before it measures.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from audetnet.networks.losses import RECONSTRUCTION_LOSSES, critic_loss, scores, shuffle_pairs
from PIL import Image
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from audetnet.config.options import Config, NetworkOptions
from audetnet.data.augment import Augmentation
from audetnet.networks.au_head import AUHead
from audetnet.networks.graph import Graph
from audetnet.networks.model import AUDetNet

_AUGMENTATION = Augmentation()


class ReferenceStep:
    """Trains a model whose networks are chains of blocks, a batch at a time, the plain way."""

    def __init__(self, model: AUDetNet, config: Config, head: AUHead) -> None:
        self._model, self._config, self._head = model, config, head
        self._encoder, self._predictor, self._decoder = (
            _plain(network) for network in (model.encoder, model.predictor, model.decoder)
        )
        loss = config.loss
        self._critics: list[tuple[str, nn.Module, float, float]] = []
        for name, critic, weight, penalty in (
            (
                "discriminator",
                model.discriminator,
                loss.discriminator_loss_lambda,
                loss.gradient_loss_lambda_discr,
            ),
            (
                "image_discriminator",
                model.image_discriminator,
                loss.img_discriminator_loss_lambda,
                loss.gradient_loss_lambda_img_discr,
            ),
        ):
            if critic is not None and weight is not None and penalty is not None:
                self._critics.append((name, _plain(critic), weight, penalty))
        options: dict[str, NetworkOptions | None] = {
            "encoder": config.networks["Encoder"],
            "predictor": config.networks["AUPredictor"],
            "decoder": config.networks["Decoder"],
            "discriminator": config.discriminator,
            "image_discriminator": config.image_discriminator,
        }
        self._optimisers: dict[str, Optimizer] = {}
        for name, network in model.networks().items():
            chosen = options[name]
            assert chosen is not None
            net = chosen.net
            self._optimisers[name] = Adam(
                network.parameters(), lr=net.learning_rate, betas=(net.beta1, net.beta2)
            )

    def __call__(
        self,
        noisy: Tensor,
        clean: Tensor,
        labels: Tensor,
        is_main: bool,
        roll: int,
        mixes: Iterator[Tensor],
    ) -> dict[str, float]:
        """Train on a batch in [0, 1]; ``mixes`` holds the penalty's mixture of each critic."""
        model, loss = self._model, self._config.loss
        image = model.pixels.decoder_target(clean)
        code = self._encoder(model.pixels.encoder_input(noisy))
        made = self._decoder(code)
        pairs = shuffle_pairs(code, model.z1_channels, roll)
        examples = {"discriminator": (pairs, code), "image_discriminator": (image, made)}
        terms: dict[str, float] = {}
        for name, critic, _, penalty_weight in self._critics:
            target, fake = (example.detach() for example in examples[name])
            self._optimisers[name].zero_grad()
            value = critic_loss(critic, target, fake, next(mixes), penalty_weight)[0]
            value.backward()
            self._optimisers[name].step()
            terms[f"{name}_loss"] = value.item()
        if not is_main:
            return terms
        for optimiser in self._optimisers.values():
            optimiser.zero_grad()
        au_loss = self._head.loss(self._predictor(model.split(code)[0]).flatten(1), labels)
        difference = RECONSTRUCTION_LOSSES[loss.reconstruction_loss_function](made, image)
        total = au_loss + loss.reconstruction_loss_lambda * difference
        for name, critic, weight, _ in self._critics:
            total = total - weight * scores(critic, examples[name][1]).mean()
        total.backward()
        for name in ("encoder", "predictor", "decoder"):
            self._optimisers[name].step()
        return {**terms, "main_loss": total.item()}


def _plain(network: Graph) -> nn.Module:
    """The same blocks, one after the other."""
    assert network.is_sequential
    return nn.Sequential(*network.blocks)


def reference_batches(
    paths: Sequence[Path], cuts: Sequence[npt.NDArray[np.int64]]
) -> Iterator[tuple[Tensor, Tensor]]:
    """(noisy, clean) in [0, 1], image by image from its file."""
    limits = _AUGMENTATION
    jitter = v2.RandomApply(
        [v2.ColorJitter(limits.brightness, limits.contrast, limits.saturation)], limits.colour
    )
    flip = v2.RandomHorizontalFlip(limits.flip)
    for cut in cuts:
        pairs = []
        for index in cut:
            with Image.open(paths[index]) as opened:
                picture = jitter(flip(opened.convert("RGB")))
            clean = np.asarray(picture, dtype=np.float32) / 255
            deviation = random.uniform(*limits.noise)
            noise = np.random.normal(0, deviation, clean.shape)
            shaken = Image.fromarray((np.clip(clean + noise, 0, 1) * 255).astype(np.uint8))
            pairs.append(
                tuple(
                    functional.to_dtype(v2.functional.pil_to_tensor(p), torch.float32, scale=True)
                    for p in (shaken, picture)
                )
            )
        noisy, clear = zip(*pairs, strict=True)
        yield torch.stack(noisy), torch.stack(clear)


class SetMOMU:
    """MOMU with a Python set of available frames for each class."""

    def __init__(self, active: npt.NDArray[np.float32], epoch_size: int, size: int) -> None:
        positive = active == 1
        self._belongs = np.column_stack([positive, ~positive.any(axis=1)])
        self._classes = [row.nonzero()[0].tolist() for row in self._belongs]
        self._members = [set(column.nonzero()[0].tolist()) for column in self._belongs.T]
        self._available = [set(members) for members in self._members]
        self._draws, self._size = epoch_size // size, size

    def epoch(self) -> list[int]:
        """Frame indices of the next epoch, in random order."""
        counts = [0] * len(self._members)
        label = min(range(len(counts)), key=lambda c: len(self._available[c]))
        drawn: list[int] = []
        for _ in range(self._draws):
            if len(self._available[label]) < self._size:
                for frame in self._members[label]:
                    for other in self._classes[frame]:
                        self._available[other].add(frame)
            frames = random.sample(list(self._available[label]), self._size)
            self._take(frames)
            for frame in frames:
                for other in self._classes[frame]:
                    counts[other] += 1
            drawn.extend(frames)
            label = counts.index(min(counts))
        random.shuffle(drawn)
        return drawn

    def _take(self, frames: list[int]) -> None:
        for frame in frames:
            for label in self._classes[frame]:
                self._available[label].discard(frame)


class PlainSetMOMU(SetMOMU):
    """The same with sets that are made anew after every draw: available minus drawn."""

    def _take(self, frames: list[int]) -> None:
        self._available = [available - set(frames) for available in self._available]
