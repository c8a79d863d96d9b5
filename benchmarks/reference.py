"""A plain eager implementation of the training of AUDetNet, for comparison only.

Images are decoded, jittered and made noisy one by one in every epoch; every batch builds the whole
graph; each critic input has its own call; the penalty takes a second-order graph; critics are not
frozen while the main network learns; Adam is torch's default; MOMU uses Python sets. The
mathematics is the same as in ``audetnet``: ``benchmarks/training.py`` checks that before measuring.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from audetnet.config.options import Config, network_name
from audetnet.data.augment import Augmentation
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.graph import Graph
from audetnet.networks.model import AUDetNet
from audetnet.objectives.critics import scores
from audetnet.objectives.objective import Objective
from audetnet.objectives.reconstruction import LOSSES, Reconstruction
from audetnet.objectives.wgan_gp import WassersteinCritic, wgan_gp_loss

_AUGMENTATION = Augmentation()


class ReferenceStep:
    """Trains a model whose networks are chains of blocks, one batch at a time."""

    def __init__(
        self, model: AUDetNet, config: Config, objectives: Sequence[Objective], head: AUHead
    ) -> None:
        self._model, self._head = model, head
        self._encoder, self._predictor, self._decoder = (
            _plain(network) for network in (model.encoder, model.predictor, model.decoder)
        )
        (self._difference,) = (each for each in objectives if isinstance(each, Reconstruction))
        self._critics: list[tuple[str, nn.Module, float, float]] = [
            (
                network_name(each.critic),
                _plain(model.network(each.critic)),
                each.weight,
                each.penalty_weight,
            )
            for each in objectives
            if isinstance(each, WassersteinCritic)
        ]
        nets = {network_name(section): each.net for section, each in config.networks.items()}
        self._optimisers: dict[str, Optimizer] = {
            name: Adam(
                network.parameters(),
                lr=nets[name].learning_rate,
                betas=(nets[name].beta1, nets[name].beta2),
            )
            for name, network in model.networks().items()
        }

    def __call__(
        self,
        noisy: Tensor,
        clean: Tensor,
        labels: Tensor,
        is_main: bool,
        roll: int,
        mixes: Iterator[Tensor],
    ) -> dict[str, float]:
        """Train on a batch in [0, 1]; ``mixes``: the mixing weights of each critic's penalty."""
        model = self._model
        image = model.pixels.decoder_target(clean)
        code = Code(self._encoder(model.pixels.encoder_input(noisy)), model.z1_channels)
        made = self._decoder(code.whole)
        pairs = code.shuffled(torch.arange(len(code)).roll(roll))
        examples = {
            "discriminator": (pairs.whole, code.whole),
            "image_discriminator": (image, made),
        }
        terms: dict[str, float] = {}
        for name, critic, _, penalty_weight in self._critics:
            target, fake = (example.detach() for example in examples[name])
            self._optimisers[name].zero_grad()
            value = wgan_gp_loss(critic, target, fake, next(mixes), penalty_weight)[0]
            value.backward()
            self._optimisers[name].step()
            terms[f"{name}_loss"] = value.item()
        if not is_main:
            return terms
        for optimiser in self._optimisers.values():
            optimiser.zero_grad()
        au_loss = self._head.loss(self._predictor(code.z1).flatten(1), labels)
        difference = LOSSES[self._difference.loss](made, image)
        total = au_loss + self._difference.weight * difference
        for name, critic, weight, _ in self._critics:
            total = total - weight * scores(critic, examples[name][1]).mean()
        total.backward()
        for name in ("encoder", "predictor", "decoder"):
            self._optimisers[name].step()
        return {**terms, "main_loss": total.item()}


def _plain(network: Graph) -> nn.Module:
    """The same blocks in sequence."""
    assert network.is_sequential
    return nn.Sequential(*network.blocks)


def reference_batches(
    paths: Sequence[Path], cuts: Sequence[npt.NDArray[np.int64]]
) -> Iterator[tuple[Tensor, Tensor]]:
    """(noisy, clean) in [0, 1], read file by file."""
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
    """The same with sets that are rebuilt after every draw: available minus drawn."""

    def _take(self, frames: list[int]) -> None:
        self._available = [available - set(frames) for available in self._available]
