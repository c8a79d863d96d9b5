"""The training step of a cfg, on this CPU and alone."""

import torch

from audetnet.config.options import Config
from audetnet.data.augment import Augmentation
from audetnet.distributed.world import World
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import AUDetNet, build_model
from audetnet.networks.model_plan import ModelPlan
from audetnet.objectives.objective import objectives_of
from audetnet.training.step import TrainingStep, make_optimisers


def step_of(config: Config, plan: ModelPlan) -> tuple[AUDetNet, TrainingStep]:
    """A new model and what trains it."""
    model = build_model(plan, config.data, seed=0).train()
    head = AUHead(config.loss.au_regression_loss_function, config.data.regress_au_intensities, 2.0)
    step = TrainingStep(
        model,
        make_optimisers(model, config),
        objectives_of(plan),
        config.training.train_main_net_every_n_batches,
        head,
        0,
        lambda: torch.autocast("cpu", enabled=False),
        Augmentation(),
        World(),
    )
    return model, step
