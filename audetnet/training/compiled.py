"""Memory format and compilation of the networks for a device."""

import torch
from torch import Tensor

from audetnet.console.lines import note
from audetnet.networks.model import AUDetNet
from audetnet.objectives.critic_chain import needs_double_backward

_VARIANTS = 64
"""How many compiled variants torch keeps of the code that all networks share: one for each network,
with and without gradients, in training and evaluation, for full and last batches.
"""


def memory_format(device: torch.device) -> torch.memory_format:
    """Channels last on a GPU. On a CPU its backward pass is slower, and oneDNN's gradient of 1x1
    convolutions with stride 2 and fewer than 8 input channels is wrong.
    """
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def compile_networks(model: AUDetNet, device: torch.device) -> None:
    """Compile every network that torch.compile supports; a note names each other one and why.
    Weights and checkpoints stay the same, results up to rounding.
    """
    try:
        torch.compile(_probe, dynamic=False)(torch.ones(8, device=device))
    except Exception as error:  # anything that the compiler toolchain raises
        note(f"--compile: nothing is compiled: {_cause(error)}")
        return
    torch._dynamo.config.suppress_errors = True  # torch warns and falls back to eager
    _allow_variants()
    critics = model.critics()
    for name, network in model.networks().items():
        if name in critics and needs_double_backward(network):
            note(
                f"--compile: the {name} is not compiled: its penalty needs double backward, which "
                "torch.compile does not support"
            )
        else:
            network.compile(dynamic=False)


def _probe(x: Tensor) -> Tensor:
    return (x.sin() + 1).sqrt()


def _cause(error: BaseException) -> str:
    """The first line that says what went wrong; torch puts "... raised:" before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if not line.endswith("raised:")]
    return next(iter(causes), type(error).__name__)


def _allow_variants() -> None:
    config = torch._dynamo.config
    name = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"
    setattr(config, name, _VARIANTS)
