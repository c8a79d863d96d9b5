"""The forward pass of a batch, computed lazily."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from audetnet.data.batches import Batch
from audetnet.distributed.world import World
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code, GradientTo
from audetnet.networks.graph import Graph
from audetnet.networks.model import AUDetNet


@dataclass(frozen=True)
class BatchDraws:
    """The random numbers of a batch: how far z2 is rolled along it, and a generator on the device
    for everything else. They are the same in every process.
    """

    roll: int
    """1 <= roll < length of the batch."""
    generator: torch.Generator


@dataclass(kw_only=True)
class Forward:
    """One batch through the model; ``with_graph`` for batches that train the main networks. Only
    what an objective asks for is computed.

    This process has b of the batch's B frames.
    """

    model: AUDetNet
    head: AUHead
    batch: Batch
    augmented: Callable[[], tuple[Tensor, Tensor]]
    """Returns ``noisy`` and ``clean``."""
    draws: BatchDraws
    world: World
    precision: Callable[[], torch.autocast]
    with_graph: bool
    rest: Tensor | None = None
    """Each person's features at rest, (b, C, h, w), for a [person_reference]."""
    noise_in_z1: bool = False
    """Whether standard normal noise is added to z1."""
    _reconstructions: dict[GradientTo, Tensor] = field(default_factory=dict)

    @cached_property
    def _pixels(self) -> tuple[Tensor, Tensor]:
        return self.augmented()

    @property
    def noisy(self) -> Tensor:
        """The encoder's input pixels (b, 3, H, W) in [0, 1]."""
        return self._pixels[0]

    @property
    def clean(self) -> Tensor:
        """The decoder's target pixels, without noise."""
        return self._pixels[1]

    @cached_property
    def image(self) -> Tensor:
        """The decoder's target (b, 3, H, W) in [-1, 1]."""
        return self.model.pixels.decoder_target(self.clean)

    @cached_property
    def encoded(self) -> Code:
        """The encoder's output."""
        with torch.set_grad_enabled(self.with_graph), self.precision():
            if self.batch.stem is not None:
                return self.model.encode_stem(self.batch.stem, self.rest).float()
            return self.model.encode(self.noisy, self.rest).float()

    @cached_property
    def code(self) -> Code:
        """The code that all networks read in training: with noise in z1 if ``noise_in_z1``."""
        if not self.noise_in_z1:
            return self.encoded
        z1, z2 = self.encoded.z1, self.encoded.z2
        return Code.of(z1 + self.normal(self.batch.length, *z1.shape[1:])[self.batch.part], z2)

    @cached_property
    def outputs(self) -> Tensor:
        """The AUPredictor's outputs (b, A); ``head`` interprets them."""
        with torch.set_grad_enabled(self.with_graph), self.precision():
            return self.model.predict(self.code).float()

    def reconstruction(self, gradient_to: GradientTo = "both") -> Tensor:
        """The decoder's output (b, 3, H, W) in [-1, 1]; one pass for each ``gradient_to``."""
        if gradient_to not in self._reconstructions:
            with torch.set_grad_enabled(self.with_graph), self.precision():
                code = self.code.with_gradient_to(gradient_to)
                self._reconstructions[gradient_to] = self.model.decode(code).float()
        return self._reconstructions[gradient_to]

    def critic(self, section: str) -> Graph:
        """The network of a section of the cfg."""
        return self.model.network(section)

    @cached_property
    def all_codes(self) -> Code:
        """The codes of the whole batch (B, C, h, w), without gradients."""
        return self._gathered_code.detach()

    @cached_property
    def _gathered_code(self) -> Code:
        own = self.code
        return Code(self.world.gather(own.whole, self.batch.length), own.z1_channels)

    @cached_property
    def all_labels(self) -> Tensor:
        """The labels of the whole batch (B, A)."""
        return self.world.gather(self.batch.labels, self.batch.length)

    @cached_property
    def all_subjects(self) -> Tensor:
        """The subject indices of the whole batch (B,)."""
        return self.world.gather(self.batch.subjects, self.batch.length)

    def insert_own(self, own: Tensor, gathered: Tensor) -> Tensor:
        """The rows of the whole batch, with this process's ``own`` rows, which carry gradients, in
        their place. Pass what is computed from them through ``whole_batch_loss``.
        """
        if len(own) == len(gathered):
            return own
        return torch.cat([gathered[: self.batch.part.start], own, gathered[self.batch.part.stop :]])

    def whole_batch_loss(self, value: Tensor) -> Tensor:
        """A value that every process computes from the whole batch, each with a gradient for its
        own rows. Keeps the value and scales the gradient so that the step's mean over processes is
        the sum of their gradients.
        """
        return value.detach() + (value - value.detach()) / self.batch.share

    def share_of_count(self, count: Tensor) -> Tensor:
        """The factor for a mean over ``count`` items of this process that makes the step's mean
        over processes the mean over all their items.
        """
        return count / (self.world.sum(count) * self.batch.share).clamp(min=1e-9)

    def shuffled(self, gradient_to: GradientTo | None = None) -> Code:
        """This process's codes with z2 of other images: z2 is rolled along the whole batch, which
        is in random order, so that pairs are samples of the product of the marginals. Without
        gradients, or with gradients to the given blocks of all images.
        """
        codes = self.all_codes
        if gradient_to is not None:
            codes = self._gathered_code.with_gradient_to(gradient_to)
        return self.own(codes.shuffled(self._order))

    @property
    def _order(self) -> Tensor:
        """Whose z2 each shuffled code gets, (B,)."""
        frames = torch.arange(self.batch.length, device=self.batch.frames.device)
        return frames.roll(self.draws.roll)

    @property
    def shuffled_rest(self) -> Tensor | None:
        """The features at rest of the persons of the shuffled z2."""
        if self.rest is None:
            return None
        return self.world.gather(self.rest, self.batch.length)[self._order][self.batch.part]

    def own(self, codes: Code) -> Code:
        """This process's part of codes of the whole batch."""
        return Code(codes.whole[self.batch.part], codes.z1_channels)

    def uniform(self, *shape: int) -> Tensor:
        """New uniform numbers in [0, 1), the same in every process."""
        return torch.rand(shape, generator=self.draws.generator, device=self.batch.frames.device)

    def normal(self, *shape: int) -> Tensor:
        """New standard normal numbers, the same in every process."""
        return torch.randn(shape, generator=self.draws.generator, device=self.batch.frames.device)
