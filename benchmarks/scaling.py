"""What several GPUs would gain, on paper: ``python benchmarks/scaling.py cfg/X.cfg [...]``.

Arithmetic, parameters and messages are counted from the cfg; the speeds of a GPU and a network are
assumptions, printed with the table. Nothing is measured. Efficiency = arithmetic time / (arithmetic
time + communication time), without overlap.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from audetnet.config.reader import read_config
from audetnet.networks.graph import Plan
from audetnet.networks.model import AUDetNet
from audetnet.networks.model_plan import ModelPlan, plan_model
from audetnet.objectives.objective import objectives_of
from audetnet.vocabulary import VOCABULARY

SIZE = (256, 256)
SUSTAINED = 300e12
"""Floating-point operations per second of one GPU in these networks: 38 % of an H200's bfloat16."""
CRITIC_LOSS = 10
"""Cost of a critic's whole loss in forward passes: both inputs, penalty, backward."""
FLOAT = 4


@dataclass(frozen=True)
class Fabric:
    """Bus bandwidth of an all-reduce in bytes per second, and seconds per message."""

    name: str
    bandwidth: float
    latency: float


FABRICS = {
    8: Fabric("one machine, NVLink", 350e9, 30e-6),
    64: Fabric("eight machines, 400 Gbit/s a GPU", 45e9, 80e-6),
}


@dataclass(frozen=True)
class Load:
    """Of an average batch: operations per image, bytes and messages summed over processes."""

    operations: float
    critic_operations: float
    """The operations of the critics among them."""
    bytes: float
    messages: float
    code_bytes: int
    """The code of an image, which all processes receive for the shuffled pairs."""


def load_of(plan: ModelPlan, model: AUDetNet, every: int) -> Load:
    """Count the load of a cfg whose main networks learn on every ``every``-th batch."""
    main = [plan.encoder, plan.predictor, plan.decoder]
    critics = [network for network in plan.networks.values() if network not in main]
    reads = {each.critic_input for each in objectives_of(plan) if each.critic_section is not None}
    decoded = 1 if "images" in reads else 1 / every
    encoded = 1 if critics else 1 / every
    operations = _flops(plan.encoder) * (encoded + 2 / every)
    operations += _flops(plan.decoder) * (decoded + 2 / every) + _flops(plan.predictor) * 3 / every
    judging = sum(_flops(critic) * (CRITIC_LOSS + 2 / every) for critic in critics)
    learned = sum(map(_learned, critics)) + sum(map(_learned, main)) / every
    encoder_norms, decoder_norms = _batch_norms(model.encoder), _batch_norms(model.decoder)
    norms = encoder_norms * (encoded + 1 / every) + decoder_norms * (decoded + 1 / every)
    messages = len(critics) + 2 / every + norms + ("codes" in reads)
    channels, height, width = plan.encoder.output
    code = channels * height * width * FLOAT if "codes" in reads else 0
    return Load(operations + judging, judging, learned * FLOAT, messages, code)


def _flops(network: Plan) -> int:
    return sum(step.flops for step in network.steps)


def _learned(network: Plan) -> int:
    return sum(step.parameters - step.frozen for step in network.steps)


def _batch_norms(network: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


def efficiency(load: Load, gpus: int, images: int) -> float:
    """Share of ``gpus`` times the speed of one GPU, at ``images`` per GPU."""
    fabric = FABRICS[gpus]
    volume = 2 * (gpus - 1) / gpus * (load.bytes + load.code_bytes * images * gpus)
    talking = volume / fabric.bandwidth + load.messages * fabric.latency
    computing = load.operations * images / SUSTAINED
    return computing / (computing + talking)


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("cfg", type=Path, nargs="+")
    print(f"assumed: {SUSTAINED / 1e12:.0f} TFLOP/s per GPU; no overlap; 256x256")
    for gpus, fabric in FABRICS.items():
        speed, wait = fabric.bandwidth / 1e9, fabric.latency * 1e6
        print(f"{gpus} GPUs: {fabric.name}: {speed:.0f} GB/s, {wait:.0f} us per message")
    print("\n| cfg | GFLOP/image | MB/batch | messages/batch | images/GPU | 8 | 64 |")
    print("|---|---|---|---|---|---|---|")
    for path in flags.parse_args().cfg:
        config = read_config(path, VOCABULARY)
        plan = plan_model(config, SIZE)
        every = config.training.train_main_net_every_n_batches
        load = load_of(plan, AUDetNet(plan, config.data), every)
        for images in (16, 64, 256):
            shares = " | ".join(f"{efficiency(load, gpus, images):.0%}" for gpus in FABRICS)
            print(
                f"| {path.name} | {load.operations / 1e9:.1f} | {load.bytes / 1e6:.1f} "
                f"| {load.messages:.1f} | {images} | {shares} |"
            )


if __name__ == "__main__":
    main()
