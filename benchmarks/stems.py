"""What computing a frozen stem once gains: an epoch of training with and without, in turn.

``python benchmarks/stems.py [--frames 64] [--views 3] [--rounds 3] [--epoch-frames 4000]``: heads
of z1 and z2 and the AUPredictor on four stages of EfficientNet-Lite0 with random weights, 224x224
frames, loader included, no decoder. Ratio = time without / time with; medians. Then the seconds for
an epoch of many frames, on random stem outputs.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from comparing import in_turn, ratio, seconds_of
from trainees import CPU, Trainee, made_array, mapped_frames

from audetnet.config.options import Config
from audetnet.config.reader import parse_config
from audetnet.data.batches import Batches, PackedRows, training_batch_indices
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import Dataset, FrameSet
from audetnet.data.momu import Indices
from audetnet.data.stem_outputs import pack_stem_outputs
from audetnet.data.views import view_name, views_of_epoch
from audetnet.machine.memory import keep_freed_memory
from audetnet.networks.frozen_stem import frozen_stem
from audetnet.networks.model_plan import plan_model
from audetnet.vocabulary import VOCABULARY

SIZE, BATCH = 224, 64
CFG = """{General}
[training_options]
batch_size=64
max_epochs=1
[data_options]
regress_au_intensities=False
balance_dataset_with_momu=False
stem_views=1
[loss_options]
au_regression_loss_function=BCEWithLogits

{Objectives}
[distance_correlation]
of=z1,z2

{Encoder}
[net]
learning_rate=0.001
beta1=0.9
beta2=0.99
channels=3
[timm] # 256x7x7
model=tf_efficientnet_lite0
pretrained=False
end_at=blocks.1,blocks.2,blocks.3,blocks.4
pool_to=7
freeze_first_n_layers=all
[convolutional]
filters=64
kernel_size=1
stride=1
activation=relu
[dropout]
probability=0.5
[convolutional] # z1
filters=32
kernel_size=7
stride=1
[route]
branch_at_layer=0
[convolutional]
filters=64
kernel_size=1
stride=1
activation=relu
[convolutional] # z2
filters=128
kernel_size=7
stride=1
[combine_concat]
combine_layers=3,6

{AUPredictor}
[net]
learning_rate=0.001
beta1=0.9
beta2=0.99
channels=32
[connected]
output_features=12

{Decoder}
[net]
learning_rate=0.001
beta1=0.9
beta2=0.99
channels=160
[upsample]
output_sizes=224,224
[connected]
output_features=3
"""


def dataset_of(frames: FrameSet) -> Dataset:
    """A dataset without test frames."""
    return Dataset(
        train=frames,
        test=frames.keep([False] * len(frames), "test"),
        validation=None,
        au_names=tuple(f"AU{n}" for n in range(frames.labels.shape[1])),
        kind="intensity",
        active_from=2,
        notes=(),
    )


def trainee_with(
    config: Config, frames: FrameSet, packed: PackedFrames, outputs: PackedFrames
) -> Trainee:
    """A trainee that reads the outputs of the stem."""
    trainee = Trainee(config, frames, packed)
    trainee.batches = Batches(frames, packed, CPU, stem=PackedRows(outputs, CPU))
    return trainee


def epoch(trainee: Trainee, cuts: list[Indices], views: Indices | None) -> None:
    """Train on all batches."""
    trainee.train(trainee.batches(cuts, views), len(cuts))


def cuts_of(count: int) -> list[Indices]:
    return training_batch_indices(np.random.default_rng(1).permutation(count), BATCH)


def compare(config: Config, path: Path, views: int, rounds: int) -> None:
    """Print the cost of the outputs, an epoch each way, and the ratio."""
    frames, packed = mapped_frames(path)
    plan, plain = plan_model(config, (SIZE, SIZE)), Trainee(config, frames, packed)
    stem = frozen_stem(plain.model.eval(), plan, CPU)
    found: list[PackedFrames] = []
    data = dataset_of(frames)
    once = seconds_of(lambda: found.append(pack_stem_outputs(stem, packed, data, views, None)))
    cuts, seen = cuts_of(len(frames)), views_of_epoch(len(frames), views, 0, 1)
    for trainee in (with_it := trainee_with(config, frames, packed, found[0]), plain):
        trainee.model.train()
    ways = {
        "without": partial(epoch, plain, cuts, None),
        "with": partial(epoch, with_it, cuts, seen),
    }
    seconds = in_turn(ways, rounds)
    medians = {way: statistics.median(each) for way, each in seconds.items()}
    print(f"{views} views of {len(frames)} frames, once: {once:.2f} s")
    for way, median in medians.items():
        print(f"epoch {way}: {median:.3f} s, {1000 * median / len(frames):.2f} ms per frame")
    print(f"without / with: {ratio(seconds['without'], seconds['with'])}")


def random_outputs(
    config: Config, frames: FrameSet, packed: PackedFrames, directory: Path, views: int
) -> PackedFrames:
    """Rows with the shape of the stem's outputs, in a file."""
    row = plan_model(config, (SIZE, SIZE)).encoder.steps[0].shape
    names = [view_name(frame, view) for frame in frames.ids for view in range(views)]
    path = directory / "outputs.npy"
    random = np.random.default_rng(0).standard_normal((256, *row)).astype(np.float16)
    rows = np.lib.format.open_memmap(path, "w+", np.float16, (len(names), *row))
    for start in range(0, len(names), len(random)):
        part = rows[start : start + len(random)]
        part[:] = random[: len(part)]
    return PackedFrames(rows, names)


def long_epoch(config: Config, directory: Path, count: int, views: int, rounds: int) -> None:
    """Print the seconds for an epoch of ``count`` frames."""
    path = directory / "black.npy"
    np.lib.format.open_memmap(path, "w+", np.uint8, (count, 3, SIZE, SIZE))
    frames, packed = mapped_frames(path)
    outputs = random_outputs(config, frames, packed, directory, views)
    trainee = trainee_with(config, frames, packed, outputs)
    trainee.model.train()
    seen = views_of_epoch(count, views, 0, 1)
    (seconds,) = in_turn({"with": partial(epoch, trainee, cuts_of(count), seen)}, rounds).values()
    print(
        f"epoch of {count} frames with: {statistics.median(seconds):.2f} s "
        f"({min(seconds):.2f} to {max(seconds):.2f})"
    )


def main(argv: Sequence[str] | None = None) -> None:
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--frames", type=int, default=64, help="in the comparison")
    flags.add_argument("--views", type=int, default=3)
    flags.add_argument("--rounds", type=int, default=3)
    flags.add_argument("--epoch-frames", type=int, default=4000, help="in the long epoch; 0: none")
    arguments = flags.parse_args(argv)
    keep_freed_memory()
    config = parse_config(CFG, Path("stems.cfg"), VOCABULARY)
    print(f"{torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.npy"
        made_array(path, arguments.frames, SIZE)
        compare(config, path, arguments.views, arguments.rounds)
        if count := arguments.epoch_frames:
            long_epoch(config, Path(folder), count, arguments.views, arguments.rounds)


if __name__ == "__main__":
    main()
