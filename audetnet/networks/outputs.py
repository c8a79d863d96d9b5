"""Whether the networks have an output for each thing that the data ask of them."""

from audetnet.config.options import PREDICTOR, Config
from audetnet.networks.blocks.block import WIDTH_KEYS
from audetnet.networks.graph import INPUT, Plan, Step
from audetnet.networks.model import ModelPlan


def check_au_count(config: Config, model: ModelPlan, au_names: tuple[str, ...]) -> None:
    """Raise CfgError, at the option to change, unless the AUPredictor has one output for each AU
    of the data.
    """
    if model.au_count == len(au_names):
        return
    text = (
        f"the AUPredictor has {model.au_count} outputs, but the data have {len(au_names)} AUs: "
        + ", ".join(au_names)
    )
    step, key = _deciding(model.predictor)
    if key is None or not au_names:
        raise config.networks[PREDICTOR].blocks[-1].where.error(text)
    raise step.options.where.error(f"{text}; write {key}={len(au_names)}", key)


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
