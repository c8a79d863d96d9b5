"""Too little memory is reported in one line with the size, never by a traceback or a kill."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from audetnet.config.language import CfgError
from audetnet.config.options import Config
from audetnet.config.reader import read_config
from audetnet.networks import memory_need
from audetnet.networks.memory_need import check_memory, explained_out_of_memory
from audetnet.networks.model_plan import ModelPlan, plan_model
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import NETWORKS, at_mark, cfg_text, network, replaced, written

CPU = torch.device("cpu")
FRAME = (8, 8)


def planned(path: Path) -> tuple[Config, ModelPlan]:
    config = read_config(path, VOCABULARY)
    return config, plan_model(config, FRAME)


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        pytest.param(
            "Encoder",
            "filters=4\nkernel_size=8",
            "filters=1000000 # here\nkernel_size=8",
            ["[convolutional] has 194,000,000 weights", "lower filters"],
            id="a convolution",
        ),
        pytest.param(
            "AUPredictor",
            "output_features=3",
            "output_features=1000000\n[connected]\noutput_features=3 # here",
            ["[connected] has 3,000,003 weights", "lower output_features"],
            id="a connected layer",
        ),
        pytest.param(
            "Image Discriminator",
            "[convolutional]\n",
            "[resnet50] # here\nend_at_layer=5\npretrained=False\n"
            "[upsample]\noutput_sizes=8,8\n[convolutional]\n",
            ["[resnet50] has 225,344 weights", "use a smaller network"],
            id="a stem",
        ),
    ],
)
def test_weights_beyond_the_memory_are_refused_at_their_block(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    old: str,
    new: str,
    words: list[str],
) -> None:
    path = written(tmp_path, cfg_text({name: replaced(NETWORKS[name], (old, new))}))
    _, plan = planned(path)
    monkeypatch.setattr(memory_need, "installed_memory", lambda: 2**20)
    with pytest.raises(CfgError) as error:
        check_memory(plan, CPU)
    assert str(error.value).startswith(at_mark(path, words[0]))
    assert all(word in str(error.value) for word in [*words, "GB"])


@pytest.mark.parametrize(
    ("weights", "installed", "fits"),
    [
        pytest.param(16, 1.01, True, id="just enough to train"),
        pytest.param(16, 0.99, False, id="not quite enough to train"),
        pytest.param(16, None, True, id="a system that does not say how much there is"),
    ],
)
def test_training_needs_sixteen_bytes_a_weight(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    weights: int,
    installed: float | None,
    fits: bool,
) -> None:
    _, plan = planned(written(tmp_path, cfg_text()))
    count = sum(step.parameters for network in plan.networks.values() for step in network.steps)
    memory = None if installed is None else int(count * weights * installed)
    monkeypatch.setattr(memory_need, "installed_memory", lambda: memory)
    if fits:
        check_memory(plan, CPU)
    else:
        with pytest.raises(CfgError, match="the memory is"):
            check_memory(plan, CPU)


def test_frozen_weights_need_four_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stem = network(
        "Encoder",
        3,
        "[resnet50]\nend_at_layer=5\npretrained=False\nfreeze_first_n_layers=5\n"
        "[avgpool]\npool_size=2\nstride=2\n[connected]\noutput_features=6",
    )
    _, plan = planned(written(tmp_path, cfg_text({"Encoder": stem})))
    frozen = 4 * plan.encoder.steps[0].frozen
    assert frozen == 4 * 225_344
    monkeypatch.setattr(memory_need, "installed_memory", lambda: 2 * frozen)
    check_memory(plan, CPU)


def full() -> None:
    torch.empty(2**50)


def full_of_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has")


def full_without_a_size() -> None:
    raise torch.OutOfMemoryError


@pytest.mark.parametrize(
    ("work", "size"),
    [(full, "4503599627370496 bytes"), (full_of_a_gpu, "20.00 GiB"), (full_without_a_size, "")],
)
def test_running_out_of_memory_is_explained(
    tmp_path: Path, work: Callable[[], None], size: str
) -> None:
    text = replaced(cfg_text(), ("batch_size=4", "batch_size=4 # here"))
    path = written(tmp_path, text)
    config, plan = planned(path)
    with pytest.raises(CfgError) as error, explained_out_of_memory(config, plan, CPU):
        work()
    assert str(error.value).startswith(at_mark(path, "[training_options] cpu ran out of memory"))
    assert size in str(error.value)
    assert "[upsample] on line 43 of {Decoder}" in str(error.value)


def test_other_errors_pass(tmp_path: Path) -> None:
    config, plan = planned(written(tmp_path, cfg_text()))
    with pytest.raises(RuntimeError, match="a fault"), explained_out_of_memory(config, plan, CPU):
        raise RuntimeError("a fault of our own")
