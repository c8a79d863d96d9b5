"""What the networks make of a batch, made when somebody first asks for it."""

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
    """What is random in a batch: how far z2 is rolled along it, and a generator on the device for
    all else, the same in every process.
    """

    roll: int
    """1 <= roll < the batch's length."""
    generator: torch.Generator


@dataclass(kw_only=True)
class Forward:
    """One batch through a model, of which this process has a part; ``with_graph`` on batches that
    train the main networks. Nothing that no objective asks for is computed.

    b frames are this process's part of the batch's B.
    """

    model: AUDetNet
    head: AUHead
    batch: Batch
    augmented: Callable[[], tuple[Tensor, Tensor]]
    """Makes ``noisy`` and ``clean``."""
    draws: BatchDraws
    world: World
    precision: Callable[[], torch.autocast]
    with_graph: bool
    rest: Tensor | None = None
    """What the persons show at rest, (b, C, h, w), for a [person_reference]."""
    noise_in_z1: bool = False
    """Whether standard normal noise is drawn into z1."""
    _made: dict[GradientTo, Tensor] = field(default_factory=dict)

    @cached_property
    def _pixels(self) -> tuple[Tensor, Tensor]:
        return self.augmented()

    @property
    def noisy(self) -> Tensor:
        """The encoder's pixels (b, 3, H, W) in [0, 1]."""
        return self._pixels[0]

    @property
    def clean(self) -> Tensor:
        """The decoder's, without noise."""
        return self._pixels[1]

    @cached_property
    def image(self) -> Tensor:
        """What the decoder should make, (b, 3, H, W) in [-1, 1]."""
        return self.model.pixels.decoder_target(self.clean)

    @cached_property
    def encoded(self) -> Code:
        """The code as the encoder gives it."""
        with torch.set_grad_enabled(self.with_graph), self.precision():
            if self.batch.stem is not None:
                return self.model.encode_stem(self.batch.stem, self.rest).float()
            return self.model.encode(self.noisy, self.rest).float()

    @cached_property
    def code(self) -> Code:
        """The code that all networks read in training: with noise in z1 where it is drawn."""
        if not self.noise_in_z1:
            return self.encoded
        z1, z2 = self.encoded.z1, self.encoded.z2
        return Code.of(z1 + self.normal(self.batch.length, *z1.shape[1:])[self.batch.part], z2)

    @cached_property
    def outputs(self) -> Tensor:
        """The AUPredictor's (b, A); the head says what they mean."""
        with torch.set_grad_enabled(self.with_graph), self.precision():
            return self.model.predict(self.code).float()

    def reconstruction(self, gradient_to: GradientTo = "both") -> Tensor:
        """What the decoder makes, (b, 3, H, W) in [-1, 1]; one pass for each ``gradient_to``."""
        if gradient_to not in self._made:
            with torch.set_grad_enabled(self.with_graph), self.precision():
                code = self.code.with_gradient_to(gradient_to)
                self._made[gradient_to] = self.model.decode(code).float()
        return self._made[gradient_to]

    def critic(self, section: str) -> Graph:
        """The network that a section of the cfg describes."""
        return self.model.network(section)

    @cached_property
    def all_codes(self) -> Code:
        """The codes of the whole batch (B, C, h, w), without gradients."""
        return self._everyones_code.detach()

    @cached_property
    def _everyones_code(self) -> Code:
        own = self.code
        return Code(self.world.gather(own.whole, self.batch.length), own.z1_channels)

    @cached_property
    def all_labels(self) -> Tensor:
        """The labels of the whole batch (B, A)."""
        return self.world.gather(self.batch.labels, self.batch.length)

    @cached_property
    def all_subjects(self) -> Tensor:
        """The numbers of the subjects of the whole batch (B,)."""
        return self.world.gather(self.batch.subjects, self.batch.length)

    def with_all(self, own: Tensor, every: Tensor) -> Tensor:
        """The rows of the whole batch, ``every``, with this process's own in their place, whose
        gradients flow. What is computed from them has ``share_of_whole``.
        """
        if len(own) == len(every):
            return own
        return torch.cat([every[: self.batch.part.start], own, every[self.batch.part.stop :]])

    def share_of_whole(self, value: Tensor) -> Tensor:
        """A value that every process computes of the whole batch, with a gradient by its own rows:
        the value as it is, its gradient such that the step's means over processes are their sum.
        """
        return value.detach() + (value - value.detach()) / self.batch.share

    def share_of_count(self, count: Tensor) -> Tensor:
        """What a mean over ``count`` items of this process is to be multiplied by, so that the
        step's mean over processes is the mean over the items of all of them.
        """
        return count / (self.world.sum(count) * self.batch.share).clamp(min=1e-9)

    def shuffled(self, gradient_to: GradientTo | None = None) -> Code:
        """This process's codes with z2 of other images: rolled along the whole batch, which is in
        random order, so that pairs are draws from the product of the marginals. Without gradients,
        or with those to the blocks of all images from which they come.
        """
        codes = self.all_codes
        if gradient_to is not None:
            codes = self._everyones_code.with_gradient_to(gradient_to)
        return self.own(codes.shuffled(self._order))

    @property
    def _order(self) -> Tensor:
        """Of whom z2 is taken in shuffled codes, (B,)."""
        frames = torch.arange(self.batch.length, device=self.batch.frames.device)
        return frames.roll(self.draws.roll)

    @property
    def shuffled_rest(self) -> Tensor | None:
        """What the persons of the shuffled z2 show at rest."""
        if self.rest is None:
            return None
        return self.world.gather(self.rest, self.batch.length)[self._order][self.batch.part]

    def own(self, codes: Code) -> Code:
        """This process's part of codes of the whole batch."""
        return Code(codes.whole[self.batch.part], codes.z1_channels)

    def uniform(self, *shape: int) -> Tensor:
        """Drawn evenly from [0, 1), the same in every process; each call draws anew."""
        return torch.rand(shape, generator=self.draws.generator, device=self.batch.frames.device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, drawn as by ``uniform``."""
        return torch.randn(shape, generator=self.draws.generator, device=self.batch.frames.device)
