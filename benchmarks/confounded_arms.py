"""The arms of confounded.py: cfg texts from one template, all on the stem of cfg/recogniser.cfg."""

from dataclasses import dataclass

_GENERAL = """{{General}}
[training_options]
batch_size=64
max_epochs={epochs}
max_test_iters=1
learning_rate_scheduler=Linear
decay_lr_over_last_n_epochs={decay}
[data_options]
regress_au_intensities={regress}
image_size=112
mean=127,127,127
std=128,128,128
stem_views=1
{data}[loss_options]
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
[select_subset]
origin_layer=1
start_index=256
end_index=512
"""
_Z1_CHANNELS, _Z2_CHANNELS = 32, 64
_HEAD = """[convolutional]
filters=64
kernel_size=1
stride=1
activation=relu
[dropout]
probability=0.5
[convolutional]
filters=32
kernel_size=7
stride=1
"""
_Z2 = """[select_subset]
origin_layer=2
start_index=0
end_index=256
[convolutional]
filters=32
kernel_size=1
stride=1
activation=relu
[convolutional]
filters={channels}
kernel_size=7
stride=1
[batch_norm]
num_features={channels}
affine=False
[combine_concat]
combine_layers={z1},{z2}
dimension=1
"""
_SMALL_DECODER = "[convolutional]\nfilters=3\nkernel_size=1\nstride=1\n"
_DECODER = """[batch_norm]
num_features={channels}
affine=False
[upsample]
output_sizes=7,7
mode=nearest
[convolutional]
batch_normalise=1
filters=64
kernel_size=3
stride=1
pad=1
activation=relu
[upsample]
output_sizes=14,14
mode=nearest
[convolutional]
batch_normalise=1
filters=32
kernel_size=3
stride=1
pad=1
activation=relu
[upsample]
output_sizes=28,28
mode=nearest
[convolutional]
filters=3
kernel_size=3
stride=1
pad=1
activation=tanh
"""
_TO_SIZE = "[upsample]\noutput_sizes=112,112\nmode=bilinear\n"
_READER = "[connected]\noutput_features=64\nactivation=relu\n"
_ANSWERS = "[connected]\noutput_features={outputs}\nactivation=linear\n"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """``decodes``: z2 and a decoder learn. ``critic``: its section; it reads the code. ``seeds``:
    at most so many trainings; a ridge is the same in all.
    """

    name: str
    title: str
    is_ridge: bool = False
    data: str = "balance_dataset_with_momu=False\n"
    decodes: bool = False
    objectives: str = ""
    critic: str | None = None
    seeds: int = 5


_PAIRS = "Pair Discriminator"
_MOMU = "balance_dataset_with_momu=True\nepoch_size={epoch_size}\nsampling_size=4\n"
_REFERENCE = "person_reference=z1\n"
BASE = "head"
ARMS = (
    Arm(
        name=BASE,
        title="trained head",
        data="balance_dataset_with_momu=False\n" + _REFERENCE,
    ),
    Arm(
        name="ridge",
        title="ridge",
        is_ridge=True,
        data="balance_dataset_with_momu=False\n" + _REFERENCE,
        seeds=1,
    ),
    Arm(
        name="head-cells",
        title="head, balance_over",
        data="balance_dataset_with_momu=False\nbalance_over={au},{factor}\n",
    ),
    Arm(name="head-momu", title="head, MOMU", data=_MOMU),
    Arm(
        name="head-momu-subjects",
        title="head, MOMU, balance_subjects",
        data=_MOMU + "balance_subjects=True\n",
    ),
    Arm(name="head-decoder", title="head + decoder", decodes=True, seeds=2),
    Arm(
        name="head-dcor",
        title="head + decoder + dCor(z1, z2)",
        decodes=True,
        objectives="[distance_correlation]\nof=z1,z2\nweight=1\n",
        seeds=2,
    ),
    Arm(
        name="head-density",
        title="head + decoder + density ratio 0.1",
        decodes=True,
        objectives="[density_ratio]\ncritic=Pair Discriminator\nweight=0.1\n",
        critic=_PAIRS,
        seeds=2,
    ),
    Arm(
        name="head-wgan",
        title="head + decoder + WGAN-GP 0.1, as in 2019",
        decodes=True,
        objectives="[wgan_gp_codes]\ncritic=Pair Discriminator\nweight=0.1\npenalty_weight=10\n",
        critic=_PAIRS,
        seeds=2,
    ),
    Arm(
        name="head-bottleneck",
        title="head + decoder + variational bottleneck 0.003",
        decodes=True,
        objectives="[variational_bottleneck]\nweight=0.003\n",
        seeds=2,
    ),
)


def cfg_text(
    arm: Arm,
    *,
    aus: int,
    frames: int,
    epochs: int,
    au: str,
    factor: str,
    regress: bool,
) -> str:
    """The cfg of an arm for data of so many AUs and training frames. ``regress``: whether a
    ridge learns intensities.
    """
    z1_channels = aus if arm.is_ridge else _Z1_CHANNELS
    z1 = _STEM + (f"[ridge]\noutput_features={aus}\n" if arm.is_ridge else _HEAD)
    last = z1.count("[") - 1
    z2 = _Z2.format(channels=_Z2_CHANNELS, z1=last, z2=last + 4)
    code = z1_channels + _Z2_CHANNELS
    decoder = _DECODER.format(channels=code) if arm.decodes else _SMALL_DECODER
    answers = "[identity]\n" if arm.is_ridge else _ANSWERS.format(outputs=aus)
    sections = {
        "Encoder": (3, z1 + z2),
        "AUPredictor": (z1_channels, answers),
        "Decoder": (code, decoder + _TO_SIZE),
    }
    if arm.critic is not None:
        sections[arm.critic] = (code, _READER + _ANSWERS.format(outputs=1))
    general = _GENERAL.format(
        epochs=1 if arm.is_ridge else epochs,
        decay=1 if arm.is_ridge else max(1, epochs // 2),
        regress=arm.is_ridge and regress,
        data=arm.data.format(au=au, factor=factor, epoch_size=frames // 4 * 4),
        loss="MSE" if arm.is_ridge else "BCEWithLogits",
        weight=1 if arm.decodes else 0,
        gradient_to="both" if arm.decodes else "z2",
        objectives=arm.objectives,
    )
    return general + "".join(
        f"{{{name}}}\n{_NET.format(channels=channels)}{blocks}"
        for name, (channels, blocks) in sections.items()
    )
