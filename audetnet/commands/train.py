"""``audetnet train``: from a cfg file and a dataset directory to a trained, evaluated and saved
network.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audetnet.commands.dataset_flags import cache_of, dataset_of
from audetnet.commands.describe import describe
from audetnet.commands.train_flags import parser
from audetnet.console.lines import counted, note, say, silence
from audetnet.errors import UserError, exit_status
from audetnet.files.lock import locked
from audetnet.machine.devices import select_device
from audetnet.machine.memory import keep_freed_memory

if TYPE_CHECKING:
    import torch

    from audetnet.config.options import Config
    from audetnet.data.cache import PackedFrames
    from audetnet.data.frames import Dataset
    from audetnet.networks.model import AUDetNet
    from audetnet.networks.model_plan import ModelPlan
    from audetnet.training.checkpoint import Checkpoint
    from audetnet.training.settings import RunSettings

_BUSY = (
    "another process is training in this run directory; wait for it, or choose another directory "
    "with --run DIR"
)


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    if arguments.data is None and not arguments.describe:
        parser().error("--data is required for training (--describe works without)")
    if arguments.describe:
        return exit_status(lambda: describe(arguments))
    limit = arguments.max_time
    deadline = None if limit is None else time.monotonic() + limit
    return exit_status(lambda: _train(arguments, deadline))


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """Everything about a run that is determined before anything is written."""

    config: "Config"
    plan: "ModelPlan"
    dataset: "Dataset"
    images: dict[str, Path]
    identity: dict[str, Any]


def _train(arguments: argparse.Namespace, deadline: float | None) -> int:
    from audetnet.distributed.world import launched_world, process_group
    from audetnet.training.settings import RunSettings

    world = launched_world()
    if not world.is_main:
        silence()
    device = select_device(arguments.device, world.local_rank if world.size > 1 else None)
    if device.type == "cpu":
        keep_freed_memory()
    settings = RunSettings(
        directory=arguments.run or Path("runs") / _run_name(arguments),
        seed=arguments.seed,
        device=device,
        bf16=arguments.bf16,
        save_every=arguments.save_every,
        deadline=deadline,
        residence=arguments.data_on_device,
        compile=arguments.compile,
        world=world,
    )
    with process_group(world, device):
        prepared = world.all_or_none(lambda: _prepare(arguments, device))
        own = prepared.identity, prepared.config.resolved()
        if any(other != own for other in world.all_gather(own)):
            raise world.shared_error(
                UserError(
                    f"{arguments.data}: the machines of this run do not have the same cfg, ids, "
                    "labels and images; put them on storage that all can read"
                )
            )
        return _run(arguments, prepared, settings)


def _prepare(arguments: argparse.Namespace, device: "torch.device") -> _Prepared:
    from audetnet.config.reader import read_config
    from audetnet.data.cache import content_digest
    from audetnet.data.order import order_notes
    from audetnet.networks.memory_need import check_memory
    from audetnet.networks.model_plan import plan_model
    from audetnet.networks.outputs import check_outputs
    from audetnet.training.identity import run_identity
    from audetnet.vocabulary import VOCABULARY

    config = read_config(arguments.cfg, VOCABULARY)
    dataset = dataset_of(arguments, config.data)
    plan = plan_model(config, config.data.frame_size or dataset.first_image_size())
    check_outputs(plan, dataset.au_names, dataset.train.people, dataset.train.subjects_fault())
    check_memory(plan, device)
    ordered = order_notes(config, dataset)
    for line in (*config.warnings, *plan.warnings, *dataset.notes, *ordered):
        note(line)
    images = dataset.images()
    size = plan.image[1:]
    identity = run_identity(
        config,
        dataset,
        content_digest(images),
        size,
        arguments.seed,
        arguments.bf16,
        arguments.fold,
        arguments.init,
    )
    return _Prepared(config=config, plan=plan, dataset=dataset, images=images, identity=identity)


def _run(arguments: argparse.Namespace, prepared: _Prepared, settings: "RunSettings") -> int:
    from audetnet.data.cache import pack_frames
    from audetnet.networks.memory_need import explained_out_of_memory
    from audetnet.networks.model import build_model
    from audetnet.training.checkpoint import Checkpoint
    from audetnet.training.frame_list import write_frame_list
    from audetnet.training.identity import run_description
    from audetnet.training.initial_weights import initialise
    from audetnet.training.last_checkpoint import delete_run, last_checkpoint
    from audetnet.training.logs import RunDirectory
    from audetnet.training.trainer import Trainer

    config, plan, dataset = prepared.config, prepared.plan, prepared.dataset
    world, frame_size = settings.world, plan.image[1:]
    files, identity = RunDirectory(settings.directory), prepared.identity
    description = run_description(config, dataset, frame_size)
    with ExitStack() as held:

        def last() -> Checkpoint | None:
            held.enter_context(locked(settings.directory, _BUSY))
            files.check()
            if arguments.overwrite:
                return None
            return last_checkpoint(files, identity, description, model, config, dataset)

        def record() -> None:
            if arguments.overwrite:
                delete_run(files)
            if checkpoint is None or not files.frames.exists():
                write_frame_list(files.frames, dataset)
            files.record(config, identity)

        held.enter_context(explained_out_of_memory(config, plan, settings.device))
        model = build_model(plan, config.data, settings.seed)
        checkpoint = world.from_main(last)
        if checkpoint is None:
            world.from_main(model.load_pretrained)
            if arguments.init is not None:
                world.from_main(lambda: initialise(model, arguments.init, dataset.au_names))
        else:
            model.load_state_dict(checkpoint.model)
        resize = config.data.frame_size is not None
        cache = cache_of(arguments)
        make = world.all_or_none if cache is None else world.in_turn
        thorough = arguments.check_cache
        packed = make(lambda: pack_frames(prepared.images, frame_size, resize, cache, thorough))
        stem = _stem_outputs(prepared, model, packed, settings, make, cache, thorough)
        trainer = world.all_or_none(
            lambda: Trainer(
                config, plan, model, dataset, packed, stem, settings, identity, description
            )
        )
        if checkpoint is not None:
            trainer.restore(checkpoint)
        world.from_main(record)
        _announce(config, dataset, settings, _state(config, checkpoint))
        trainer.run()
    return 0


def _stem_outputs(
    prepared: _Prepared,
    model: "AUDetNet",
    packed: "PackedFrames",
    settings: "RunSettings",
    make: "Callable[[Callable[[], PackedFrames]], PackedFrames]",
    cache: Path | None,
    thorough: bool,
) -> "PackedFrames | None":
    """The frozen stem's outputs, if the cfg asks to precompute them."""
    from audetnet.data.stem_outputs import pack_stem_outputs
    from audetnet.networks.frozen_stem import frozen_stem

    views = prepared.config.data.stem_views
    if views is None:
        return None
    settings.world.broadcast_from_main([*model.parameters(), *model.buffers()])
    stem = frozen_stem(model.to(settings.device).eval(), prepared.plan, settings.device)
    dataset = prepared.dataset
    return make(lambda: pack_stem_outputs(stem, packed, dataset, views, cache, thorough))


def _run_name(arguments: argparse.Namespace) -> str:
    name: str = arguments.cfg.stem
    return name if arguments.fold is None else f"{name}-fold-{arguments.fold}"


def _announce(config: "Config", dataset: "Dataset", settings: "RunSettings", state: str) -> None:
    sets = ", ".join(
        f"{counted(len(s), f'{s.name} frame')} of {counted(len(set(s.subjects)), 'subject')}"
        for s in dataset.sets()
    )
    size = settings.world.size
    where = str(settings.device) if size == 1 else f"{size} processes ({settings.device.type})"
    aus = counted(len(dataset.au_names), "AU")
    say(f"{config.path} on {where}: {sets}, {aus}, {_label_kind(config, dataset)}")
    say(f"run directory {settings.directory}: {state}")


def _label_kind(config: "Config", dataset: "Dataset") -> str:
    if config.data.regress_au_intensities:
        return "intensity"
    if dataset.kind == "intensity":
        return f"occurrence (labels: intensities, active from {dataset.active_from:g})"
    return "occurrence"


def _state(config: "Config", checkpoint: "Checkpoint | None") -> str:
    if checkpoint is None:
        return "new run"
    done = len(checkpoint.history)
    if done < config.training.max_epochs:
        return "resuming from its last checkpoint"
    epochs = counted(done, "epoch")
    return f"finished: {epochs}; raise max_epochs to continue, or use --overwrite to start over"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
