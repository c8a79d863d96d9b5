"""Activations, and first weights that suit them."""

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
"""What is not listed (linear, None, not_implemented) applies nothing."""


def activation_layers(name: Activation) -> list[nn.Module]:
    """The layer that applies an activation, if it applies anything."""
    return [_ACTIVATIONS[name]()] if name in _ACTIVATIONS else []


def initialise(weight: Tensor, initialization: Initialization, activation: Activation) -> None:
    """Draw a layer's weight anew, in place, where ``initialization`` says how."""
    if initialization == "kaiming_uniform":
        nonlinearity: Any = activation if activation in _ACTIVATIONS else "linear"
        nn.init.kaiming_uniform_(weight, a=_LEAKY_RELU_SLOPE, nonlinearity=nonlinearity)
