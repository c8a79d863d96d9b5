"""A variational bottleneck: information in z1 is penalised, so that z1 keeps only what the AUs
need. Alemi et al. 2017, "Deep variational information bottleneck", arXiv 1612.00410.
"""

from dataclasses import dataclass

from torch import Tensor

from audetnet.networks.graph import INPUT, Plan
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import Objective, Terms, objective


@objective("variational_bottleneck")
@dataclass(frozen=True, kw_only=True)
class VariationalBottleneck(Objective):
    """z1 is the mean of a Gaussian N(z1, 1), of which all networks read a sample in training;
    evaluation and prediction read the mean. The loss is the KL divergence from the standard normal,
    |z1|^2 / 2 nats, summed over channels and positions and averaged over frames. 0.003 is a good
    first weight.

    The standard deviation is 1 for every frame and channel, so no block has to predict it: the
    scale of z1 relative to the noise determines its information, and the encoder learns that scale
    for each channel. So z1 must not end in a batch norm without a learned scale.
    """

    noise_in_z1 = True

    @property
    def gradients(self) -> str:
        return "z1"

    def fault(self, encoder: Plan) -> str | None:
        """If z1 is standardised, the encoder cannot raise it above the noise."""
        step = encoder.steps[-1]
        while step.options.type == "combine_concat" and step.sources[0] != INPUT:
            step = encoder.steps[step.sources[0]]
        if step.options.type != "batch_norm" or step.options.arguments["affine"]:
            return None
        return (
            f"z1 ends in [batch_norm] on line {step.options.where.line}, which fixes the scale of "
            "z1, so nothing could be learnt: set affine=True there"
        )

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        nats = divergence(forward.encoded.z1).mean()
        return nats, {"bottleneck_nats": nats}


def divergence(means: Tensor) -> Tensor:
    """KL(N(means, 1) || N(0, 1)) in nats, (B,), for means (B, ...)."""
    return means.square().flatten(1).sum(dim=1) / 2
