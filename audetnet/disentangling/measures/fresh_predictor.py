"""Row 9: a fresh AUPredictor of the cfg's architecture, trained on a frozen block of the code."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from audetnet.config.language import CfgError
from audetnet.config.options import PREDICTOR, NetworkOptions
from audetnet.disentangling.block_metrics import leak_ratio, macro_auc, macro_f1
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.measure import finds
from audetnet.disentangling.reader_training import people_apart, train_until_best
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import MODELS, Cell, Findings, NotMeasuredError, Row, needs_people
from audetnet.disentangling.trained_run import TrainedRun
from audetnet.evaluation.people import Indices, Statistic, estimate
from audetnet.labels import active
from audetnet.networks.graph import Graph, Plan, plan
from audetnet.seeds import Purpose, numpy_generator, seeded

_EPOCHS, _PATIENCE = 60, 10
_HOW = (
    "the cfg's {AUPredictor}, with new weights and z2's width, trained on the frozen, evaluated "
    "codes of the training people with the cfg's AU loss, learning rate and batch size (epoch "
    "chosen on a fifth of them), read out on the test people; mean over AUs"
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
        definition="(AUC(z2) - 0.5) / (AUC(z1) - 0.5) of the fresh AUPredictors; not given where "
        "AUC(z1) < 0.55.",
        headline=True,
    ),
)


@finds(*ROWS, of=MODELS)
def measure(subject: Subject) -> Findings:
    """AUC and F1 on each block and the leak. Raises NotMeasuredError for one training person
    only.
    """
    run, train, test, seed = subject.trained, subject.train, subject.test, subject.seed
    needs_people(train, 2, "a fresh AUPredictor")
    found: dict[str, Cell] = {}
    auc: dict[str, Statistic] = {}
    generator = numpy_generator(seed, Purpose.DISENTANGLING)
    labels = active(run.test.labels, run.active_from).astype(np.float64)
    seen, unseen = run.train_code, run.test_code
    blocks = {"z1": (seen.z1, unseen.z1), "z2": (seen.z2, unseen.z2)}
    for block, (codes, unseen_codes) in blocks.items():
        if not codes.shape[1]:
            continue
        try:
            network = _planned(run.config.networks[PREDICTOR], codes)
        except NotMeasuredError as reason:
            found.update({row.key: reason for row in ROWS if block in row.key})
            found["fresh_leak"] = reason
            continue
        with seeded(run.device, seed, Purpose.DISENTANGLING):
            predictor = Graph(network).to(run.device)
            _train(predictor, run, codes, train, seed)
        with torch.no_grad():
            outputs = predictor(unseen_codes.to(run.device)).flatten(1).cpu()
        scores = run.head.scores(outputs)
        decisions = run.head.active(scores).double().numpy()
        auc[block] = macro_auc(scores.double().numpy(), labels, test.person)
        people = len(test.people)
        found[f"fresh_{block}_auc"] = estimate(auc[block], people, generator)
        f1 = macro_f1(decisions, labels, test.person)
        found[f"fresh_{block}_f1"] = estimate(f1, people, generator)
    if "z2" in auc:
        leak = leak_ratio(auc["z2"], auc["z1"])
        found["fresh_leak"] = estimate(leak, len(test.people), generator)
    return Findings(found)


def _planned(options: NetworkOptions, codes: Tensor) -> Plan:
    """The predictor's architecture for codes (N, C, h, w). Raises NotMeasuredError where it does
    not take them.
    """
    channels, height, width = codes.shape[1:]
    widened = replace(options, net=replace(options.net, channels=channels))
    try:
        network = plan(widened, (channels, height, width))
    except CfgError as error:
        raise NotMeasuredError(
            f"the AUPredictor's architecture does not take the {channels} channels of z2: {error}"
        ) from error
    if not network.learns:
        raise NotMeasuredError("the AUPredictor's architecture has nothing to learn")
    return network


def _train(predictor: Graph, run: TrainedRun, code: Tensor, train: Codes, seed: int) -> None:
    """Train on the code (N, C, h, w) of a block."""
    net, size = run.config.networks[PREDICTOR].net, run.config.training.batch_size
    code = code.to(run.device)
    labels = torch.from_numpy(run.train.labels).to(run.device)
    rows, apart = people_apart(train)
    optimiser = torch.optim.Adam(predictor.parameters(), net.learning_rate, (net.beta1, net.beta2))
    generator = numpy_generator(seed, Purpose.DISENTANGLING)

    def loss(batch: Indices) -> Tensor:
        return run.head.loss(predictor(code[batch]).flatten(1), labels[batch])

    def epoch() -> None:
        order = generator.permutation(rows)
        for start in range(0, len(order) - 1, size):
            optimiser.zero_grad()
            loss(order[start : start + size]).backward()
            optimiser.step()

    train_until_best(predictor, epoch, lambda: float(loss(apart)), _EPOCHS, _PATIENCE)
