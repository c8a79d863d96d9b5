"""The arms of recognition.py, whose cfgs come from one template."""

from dataclasses import dataclass
from typing import Literal

SIZE = (112, 112)
"""Size of the images that the stem reads."""
_GENERAL = """{{General}}
[training_options]
batch_size=64
max_epochs={epochs}
max_test_iters=1
learning_rate_scheduler=Linear
decay_lr_over_last_n_epochs={decay}
[data_options]
regress_au_intensities={regress}
balance_dataset_with_momu=False
image_size=112
mean=127,127,127
std=128,128,128
stem_views=4
{validation}[loss_options]
au_regression_loss_function={loss}

{{Objectives}}
[reconstruction]
weight={weight}
gradient_to={gradient_to}
{objectives}
"""
_NET = "[net]\nlearning_rate=0.001\nbeta1=0.9\nbeta2=0.99\nchannels={channels}\n"
_STEM = """[upsample]
output_sizes=224,224
mode=bilinear
[timm]
model=tf_efficientnet_lite0
end_at=blocks.1,blocks.2,blocks.3,blocks.4
pool_to=7
mirror_mean=True
freeze_first_n_layers=all
[select_subset] # what the image and its mirror image share
origin_layer=1
start_index=256
end_index=512
"""
_HEAD_CHANNELS, _Z2_CHANNELS, _Z2_MAP_CHANNELS = 32, 128, 32
_Z1 = {
    "head": f"""[convolutional]
filters=64
kernel_size=1
stride=1
activation=relu
[dropout]
probability=0.5
[convolutional]
filters={_HEAD_CHANNELS}
kernel_size=7
stride=1
""",
    "ridge": "[ridge]\noutput_features={aus}\n",
    "ridge at rest": "[person_reference]\n[ridge]\noutput_features={aus}\n",
}
_SIDE = 3
"""Side of z2 if it is a map: it keeps coarse positions, but no small detail."""
_Z1_MAP = f"[upsample]\noutput_sizes={_SIDE},{_SIDE}\nmode=nearest\n"
_Z2 = """[select_subset] # the image itself
origin_layer=1
start_index=0
end_index=256
[convolutional]
batch_normalise=1
filters=64
kernel_size=1
stride=1
activation=relu
[convolutional]
filters={channels}
kernel_size={kernel_size}
stride={stride}
[batch_norm]
num_features={channels}
affine=False
[combine_concat]
combine_layers={z1},{z2}
dimension=1
"""
_UP = "[upsample]\noutput_sizes={size},{size}\nmode=nearest\n"
_CONVOLUTION = """[convolutional]
batch_normalise=1
filters={filters}
kernel_size=3
stride=1
pad=1
activation=relu
"""
_WIDTHS = {3: 128, 7: 128, 14: 64, 28: 32}
"""Channels by map size, which grows in small steps: as in cfg/efficientnet_lite0.cfg, but up to
half the size.
"""
_DECODER = (
    "[batch_norm] # z1's outputs vary little: all channels to one scale\n"
    "num_features={channels}\naffine=False\n"
    + "".join(_UP.format(size=s) + _CONVOLUTION.format(filters=n) for s, n in _WIDTHS.items())
    + _UP.format(size=56)
    + "[convolutional]\nfilters=3\nkernel_size=3\nstride=1\npad=1\nactivation=tanh\n"
    "[upsample]\nscale_factor=2\nmode=bilinear\n"
)
_READER = {
    1: "[connected]\noutput_features=64\nactivation=relu\n",
    _SIDE: f"[convolutional]\nfilters=64\nkernel_size={_SIDE}\nstride=1\nactivation=relu\n",
}
"""By the side of the map: reads all of its positions."""
_ANSWERS = "[connected]\noutput_features={outputs}\nactivation=linear\n"
_SCALED = "[batch_norm]\nnum_features={channels}\naffine=False\n"

Z1 = Literal["head", "ridge", "ridge at rest"]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """``decoder``: which part of the code receives its gradient; None: neither it nor z2 learns.
    ``critic``: its section, and what it reads. ``side``: of the code as a map; 1: a vector.
    """

    name: str
    title: str
    z1: Z1 = "ridge at rest"
    decoder: Literal["z2", "both"] | None = "z2"
    side: Literal[1, 3] = 1
    objectives: str = ""
    critic: tuple[str, Literal["code", "z1", "z2"]] | None = None
    starts_from_shipped: bool = False
    """From ``--init rendered-faces``: a ridge is fitted to what the shipped network leaves."""
    is_slow: bool = False
    """Takes hours, because it runs the stem on every batch; trained only on request."""


def _correlation(of: str) -> str:
    return f"[distance_correlation]\nof={of}\nweight=1\ngradient_to=z2\n"


def _density(shuffle: str) -> str:
    return (
        "[density_ratio]\ncritic=Pair Discriminator\nweight=0.1\ngradient_to=z2\n"
        f"shuffle={shuffle}\n"
    )


_PAIRS: tuple[str, Literal["code"]] = ("Pair Discriminator", "code")
_WITH_LABELS = _correlation("z2,labels")
BASE = "predictor-only"
ARMS = (
    Arm(name=BASE, title="predictor only (trained head)", z1="head", decoder=None),
    Arm(name="head-decoder", title="head + decoder", z1="head"),
    Arm(name="head-decoder-both", title="head + decoder, also into z1", z1="head", decoder="both"),
    Arm(
        name="head-bottleneck",
        title="head + decoder + variational bottleneck 0.003",
        z1="head",
        objectives="[variational_bottleneck]\nweight=0.003\n",
    ),
    Arm(
        name="head-identity-adversary",
        title="head + decoder + identity adversary 0.03",
        z1="head",
        objectives="[identity_adversary]\ncritic=Person Discriminator\nweight=0.03\n",
        critic=("Person Discriminator", "z1"),
    ),
    Arm(name="ridge-decoder", title="ridge + decoder", z1="ridge"),
    Arm(
        name="ridge-shipped",
        title="ridge on top of the shipped network + decoder",
        z1="ridge",
        starts_from_shipped=True,
    ),
    Arm(name="rest", title="ridge minus the person at rest + decoder"),
    Arm(name="rest-dcor", title="rest + dCor(z1, z2)", objectives=_correlation("z1,z2")),
    Arm(name="rest-dcor-labels", title="rest + dCor(z2, labels)", objectives=_WITH_LABELS),
    Arm(
        name="rest-dcor-both",
        title="rest + dCor(z1, z2) + dCor(z2, labels)",
        objectives=_correlation("z1,z2") + _WITH_LABELS,
    ),
    Arm(
        name="rest-au-adversary",
        title="rest + AU adversary 0.3",
        objectives="[au_adversary]\ncritic=AU Discriminator\nweight=0.3\n",
        critic=("AU Discriminator", "z2"),
    ),
    Arm(
        name="rest-density",
        title="rest + density ratio 0.1, marginal",
        objectives=_density("marginal"),
        critic=_PAIRS,
    ),
    Arm(
        name="rest-density-within",
        title="rest + density ratio 0.1, within pattern",
        objectives=_density("within_pattern"),
        critic=_PAIRS,
    ),
    Arm(
        name="rest-wgan",
        title="rest + WGAN-GP 0.005, as in 2019",
        objectives="[wgan_gp_codes]\ncritic=Pair Discriminator\nweight=0.005\n"
        "penalty_weight=10\ngradient_to=z2\n",
        critic=_PAIRS,
    ),
    Arm(name="map", title="rest, z2 a map of 3x3", side=3),
    Arm(
        name="map-dcor-both",
        title="rest, z2 a map of 3x3 + dCor(z1, z2) + dCor(z2, labels)",
        side=3,
        objectives=_correlation("z1,z2") + _WITH_LABELS,
    ),
    Arm(
        name="rest-swap",
        title="rest + swap consistency 0.3",
        objectives="[swap_consistency]\nweight=0.3\n",
        is_slow=True,
    ),
)


def cfg_text(
    arm: Arm, *, aus: int, people: int, epochs: int, regress: bool, validation: tuple[str, ...]
) -> str:
    """The cfg of an arm, for a number of AUs and training people."""
    is_ridge = arm.z1 != "head"
    z1_channels = aus if is_ridge else _HEAD_CHANNELS
    z1 = _STEM + _Z1[arm.z1].format(aus=aus) + (_Z1_MAP if arm.side > 1 else "")
    last = sum(line.startswith("[") for line in z1.splitlines()) - 1
    z2_channels = _Z2_CHANNELS if arm.side == 1 else _Z2_MAP_CHANNELS
    kernel_size, stride = (7, 1) if arm.side == 1 else (3, 2)
    z2 = _Z2.format(
        z1=last, z2=last + 4, channels=z2_channels, kernel_size=kernel_size, stride=stride
    )
    code = z1_channels + z2_channels
    predictor = _ANSWERS.format(outputs=aus)
    if is_ridge:
        predictor = (
            f"[avgpool]\npool_size={arm.side}\nstride=1\n" if arm.side > 1 else "[identity]\n"
        )
    general = _GENERAL.format(
        epochs=epochs,
        decay=max(1, epochs // 2),
        regress=regress and is_ridge,
        validation=f"validation_subjects={','.join(validation)}\n" if validation else "",
        loss="MSE" if is_ridge else "BCEWithLogits",
        weight=0 if arm.decoder is None else 1,
        gradient_to=arm.decoder or "z2",
        objectives=arm.objectives,
    )
    sections = {
        "Encoder": (3, z1 + z2),
        "AUPredictor": (z1_channels, predictor),
        "Decoder": (code, _DECODER.format(channels=code)),
    }
    if arm.critic is not None:
        name, reads = arm.critic
        channels = {"code": code, "z1": z1_channels, "z2": z2_channels}[reads]
        outputs = {"code": 1, "z1": people, "z2": aus}[reads]
        scaled = _SCALED.format(channels=channels) if reads == "code" else ""
        sections[name] = (channels, scaled + _READER[arm.side] + _ANSWERS.format(outputs=outputs))
    networks = (
        f"{{{name}}}\n{_NET.format(channels=channels)}{blocks}\n"
        for name, (channels, blocks) in sections.items()
    )
    return general + "\n" + "".join(networks)


def fresh_predictor_cfg(aus: int, side: int) -> str:
    """A cfg with the fresh AUPredictor for the measures, for codes that are maps of ``side`` x
    ``side``; the AUPredictor after a ridge has nothing to learn.
    """
    text = cfg_text(ARMS[0], aus=aus, people=2, epochs=1, regress=False, validation=())
    answers = _ANSWERS.format(outputs=aus)
    return text.replace(answers, _READER[side] + answers, 1)
