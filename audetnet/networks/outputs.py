"""Whether the networks have as many outputs as the data need."""

from audetnet.networks.blocks.block import WIDTH_KEYS
from audetnet.networks.graph import INPUT, Plan, Step
from audetnet.networks.model_plan import ModelPlan
from audetnet.networks.shapes import size_text


def check_outputs(
    model: ModelPlan, au_names: tuple[str, ...], people: int, subjects_fault: str | None
) -> None:
    """Raise CfgError, at the option to change, unless the AUPredictor has one output per AU of the
    data, and every critic one output per AU, or per person of the training frames, if that is what
    it predicts. ``subjects_fault``: why the people are not known.
    """
    count = len(au_names)
    listed = ", ".join(au_names)
    _check(
        model.predictor,
        count,
        f"the AUPredictor has {model.au_count} outputs, but the data have {count} AUs: {listed}",
    )
    for step in model.encoder.steps:
        if step.is_fitted_to_aus and step.shape[0] != count:
            raise step.options.where.error(
                f"has {step.shape[0]} outputs, but the data have {count} AUs: {listed}; write "
                f"output_features={count}",
                "output_features",
            )
    required = {
        "AUs": (count, f"the {count} AUs of the data: {listed}"),
        "people": (people, f"the {people} people of the training frames"),
    }
    for options in model.objectives:
        section, output = options.objective.critic_section, options.objective.critic_output
        if section is not None and output in required:
            if output == "people" and subjects_fault is not None:
                raise options.where.error(subjects_fault)
            critic, (outputs, things) = model.networks[section], required[output]
            size = size_text(critic.output)
            _check(
                critic,
                outputs,
                f"the output of {{{section}}} is {size}, but [{options.type}] needs "
                f"{outputs}x1x1, one value for each of {things}",
            )


def _check(network: Plan, count: int, text: str) -> None:
    """Raise CfgError with the text unless a network's output is ``count`` x 1 x 1. The error says
    what to write if a single option decides it.
    """
    if network.output == (count, 1, 1):
        return
    step, key = _width_option(network)
    if key is None or not count or network.output[1:] != (1, 1):
        raise network.steps[-1].options.where.error(text)
    raise step.options.where.error(f"{text}; write {key}={count}", key)


def _width_option(network: Plan) -> tuple[Step, str | None]:
    """The block that decides how many channels the output has, and its option for that: the last
    block, or the nearest one before it that does not just keep the channels of its source.
    """
    step = network.steps[-1]
    while True:
        for key in WIDTH_KEYS:
            if key in step.options.arguments:
                return step, key
        source = step.sources[0]
        if (
            len(step.sources) > 1
            or source == INPUT
            or network.steps[source].shape[0] != step.shape[0]
        ):
            return step, None
        step = network.steps[source]
