"""How the networks are laid out and compiled for a device."""

import torch
from torch import Tensor

from audetnet.console.lines import note
from audetnet.networks.model import AUDetNet
from audetnet.objectives.critic_chain import needs_double_backward

_VARIANTS = 64
"""Compiled forms that torch keeps of the code that all networks share: one for each network, with
and without gradients, in training and evaluation, for whole and last batches.
"""


def memory_format(device: torch.device) -> torch.memory_format:
    """Channels last on a GPU. On a CPU its backward is slower, and oneDNN's gradient of a 1x1
    convolution of stride 2 with fewer than 8 input channels is wrong in it.
    """
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def compile_networks(model: AUDetNet, device: torch.device) -> None:
    """Have torch.compile take every network that it can; a line says of each other one why it runs
    as it is. Weights and checkpoints stay the same, numbers but for rounding.
    """
    try:
        torch.compile(_tried, dynamic=False)(torch.ones(8, device=device))
    except Exception as error:  # whatever the tools that it calls raise
        note(f"--compile: nothing is compiled: {_cause(error)}")
        return
    torch._dynamo.config.suppress_errors = True  # torch warns and runs the code as it is
    _allow_variants()
    critics = model.critics()
    for name, network in model.networks().items():
        if name in critics and needs_double_backward(network):
            note(
                f"--compile: the {name} runs as it is: its penalty needs double backward, which "
                "torch.compile has not"
            )
        else:
            network.compile(dynamic=False)


def _tried(x: Tensor) -> Tensor:
    return (x.sin() + 1).sqrt()


def _cause(error: BaseException) -> str:
    """The line that says what went wrong; compilers wrap it in a line that says only who failed."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.endswith("raised:")]
    return next(iter(telling), type(error).__name__)


def _allow_variants() -> None:
    config = torch._dynamo.config
    name = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"
    setattr(config, name, _VARIANTS)
