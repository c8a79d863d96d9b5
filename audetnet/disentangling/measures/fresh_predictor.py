"""Row 9: a fresh AUPredictor with the cfg's architecture, trained on a frozen block of the code."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from audetnet.config.language import CfgError
from audetnet.config.options import PREDICTOR, NetworkOptions
from audetnet.disentangling.block_metrics import leak_ratio, macro_auc, macro_f1
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.early_stopping import split_people, train_with_early_stopping
from audetnet.disentangling.measure import computes
from audetnet.disentangling.table import (
    MODELS,
    Cell,
    Findings,
    NotMeasuredError,
    Row,
    require_people,
)
from audetnet.disentangling.trained_run import TrainedRun
from audetnet.evaluation.people import Indices, Statistic
from audetnet.labels import active
from audetnet.networks.graph import Graph, Plan, plan
from audetnet.seeds import Purpose, numpy_generator, seeded

_EPOCHS, _PATIENCE = 60, 10
_HOW = (
    "the cfg's {AUPredictor} with new weights and the block's width, trained on frozen codes of "
    "the training people, not augmented, with the cfg's AU loss, learning rate and batch size "
    "(epoch chosen on a fifth of them), tested on the test people; mean over AUs"
)


def _rows(block: str) -> tuple[Row, Row]:
    return (
        Row(
            key=f"fresh_{block}_auc",
            number=9,
            title=f"fresh AUPredictor on {block}",
            unit="macro ROC-AUC",
            chance="0.5",
            ideal="high" if block == "z1" else "0.5",
            definition=f"{_HOW}.",
            headline=True,
        ),
        Row(
            key=f"fresh_{block}_f1",
            number=9,
            title=f"fresh AUPredictor on {block}",
            unit="macro F1",
            chance="0",
            ideal="high" if block == "z1" else "0",
            definition=f"{_HOW}; decisions as in training (score of at least 0.5, or intensity).",
        ),
    )


ROWS = (
    *_rows("z1"),
    *_rows("z2"),
    Row(
        key="fresh_leak",
        number=9,
        title="leak of the AUs into z2, fresh AUPredictor",
        unit="ratio",
        chance="0",
        ideal="0",
        definition="(AUC(z2) - 0.5) / (AUC(z1) - 0.5) of the fresh AUPredictors; undefined if "
        "AUC(z1) < 0.55.",
        headline=True,
    ),
)


@computes(*ROWS, of=MODELS)
def measure(data: ColumnData) -> Findings:
    """AUC and F1 on each block, and the leak. Raises NotMeasuredError for a single training
    person.
    """
    run, test, estimate = data.model_run, data.test, data.estimator()
    require_people(data.train, 2, "a fresh AUPredictor")
    cells: dict[str, Cell] = {}
    auc: dict[str, Statistic] = {}
    labels = active(run.test.labels, run.active_from).astype(np.float64)
    train_code, test_code = run.train_code, run.test_code
    blocks = {"z1": (train_code.z1, test_code.z1), "z2": (train_code.z2, test_code.z2)}
    for block, (train_z, test_z) in blocks.items():
        if not train_z.shape[1]:
            continue
        try:
            network = _planned(run.config.networks[PREDICTOR], train_z)
        except NotMeasuredError as reason:
            cells.update({row.key: reason for row in ROWS if block in row.key})
            cells["fresh_leak"] = reason
            continue
        with seeded(run.device, data.seed, Purpose.DISENTANGLING):
            predictor = Graph(network).to(run.device)
            _train(predictor, run, train_z, data.train, data.seed)
        with torch.no_grad():
            outputs = predictor(test_z.to(run.device)).flatten(1).cpu()
        scores = run.head.scores(outputs)
        decisions = run.head.active(scores).double().numpy()
        auc[block] = macro_auc(scores.double().numpy(), labels, test.person)
        cells[f"fresh_{block}_auc"] = estimate(auc[block])
        cells[f"fresh_{block}_f1"] = estimate(macro_f1(decisions, labels, test.person))
    if "z2" in auc:
        cells["fresh_leak"] = estimate(leak_ratio(auc["z2"], auc["z1"]))
    return Findings(cells)


def _planned(options: NetworkOptions, z: Tensor) -> Plan:
    """The predictor's architecture for codes (N, C, h, w). Raises NotMeasuredError if it cannot
    take them.
    """
    channels, height, width = z.shape[1:]
    resized = replace(options, net=replace(options.net, channels=channels))
    try:
        network = plan(resized, (channels, height, width))
    except CfgError as error:
        raise NotMeasuredError(
            f"the AUPredictor's architecture cannot take the {channels} channels of z2: {error}"
        ) from error
    if not network.learns:
        raise NotMeasuredError("the AUPredictor's architecture has nothing to learn")
    return network


def _train(predictor: Graph, run: TrainedRun, z: Tensor, codes: Codes, seed: int) -> None:
    """Train on one block of the code, (N, C, h, w)."""
    net, size = run.config.networks[PREDICTOR].net, run.config.training.batch_size
    z = z.to(run.device)
    labels = torch.from_numpy(run.train.labels).to(run.device)
    rows, held_out = split_people(codes)
    optimiser = torch.optim.Adam(predictor.parameters(), net.learning_rate, (net.beta1, net.beta2))
    generator = numpy_generator(seed, Purpose.DISENTANGLING)

    def loss(batch: Indices) -> Tensor:
        return run.head.loss(predictor(z[batch]).flatten(1), labels[batch])

    def train_epoch() -> None:
        order = generator.permutation(rows)
        for start in range(0, len(order) - 1, size):
            optimiser.zero_grad()
            loss(order[start : start + size]).backward()
            optimiser.step()

    train_with_early_stopping(
        predictor, train_epoch, lambda: float(loss(held_out)), _EPOCHS, _PATIENCE
    )
