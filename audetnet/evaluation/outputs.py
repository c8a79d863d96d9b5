"""A model's scores for every frame of a set: eval mode, no gradients, no decoding."""

import torch
from torch import Tensor

from audetnet.console.progress import ProgressBar
from audetnet.data.batches import Batches, evaluation_batch_indices
from audetnet.evaluation.evaluate import Reference, encoded, eval_mode
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import AUDetNet

_BATCH = 64


@torch.no_grad()
def read_scores(
    model: AUDetNet, head: AUHead, batches: Batches, count: int, reference: Reference | None = None
) -> Tensor:
    """The scores (N, A) of the ``count`` frames of a set, in order, on the CPU."""
    batch_indices = evaluation_batch_indices(count, _BATCH, None)
    parts = []
    with eval_mode(model), ProgressBar("predicting", len(batch_indices)) as bar:
        for batch in batches(batch_indices):
            outputs = model.predict(encoded(model, batch, reference)).float()
            parts.append(head.scores(outputs).cpu())
            bar.advance()
    return torch.cat(parts)
