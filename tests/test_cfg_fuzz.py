"""Two thousand cfg files that hands could have made: each trains a step, or is refused in one
``path:line: message``.
"""

import re
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from audetnet.config.reader import read_config
from audetnet.errors import LONGEST_LINE, UserError
from audetnet.networks.model_plan import plan_model
from audetnet.vocabulary import VOCABULARY
from tests.cfg_steps import step_of
from tests.config.cfg_grammar import FRAME, cfg_files
from tests.whole_batches import whole_batch

BATCH = 3
OF_TORCH = re.compile(r"numel|unpack|Exception raised|aten|[Tt]ensor|RuntimeError|torch")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "a.cfg"


def train_a_step(path: Path) -> None:
    """From the file to a critics' step and a main step on random frames and labels."""
    config = read_config(path, VOCABULARY)
    plan = plan_model(config, config.data.frame_size or (FRAME, FRAME))
    _, step = step_of(config, plan)
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (BATCH, *plan.image), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 6, (BATCH, plan.au_count), generator=generator).float()
    for terms in step(
        whole_batch(frames, labels), config.training.train_main_net_every_n_batches, 1, 0
    ):
        assert all(term.isfinite() for term in terms.values()), terms


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(
    max_examples=2000,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(content=cfg_files())
def test_each_file_trains_a_step_or_is_refused_in_a_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        train_a_step(path)
    except UserError as error:
        place = re.match(rf"{re.escape(str(path))}:(\d+): \S", str(error))
        assert place is not None, str(error)
        lines = re.split(rb"\r\n|\r|\n", content)
        assert 1 <= int(place[1]) <= len(lines), str(error)
        assert len(str(error)) <= LONGEST_LINE, "what is quoted is cut"
        assert not OF_TORCH.search(str(error)), str(error)
