"""A model whose Encoder begins with a frozen stem, and minimal_dataset as frames and as stem
outputs.
"""

from pathlib import Path

import torch

from audetnet.config.reader import read_config
from audetnet.data.augment import Augmentation
from audetnet.data.batches import Batches, PackedRows, evaluation_batch_indices
from audetnet.data.cache import PackedFrames, pack_frames
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.stem_outputs import pack_stem_outputs
from audetnet.distributed.world import World
from audetnet.evaluation.evaluate import Evaluator, Reference, SetResults
from audetnet.networks.au_head import AUHead
from audetnet.networks.frozen_stem import frozen_stem
from audetnet.networks.model import AUDetNet, build_model
from audetnet.networks.model_plan import plan_model
from audetnet.objectives.objective import objectives_of
from audetnet.training.step import TrainingStep, make_optimisers
from audetnet.vocabulary import VOCABULARY

CPU = torch.device("cpu")
SIZE = (64, 64)
NOTHING_DRAWN = Augmentation(flip=0.0, colour=0.0, noise=(0.0, 0.0))
HEAD = AUHead("BCEWithLogits", False, 2.0)
VIEWS = 3


def precision() -> torch.autocast:
    return torch.autocast("cpu", enabled=False)


class Bench:
    """A model with a frozen stem, the training frames of minimal_dataset, and their outputs."""

    def __init__(self, cfg: Path, directory: Path) -> None:
        self.config = read_config(cfg, VOCABULARY)
        self.data = load_dataset(DatasetPaths(directory=directory), regress=False)
        self.plan = plan_model(self.config, SIZE)
        self.frames = pack_frames(self.data.images(), SIZE, True, None)
        self.stem = self._stem_outputs(self.model())

    def model(self) -> AUDetNet:
        """With fixed weights, larger than the usual initialisation: otherwise codes hardly depend
        on the image.
        """
        model = build_model(self.plan, self.config.data, seed=0)
        with torch.no_grad():
            for parameter in (*model.encoder.parameters(), *model.predictor.parameters()):
                if parameter.dim() > 1 and parameter.requires_grad:
                    parameter.mul_(4)
        return model

    def _stem_outputs(self, model: AUDetNet) -> PackedFrames:
        stem = frozen_stem(model.eval(), self.plan, CPU)
        return pack_stem_outputs(stem, self.frames, self.data, VIEWS, None)

    def batches(self, name: str, with_stem: bool) -> Batches:
        frames = {each.name: each for each in self.data.sets()}[name]
        stem = PackedRows.load(self.stem, CPU, "off") if with_stem else None
        return Batches(frames, self.frames, CPU, stem=stem)

    def step(self, model: AUDetNet) -> TrainingStep:
        optimisers = make_optimisers(model, self.config)
        return TrainingStep(
            model,
            optimisers,
            objectives_of(self.plan),
            2,
            HEAD,
            0,
            precision,
            NOTHING_DRAWN,
            World(),
        )

    def evaluator(self, model: AUDetNet) -> Evaluator:
        loss = torch.nn.functional.l1_loss
        return Evaluator(model, HEAD, loss, self.data.au_names, precision)

    def evaluated(
        self, model: AUDetNet, with_stem: bool, reference: Reference | None = None
    ) -> SetResults:
        """On the test frames."""
        cuts = evaluation_batch_indices(len(self.data.test), 3, None)
        return self.evaluator(model)(self.batches("test", with_stem), cuts, reference=reference)
