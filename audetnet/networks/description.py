"""The tables printed by ``train.py --describe``."""

from audetnet.console.text_table import text_table
from audetnet.networks.graph import INPUT, Plan, Step
from audetnet.networks.model_plan import ModelPlan

_HEADER = ("block", "type", "reads", "output (CxHxW)", "parameters", "GFLOP/image")
_LEFT_ALIGNED = {1, 2}
_GIGA = 1e9
Row = tuple[str, ...]


def describe(model: ModelPlan) -> str:
    """Each network as a table (block, type, inputs, output shape, parameters, GFLOP per image), and
    totals.

    A GFLOP is 10^9 operations. A multiply-add of a convolution or matrix product counts as two;
    everything else is not counted.
    """
    networks = model.networks.values()
    tables = [_table(network, _note(network, model)) for network in networks]
    steps = [step for network in networks for step in network.steps]
    total = f"all networks: {_parameters(steps)} parameters, {_gflop(steps)} GFLOP per image"
    return "\n\n".join([*tables, _objectives(model), f"{total} (one forward pass)"])


def _objectives(model: ModelPlan) -> str:
    """The training objectives: weights, critics, and where gradients of the main loss go."""
    rows = [("objective", "weight", "critic", "gradients go to")]
    rows += [
        (
            options.type,
            f"{options.objective.weight:g}",
            options.objective.critic_section or "-",
            options.objective.gradients,
        )
        for options in model.objectives
    ]
    return text_table(rows)


def _note(network: Plan, model: ModelPlan) -> str:
    """A network's input or output in terms of z1 and z2."""
    z1, code = model.z1_channels, model.code_channels
    if network is model.encoder:
        rest = f"z2 = channels {z1}-{code - 1} ({code - z1})" if code > z1 else "no z2"
        return f"code {_size(network)}: z1 = channels 0-{z1 - 1} ({z1}), {rest}"
    whole = "(z1, z2)" if code > z1 else "z1, the whole code"
    if network is model.decoder:
        return f"reads {whole}"
    critics = {each.objective.critic_section: each.objective for each in model.objectives}
    critic = critics.get(network.options.name)
    return {
        "codes": f"reads pairs {whole}",
        "images": "reads images",
        "z1": f"reads z1 ({z1} channels)",
        "z2": f"reads z2 ({code - z1} channels)",
    }["z1" if critic is None else critic.critic_input]


def _table(network: Plan, note: str) -> str:
    rows: list[Row] = [_HEADER]
    for index, step in enumerate(network.steps):
        reads = ",".join("input" if source == INPUT else str(source) for source in step.sources)
        shape = "x".join(map(str, step.shape))
        block = step.options.type
        rows.append((str(index), block, reads, shape, _parameters([step]), _gflop([step])))
    steps = list(network.steps)
    rows.append(("total", "", "", _size(network), _parameters(steps), _gflop(steps)))
    return f"{{{network.options.name}}}  {note}\n{text_table(rows, _LEFT_ALIGNED)}"


def _parameters(steps: list[Step]) -> str:
    count, frozen = sum(step.parameters for step in steps), sum(step.frozen for step in steps)
    return f"{count:,} ({frozen:,} frozen)" if frozen else f"{count:,}"


def _gflop(steps: list[Step]) -> str:
    return f"{sum(step.flops for step in steps) / _GIGA:.4f}"


def _size(network: Plan) -> str:
    return "x".join(map(str, network.output))
