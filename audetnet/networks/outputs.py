"""Whether the networks have an output for each thing that the data ask of them."""

from audetnet.networks.blocks.block import WIDTH_KEYS
from audetnet.networks.graph import INPUT, Plan, Step
from audetnet.networks.model import ModelPlan
from audetnet.networks.shapes import size_text


def check_outputs(
    model: ModelPlan, au_names: tuple[str, ...], people: int, subjects_fault: str | None
) -> None:
    """Raise CfgError, at the option to change, unless the AUPredictor has one output for each AU
    of the data, and so has every critic that answers for each AU, or for each of the people of the
    training frames. ``subjects_fault``: why these are not known.
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
    asked = {
        "AUs": (count, f"the {count} AUs of the data: {listed}"),
        "people": (people, f"the {people} people of the training frames"),
    }
    for options in model.objectives:
        section, answers = options.objective.critic_section, options.objective.critic_output
        if section is not None and answers in asked:
            if answers == "people" and subjects_fault is not None:
                raise options.where.error(subjects_fault)
            critic, (wanted, things) = model.networks[section], asked[answers]
            size = size_text(critic.output)
            _check(
                critic,
                wanted,
                f"the output of {{{section}}} is {size}, but [{options.type}] asks it for "
                f"{wanted}x1x1, a value for each of {things}",
            )


def _check(network: Plan, count: int, text: str) -> None:
    """Raise CfgError unless a network's output is ``count`` x 1 x 1: with the text, and what to
    write where one option decides.
    """
    if network.output == (count, 1, 1):
        return
    step, key = _deciding(network)
    if key is None or not count or network.output[1:] != (1, 1):
        raise network.steps[-1].options.where.error(text)
    raise step.options.where.error(f"{text}; write {key}={count}", key)


def _deciding(network: Plan) -> tuple[Step, str | None]:
    """The block that decides how many channels the output has, and its option that says it: the
    last block, or the nearest before it that does not merely keep the channels of its source.
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
