"""A network section as a graph of blocks: planned by running shapes through it, then built as one
nn.Module.

Planning happens on torch's "meta" device: nothing is allocated, and no weights are initialised or
loaded.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from audetnet.config.binding import OptionError
from audetnet.config.options import BlockOptions, NetworkOptions
from audetnet.errors import first_few
from audetnet.networks.fitted_block import FittedBlock
from audetnet.networks.fixed import PersonReference, PrecomputedBlock, is_fixed
from audetnet.networks.pretrained import Normalisation, PretrainedStem
from audetnet.networks.shapes import Shape, SourceError, size_text, sizes_text
from audetnet.networks.upsampled_convolution import pays, upsampled_convolution

INPUT = -1
"""The index of the network's input, one before the first block's."""
_PROBE_BATCH = 2


@dataclass(frozen=True, kw_only=True)
class Step:
    """A block and its position in the graph. ``flops`` counts two operations per multiply-add of
    convolutions and matrix products, and nothing else, per image.
    """

    options: BlockOptions
    sources: tuple[int, ...]
    shape: Shape
    parameters: int
    frozen: int
    """Number of parameters that never learn."""
    flops: int
    normalisation: Normalisation | None
    """Mean and std of the pixels that a stem's published weights expect."""
    is_fixed: bool
    """Whether training never changes what it computes."""
    is_stem: bool
    is_reference: bool
    is_fitted_to_aus: bool
    needs_fixed_input: bool
    """Whether training must not change its input."""

    @property
    def learns(self) -> bool:
        return self.parameters > self.frozen


@dataclass(frozen=True)
class Plan:
    """A network whose shapes fit."""

    options: NetworkOptions
    input: Shape
    steps: tuple[Step, ...]

    @property
    def output(self) -> Shape:
        """Shape (C, H, W) of the last block's output."""
        return self.steps[-1].shape

    @property
    def reached(self) -> frozenset[int]:
        """The blocks that the output depends on."""
        reached = {len(self.steps) - 1}
        for index in reversed(range(len(self.steps))):
            if index in reached:
                reached.update(self.steps[index].sources)
        return frozenset(reached - {INPUT})

    @property
    def learns(self) -> bool:
        """Whether the output depends on parameters that learn."""
        return any(self.steps[index].learns for index in self.reached)

    @property
    def fixed(self) -> frozenset[int]:
        """The blocks whose output for an image training never changes."""
        fixed = {INPUT}
        for index, step in enumerate(self.steps):
            if step.is_fixed and fixed.issuperset(step.sources):
                fixed.add(index)
        return frozenset(fixed - {INPUT})

    @property
    def has_reference(self) -> bool:
        """Whether it subtracts a person's features at rest."""
        return any(step.is_reference for step in self.steps)

    @property
    def stem_length(self) -> int:
        """How many of the first blocks need to be computed only once per image: a frozen stem and
        what upsamples or pools it, if all other blocks read only the last one's output. 0 if there
        are none.
        """
        for length in range(len(self.steps) - 1, 0, -1):
            first, others = self.steps[:length], self.steps[length:]
            if (
                any(step.is_stem for step in first)
                and all(step.is_fixed and not step.needs_fixed_input for step in first)
                and all(step.sources == (index - 1,) for index, step in enumerate(first))
                and all(source >= length - 1 for step in others for source in step.sources)
            ):
                return length
        return 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """A line for each block that could learn but never will."""
        reached = self.reached
        return tuple(
            step.options.where.message(
                f"its weights never learn: the output of {{{self.options.name}}} does not depend "
                "on it"
            )
            for index, step in enumerate(self.steps)
            if step.learns and index not in reached
        )


def plan(options: NetworkOptions, source: Shape) -> Plan:
    """Run shapes through a network. Raises CfgError at the line of the first block that does not
    fit.
    """
    if options.net.channels != source[0]:
        raise options.net_where.error(
            f"channels={options.net.channels} but the input of {{{options.name}}} has "
            f"{source[0]} channels",
            "channels",
        )
    steps: list[Step] = []
    for index, block in enumerate(options.blocks):
        sources = _sources(block, index)
        shapes = [source if i == INPUT else steps[i].shape for i in sources]
        try:
            steps.append(_step(block, sources, shapes))
        except SourceError as error:
            shapes_text = [_shape_text(i, source, steps) for i in dict.fromkeys(sources)]
            raise block.where.error(f"{error}; {first_few(shapes_text)}", error.key) from None
        except OptionError as error:
            raise block.where.error(str(error), error.key) from None
    return Plan(options, source, tuple(steps))


def _sources(block: BlockOptions, index: int) -> tuple[int, ...]:
    """Absolute indices of the outputs that block ``index`` reads. References count from 0 at the
    first block after [net]; negative ones are relative to the block itself.
    """
    if not block.references:
        return (index - 1,)
    sources = []
    for key, reference in block.references:
        source = reference if reference >= 0 else index + reference
        if not INPUT <= source < index:
            reach = (
                f"this is block {index}: it can read blocks before it (0 to "
                f"{index - 1}, or -1 to -{index}) "
                f"and the input (-{index + 1})"
                if index
                else "this is block 0: it can only read the input (-1)"
            )
            raise block.where.error(
                f"{key}={reference} names a block that does not exist; {reach}", key
            )
        sources.append(source)
    return tuple(sources)


def _step(block: BlockOptions, sources: tuple[int, ...], shapes: list[Shape]) -> Step:
    """Run one block on its sources. Raises OptionError if it does not fit them."""
    try:
        with torch.device("meta"):
            module = block.builder(*shapes, **block.arguments).eval()
            inputs = [torch.empty(_PROBE_BATCH, *shape) for shape in shapes]
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            output = module(*inputs)
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        raise OptionError(f"does not fit its input ({sizes_text(tuple(shapes))})") from error
    channels, height, width = output.shape[1:]
    parameters = sum(parameter.numel() for parameter in module.parameters())
    frozen = sum(p.numel() for p in module.parameters() if not p.requires_grad)
    flops = counter.get_total_flops() // _PROBE_BATCH
    normalisation = module.normalisation if isinstance(module, PretrainedStem) else None
    shape = (channels, height, width)
    return Step(
        is_fixed=is_fixed(module),
        is_stem=isinstance(module, PretrainedStem),
        is_reference=isinstance(module, PersonReference),
        is_fitted_to_aus=isinstance(module, FittedBlock),
        needs_fixed_input=isinstance(module, PrecomputedBlock),
        options=block,
        sources=sources,
        shape=shape,
        parameters=parameters,
        frozen=frozen,
        flops=flops,
        normalisation=normalisation,
    )


def _shape_text(index: int, source: Shape, steps: list[Step]) -> str:
    """A block and its output shape, for an error message."""
    if index == INPUT:
        return f"the network's input is {size_text(source)}"
    step = steps[index]
    line = step.options.where.line
    return f"block {index} [{step.options.type}] on line {line} gives {size_text(step.shape)}"


class Graph(nn.Module):
    """The network of a plan. Outputs are released as soon as their last reader has run."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            step.options.builder(
                *(plan.input if i == INPUT else plan.steps[i].shape for i in step.sources),
                **step.options.arguments,
            )
            for step in plan.steps
        )
        self._options = plan.options
        self._sources = [step.sources for step in plan.steps]
        self.is_sequential = all(
            sources == (index - 1,) for index, sources in enumerate(self._sources)
        )
        """Whether every block reads only the one before it."""
        readers: dict[int, list[int]] = {}
        for index, sources in enumerate(self._sources):
            for source in sources:
                readers.setdefault(source, []).append(index)
        last_reader = {source: found[-1] for source, found in readers.items()}
        self._deferred = {
            index
            for index, (block, following) in enumerate(pairwise(self.blocks))
            if readers.get(index) == [index + 1] and pays(block, following)
        }
        """Upsampling blocks that run within the next block."""
        self._finished: list[list[int]] = [[] for _ in self._sources]
        for source in (INPUT, *range(len(self._sources))):
            self._finished[last_reader.get(source, max(source, 0))].append(source)
        self.stem_length = plan.stem_length

    def forward(self, x: Tensor, rest: Tensor | None = None, from_stem: bool = False) -> Tensor:
        """Input (B, C, H, W) and output (B, C', H', W') as planned. ``from_stem``: x is the stem's
        output. ``rest``: each person's features at rest, for [person_reference].
        """
        return self._run(x, self.stem_length if from_stem else 0, len(self.blocks), rest)

    def stem(self, x: Tensor) -> Tensor:
        """The output of the stem, the blocks that need to be computed only once per image."""
        return self._run(x, 0, self.stem_length)

    def block_input(
        self, block: int, x: Tensor, rest: Tensor | None = None, from_stem: bool = False
    ) -> Tensor:
        """The input of a block that has exactly one source."""
        (source,) = self._sources[block]
        return self._run(x, self.stem_length if from_stem else 0, source + 1, rest)

    def _run(self, x: Tensor, first: int, stop: int, rest: Tensor | None = None) -> Tensor:
        """Run blocks ``first`` to ``stop`` - 1 on x, the output of the block before them."""
        outputs = {first - 1: x}
        result = x
        for index, block in list(enumerate(self.blocks))[first:stop]:
            inputs = [outputs[source] for source in self._sources[index]]
            if index in self._deferred and index < stop - 1:
                (result,) = inputs
            elif index - 1 in self._deferred and index > first:
                result = upsampled_convolution(inputs[0], self.blocks[index - 1], block)
            elif isinstance(block, PersonReference):
                result = block(*inputs, rest)
            else:
                result = block(*inputs)
            del inputs
            outputs[index] = result
            for source in self._finished[index]:
                outputs.pop(source, None)
        return result

    def load_pretrained(self) -> None:
        """Load the published weights of pretrained stems. Raises CfgError if they are not
        available.
        """
        for block, options in zip(self.blocks, self._options.blocks, strict=True):
            if isinstance(block, PretrainedStem):
                try:
                    block.load()
                except OptionError as error:
                    raise options.where.error(str(error), error.key) from error
