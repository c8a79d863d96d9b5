"""The table that ``train.py --describe`` prints."""

from audetnet.networks.graph import INPUT, Plan
from audetnet.networks.model import ModelPlan

_COLUMNS = "{:>5}  {:<17} {:<12} {:>14} {:>12} {:>12}"
_GIGA = 1e9


def describe(model: ModelPlan) -> str:
    """Each network as a table (block, type, inputs, output shape, parameters, GFLOP per image), and
    totals.

    A GFLOP is 10^9 operations; one multiply-add of a convolution or matrix product counts two, all
    else none.
    """
    z2 = model.code_channels - model.z1_channels
    notes = {
        id(model.encoder): f"code {_size(model.encoder)}: z1 = channels 0-{model.z1_channels - 1}"
        + (
            f", z2 = channels {model.z1_channels}-{model.code_channels - 1} ({z2})"
            if z2
            else ", no z2"
        ),
        id(model.predictor): f"reads z1 ({model.z1_channels} channels)",
        id(model.decoder): "reads z1 and z2",
    }
    if model.discriminator is not None:
        notes[id(model.discriminator)] = "reads pairs (z1, z2)"
    if model.image_discriminator is not None:
        notes[id(model.image_discriminator)] = "reads images"
    tables = [_table(network, notes[id(network)]) for network in model.networks()]
    parameters = sum(step.parameters for network in model.networks() for step in network.steps)
    flops = sum(step.flops for network in model.networks() for step in network.steps)
    total = (
        f"all networks: {parameters:,} parameters, {flops / _GIGA:.3f} GFLOP per "
        "image (one forward pass)"
    )
    return "\n\n".join([*tables, total])


def _table(network: Plan, note: str) -> str:
    lines = [
        f"{{{network.options.name}}}  {note}",
        _COLUMNS.format("block", "type", "reads", "output (CxHxW)", "parameters", "GFLOP/image"),
    ]
    for index, step in enumerate(network.steps):
        reads = ",".join("input" if source == INPUT else str(source) for source in step.sources)
        lines.append(
            _row(str(index), step.options.type, reads, step.shape, step.parameters, step.flops)
        )
    parameters = sum(step.parameters for step in network.steps)
    flops = sum(step.flops for step in network.steps)
    lines.append(_row("total", "", "", network.output, parameters, flops))
    return "\n".join(lines)


def _row(
    index: str, kind: str, reads: str, shape: tuple[int, ...], parameters: int, flops: int
) -> str:
    size = "x".join(map(str, shape))
    return _COLUMNS.format(index, kind, reads, size, f"{parameters:,}", f"{flops / _GIGA:.4f}")


def _size(network: Plan) -> str:
    return "x".join(map(str, network.output))
