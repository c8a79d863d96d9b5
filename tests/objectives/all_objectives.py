"""cfg/minimal.cfg with an {Objectives} section of everything that its lambdas cannot express."""

import re

OBJECTIVES = """{Objectives}
[reconstruction]
gradient_to=z2
[distance_correlation]
of=z1,z2
[distance_correlation]
of=z2,labels
[density_ratio]
critic=Ratio Discriminator
shuffle=within_pattern
[variational_bottleneck]
weight=0.01
[swap_consistency]
gradient_to=both
[au_adversary]
critic=AU Discriminator
[identity_adversary]
critic=Identity Discriminator
"""
ADVERSARIES = """
{AU Discriminator}
[net]
learning_rate=0.001
beta1=0.5
beta2=0.99
channels=48
[connected]
output_features=16
activation=leaky_relu
[connected]
output_features=12

{Identity Discriminator}
[net]
learning_rate=0.001
beta1=0.5
beta2=0.99
channels=16
[connected]
output_features=4
"""


def with_objectives(minimal: str) -> str:
    """Without its lambdas and {Image Discriminator}; {Discriminator} tells patterns apart."""
    text, _, _ = minimal.partition("{Image Discriminator}")
    text = re.sub(r"^reconstruction_loss_function.*\n|^\w+_lambda.*\n", "", text, flags=re.M)
    assert "lambda" not in text and text.count("{Discriminator}") == 1
    return OBJECTIVES + text.replace("{Discriminator}", "{Ratio Discriminator}") + ADVERSARIES
