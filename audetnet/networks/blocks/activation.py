"""Activations, and weight initialisation to match."""

from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor, nn

Activation = Literal["relu", "leaky_relu", "tanh", "sigmoid", "linear", "not_implemented"] | None
Initialization = Literal["kaiming_uniform"] | None
_LEAKY_RELU_SLOPE = 0.01

_ACTIVATIONS: dict[str | None, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(_LEAKY_RELU_SLOPE),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
"""Names that are not listed (linear, None, not_implemented) add no layer."""


def activation_layers(name: Activation) -> list[nn.Module]:
    """The layer of an activation, if it needs one."""
    return [_ACTIVATIONS[name]()] if name in _ACTIVATIONS else []


def initialise(weight: Tensor, initialization: Initialization, activation: Activation) -> None:
    """Initialise a layer's weight in place; None keeps torch's default."""
    if initialization == "kaiming_uniform":
        nonlinearity: Any = activation if activation in _ACTIVATIONS else "linear"
        nn.init.kaiming_uniform_(weight, a=_LEAKY_RELU_SLOPE, nonlinearity=nonlinearity)
