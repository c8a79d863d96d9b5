"""A whole cfg file becomes frozen options, or one message with the line to mend.

The block types are invented here: options know of no network. A mistake is marked in its row by a
comment, ``# here``, whose line the message must name.
"""

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path
from typing import Annotated

import pytest

from audetnet.config.binding import Channels, Reference
from audetnet.config.language import CfgError
from audetnet.config.options import (
    Config,
    DataOptions,
    LossOptions,
    NetOptions,
    TrainingOptions,
)
from audetnet.config.reader import Vocabulary, read_config
from tests.config.cfg_texts import GENERAL, NET, at_mark, network, replaced, written

NET_OF_4 = NET.format(4)
MAIN = "".join(
    network(name, 4, f"[layer]\nwidth={width}")
    for name, width in (("Encoder", 4), ("AUPredictor", 2), ("Decoder", 3))
)
CRITICS = "".join(
    network(name, 4, "[layer]\nwidth=1") for name in ("Discriminator", "Image Discriminator")
)
WITHOUT_LAMBDAS, _, _LAST = GENERAL.partition("gradient_loss_lambda_discr")
LAMBDAS = "gradient_loss_lambda_discr" + _LAST
WHOLE = GENERAL + MAIN + CRITICS


def layer(source: int, *, width: Channels) -> None:
    """A block that reads the one before it."""


def join(
    *sources: int,
    factor: float = 1.0,
    first: Annotated[int, Reference()],
    others: tuple[Annotated[int, Reference()], ...] = (),
) -> None:
    """A block that reads other blocks by name."""


@dataclass(frozen=True, kw_only=True)
class Pursuit:
    """An objective that has a critic if it names one."""

    weight: float = 1.0
    penalty_weight: float = 0.0
    loss: str = "L1"
    critic: str | None = None
    critic_input = "codes"
    critic_output = "score"
    needs_z2 = False
    gradients = "-"
    variant = ""

    @property
    def critic_section(self) -> str | None:
        return self.critic

    def fault(self, encoder: object) -> None:
        """It fits every encoder."""


def pursuit(critic: str) -> Callable[..., Pursuit]:
    """What the lambdas of a section's critic stand for."""

    def make(*, weight: float, penalty_weight: float) -> Pursuit:
        return Pursuit(weight=weight, penalty_weight=penalty_weight, critic=critic)

    return make


VOCABULARY = Vocabulary(
    blocks={"layer": layer, "join": join},
    objectives={
        "au_loss": Pursuit,
        "reconstruction": Pursuit,
        "wgan_gp_codes": pursuit("Discriminator"),
        "wgan_gp_images": pursuit("Image Discriminator"),
    },
    au_losses=("MSE", "BCEWithLogits"),
)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Config]:
    """Reads a text as a cfg file."""

    def read_text(text: str) -> Config:
        return read_config(written(tmp_path, text), VOCABULARY)

    return read_text


def with_data(*options: str) -> str:
    """The smallest cfg with more data options."""
    return replaced(
        WITHOUT_LAMBDAS + MAIN, ("[loss_options]", "\n".join([*options, "[loss_options]"]))
    )


def with_training(*options: str) -> str:
    """The smallest cfg with more training options."""
    return replaced(
        WITHOUT_LAMBDAS + MAIN, ("[data_options]", "\n".join([*options, "[data_options]"]))
    )


def test_reads_a_whole_file(read: Callable[[str], Config]) -> None:
    config = read(WHOLE)
    assert config.training == TrainingOptions(batch_size=4, max_epochs=10)
    assert config.data == DataOptions(regress_au_intensities=False, balance_dataset_with_momu=False)
    assert config.loss == LossOptions(
        au_regression_loss_function="BCEWithLogits",
        reconstruction_loss_lambda=1.0,
        gradient_loss_lambda_discr=10.0,
        gradient_loss_lambda_img_discr=20.0,
        discriminator_loss_lambda=0.1,
        img_discriminator_loss_lambda=0.01,
    )
    assert config.networks["Decoder"].net == NetOptions(
        learning_rate=0.001, beta1=0.5, beta2=0.99, channels=4
    )
    assert list(config.networks) == [
        "Encoder",
        "AUPredictor",
        "Decoder",
        "Discriminator",
        "Image Discriminator",
    ]
    assert config.text == WHOLE
    assert config.path.name == "a.cfg"
    assert config.warnings == ()


def test_defaults_are_the_documented_ones(read: Callable[[str], Config]) -> None:
    config = read(WITHOUT_LAMBDAS + MAIN)
    assert config.training.max_test_iters is None
    assert config.training.train_main_net_every_n_batches == 1
    assert config.training.learning_rate_scheduler is None
    assert config.loss.reconstruction_loss_function == "L1"
    assert config.data.frame_size is None
    assert list(config.networks) == ["Encoder", "AUPredictor", "Decoder"]


def test_reads_what_a_windows_editor_writes(tmp_path: Path, read: Callable[[str], Config]) -> None:
    path = tmp_path / "windows.cfg"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    assert read_config(path, VOCABULARY).resolved() == read(WHOLE).resolved()


def test_options_are_frozen(read: Callable[[str], Config]) -> None:
    config = read(WHOLE)
    for options in (
        config,
        config.training,
        config.data,
        config.loss,
        config.networks["Encoder"].net,
    ):
        with pytest.raises(FrozenInstanceError):
            options.batch_size = 8  # type: ignore[misc, union-attr]


def test_resolved_is_plain_data_with_defaults(read: Callable[[str], Config]) -> None:
    text = replaced(with_data("image_size=8,6"), ("width=4\n", "width=4\n[join]\nfirst=0\n"))
    resolved = json.loads(json.dumps(read(text).resolved()))
    assert resolved["training"]["batch_size"] == 4
    assert resolved["training"]["train_main_net_every_n_batches"] == 1
    assert resolved["data"]["image_size"] == [8, 6]
    assert resolved["loss"]["reconstruction_loss_function"] == "L1"
    assert resolved["networks"]["Encoder"] == {
        "net": {"learning_rate": 0.001, "beta1": 0.5, "beta2": 0.99, "channels": 4},
        "blocks": [
            {"type": "layer", "width": 4},
            {"type": "join", "factor": 1.0, "first": 0, "others": []},
        ],
    }
    assert "Discriminator" not in resolved["networks"]


def test_blocks_list_their_references(read: Callable[[str], Config]) -> None:
    text = replaced(WHOLE, ("width=4\n", "width=4\n[join]\nothers=-2, 0\nfirst=-1\n"))
    first, second = read(text).networks["Encoder"].blocks
    assert (first.type, first.builder, first.arguments) == ("layer", layer, {"width": 4})
    assert first.references == ()
    assert second.references == (("first", -1), ("others", -2), ("others", 0))


def test_sections_may_come_in_any_order(read: Callable[[str], Config]) -> None:
    assert read(CRITICS + MAIN + GENERAL).resolved() == read(WHOLE).resolved()


def test_general_blocks_go_by_position(read: Callable[[str], Config]) -> None:
    """Their names do not matter."""
    text = replaced(
        WHOLE, ("[training_options]", "[how]"), ("[data_options]", "[on what]"), ("[loss_", "[for_")
    )
    config = read(text)
    assert config.resolved() == read(WHOLE).resolved()
    assert config.places[DataOptions].header == "[on what]"


@pytest.mark.parametrize("name", ["General", "Encoder", "AUPredictor", "Decoder"])
def test_a_missing_section_is_named(read: Callable[[str], Config], name: str) -> None:
    text = replaced(WHOLE, (f"{{{name}}}", "{Gone}"))
    text = text.replace(text[text.index("{Gone}") :].split("\n{")[0], "")
    with pytest.raises(CfgError) as error:
        read(text)
    lines = len(text.splitlines())
    assert str(error.value).endswith(f"a.cfg:{lines}: end of file: missing section '{{{name}}}'")


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n\n"])
def test_an_empty_file_lacks_its_first_section(read: Callable[[str], Config], text: str) -> None:
    with pytest.raises(CfgError, match=r"a\.cfg:1: .* missing section '\{General\}'$"):
        read(text)


ORDER = "expected the order training_options, data_options, loss_options"
THREE_BLOCKS = "expected three blocks (training, data and loss options, in this order), not"
ADAM = "learning_rate=0.001"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # sections
        (
            "{Image Discriminator}",
            "{Image Discriminater} # here",
            "{Image Discriminater} unknown section; did you mean 'Image Discriminator'?",
        ),
        (
            "{Discriminator}",
            "{Critic} # here",
            "{Critic} unknown section; known are: General, Objectives, Encoder, AUPredictor, "
            "Decoder, Discriminator, Image Discriminator",
        ),
        # the blocks of {General}
        (GENERAL, "{General} # here\n", f"{{General}} {THREE_BLOCKS} 0"),
        ("{General}", "{General} # here\n[more]", f"{{General}} {THREE_BLOCKS} 4"),
        (
            "[training_options]",
            "[loss_options] # here",
            f"[loss_options] block 1 of {{General}} must be training_options: {ORDER}",
        ),
        (
            "[data_options]",
            "[training_options] # here",
            f"[training_options] block 2 of {{General}} must be data_options: {ORDER}",
        ),
        (
            "[loss_options]",
            "[data_options] # here",
            f"[data_options] block 3 of {{General}} must be loss_options: {ORDER}",
        ),
        # their options
        (
            "batch_size=4",
            "batch_size=1 # here",
            "[training_options] batch_size=1: expected an integer of at least 2 and at most 100000",
        ),
        (
            "max_epochs=10",
            "max_epochs=0 # here",
            "[training_options] max_epochs=0: expected an integer of at least 1 and at most "
            "1000000",
        ),
        (
            "[training_options]\nbatch_size=4",
            "[training_options] # here",
            "[training_options] missing option 'batch_size' (an integer of at least 2 "
            "and at most 100000)",
        ),
        (
            "max_epochs=10",
            "max_epochs=10\nmax_epoch=10 # here",
            "[training_options] unknown option 'max_epoch'; did you mean 'max_epochs'?",
        ),
        (
            "max_epochs=10",
            "max_epochs=10\nlearning_rate_scheduler=Cosine # here",
            "[training_options] learning_rate_scheduler=Cosine: expected one of Linear or None",
        ),
        (
            "[training_options]",
            "[training_options] # here\nlearning_rate_scheduler=Linear",
            "[training_options] missing option 'decay_lr_over_last_n_epochs', needed by the Linear "
            "scheduler",
        ),
        (
            "regress_au_intensities=False",
            "regress_au_intensities=maybe # here",
            "[data_options] regress_au_intensities=maybe: expected True or False",
        ),
        (
            "regress_au_intensities=False",
            "regress_au_intensities=False\nmean=0.5,0.5 # here",
            "[data_options] mean=0.5,0.5: expected 3 values separated by commas, each a number "
            "of at least 0 and at most 255 or None",
        ),
        (
            "regress_au_intensities=False",
            "regress_au_intensities=False\nstd=1,0,1 # here",
            "[data_options] std=1,0,1: expected 3 values separated by commas, each a number "
            "of at least 0.001 and at most 255 or None",
        ),
        (
            "regress_au_intensities=False",
            "regress_au_intensities=False\nau_names=AU1,AU2,AU1 # here",
            "[data_options] au_names contains a duplicate name",
        ),
        (
            "[data_options]\nregress_au_intensities=False\nbalance_dataset_with_momu=False",
            "[data_options] # here\nregress_au_intensities=0\nbalance_dataset_with_momu=1\n"
            "sampling_size=2",
            "[data_options] missing option 'epoch_size', needed by balance_dataset_with_momu=True",
        ),
        (
            "[data_options]\nregress_au_intensities=False\nbalance_dataset_with_momu=False",
            "[data_options] # here\nregress_au_intensities=0\nbalance_dataset_with_momu=1\n"
            "epoch_size=2",
            "[data_options] missing option 'sampling_size', needed by "
            "balance_dataset_with_momu=True",
        ),
        (
            "balance_dataset_with_momu=False",
            "balance_dataset_with_momu=False\nbalance_subjects=True # here",
            "[data_options] balance_subjects=True needs balance_dataset_with_momu=True",
        ),
        (
            "balance_dataset_with_momu=False",
            "balance_dataset_with_momu=True\nepoch_size=8\nsampling_size=4\n"
            "balance_over=AU4,yaw # here",
            "[data_options] balance_over and MOMU both say what is drawn: set "
            "balance_dataset_with_momu=False",
        ),
        (
            "balance_dataset_with_momu=False",
            "balance_dataset_with_momu=True\nepoch_size=10\nsampling_size=4 # here",
            "[data_options] sampling_size=4 does not divide epoch_size=10",
        ),
        (
            "balance_dataset_with_momu=False",
            "balance_dataset_with_momu=True\nepoch_size=4\nsampling_size=8 # here",
            "[data_options] sampling_size=8 does not divide epoch_size=4",
        ),
        (
            "au_regression_loss_function=BCEWithLogits",
            "au_regression_loss_function=BCE # here",
            "[loss_options] au_regression_loss_function=BCE: unknown choice; known are: "
            "MSE, BCEWithLogits",
        ),
        (
            "reconstruction_loss_lambda=1",
            "reconstruction_loss_lambda=-1 # here",
            "[loss_options] reconstruction_loss_lambda=-1: expected a number of at least 0 and at "
            "most 1000000 or None",
        ),
        (
            "[loss_options]\nau_regression_loss_function=BCEWithLogits\n"
            "reconstruction_loss_lambda=1",
            "[loss_options] # here\nau_regression_loss_function=MSE",
            "[loss_options] missing option 'reconstruction_loss_lambda'",
        ),
        # the lambdas of critics that are there
        *(
            (
                f"[loss_options]\nau_regression_loss_function=BCEWithLogits\n"
                f"reconstruction_loss_lambda=1\n{LAMBDAS}",
                "[loss_options] # here\nau_regression_loss_function=MSE\n"
                "reconstruction_loss_lambda=1\n"
                + "".join(line for line in LAMBDAS.splitlines(True) if not line.startswith(key)),
                f"[loss_options] missing option '{key}', needed by {{{section}}}",
            )
            for key, section in (
                ("discriminator_loss_lambda", "Discriminator"),
                ("gradient_loss_lambda_discr", "Discriminator"),
                ("img_discriminator_loss_lambda", "Image Discriminator"),
                ("gradient_loss_lambda_img_discr", "Image Discriminator"),
            )
        ),
        # networks
        (
            f"{{Encoder}}\n{NET_OF_4}[layer]\nwidth=4",
            "{Encoder} # here",
            "{Encoder} expected a [net] block first",
        ),
        (
            f"{{Encoder}}\n{NET_OF_4}",
            "{Encoder} # here\n",
            "{Encoder} expected a [net] block first",
        ),
        (
            f"{{Encoder}}\n{NET_OF_4}[layer]\nwidth=4",
            f"{{Encoder}} # here\n{NET_OF_4}",
            "{Encoder} has no blocks after [net]",
        ),
        (
            "[layer]\nwidth=4",
            f"[layer]\nwidth=4\n{NET_OF_4.replace('[net]', '[net] # here')}",
            "[net] a section has only one [net] block, at its beginning",
        ),
        (
            "[net]\nlearning_rate=0.001",
            "[net] # here",
            "[net] missing option 'learning_rate' (a number greater than 0 and at most 1)",
        ),
        (
            ADAM,
            "learning_rate=0 # here",
            "[net] learning_rate=0: expected a number greater than 0 and at most 1",
        ),
        (
            "beta1=0.5",
            "beta1=1 # here",
            "[net] beta1=1: expected a number of at least 0 and below 1",
        ),
        (
            "beta2=0.99",
            "beta2=1.5 # here",
            "[net] beta2=1.5: expected a number of at least 0 and below 1",
        ),
        (
            "channels=4",
            "channels=0 # here",
            "[net] channels=0: expected an integer of at least 1 and at most 1000000",
        ),
        (
            "channels=4",
            "channels=4\nheight=4 # here",
            "[net] unknown option 'height'; known are: learning_rate, beta1, beta2, channels",
        ),
        # blocks
        ("[layer]", "[layr] # here", "[layr] unknown block type; did you mean 'layer'?"),
        ("[layer]", "[dropout] # here", "[dropout] unknown block type; known are: layer, join"),
        ("width=4", "widht=4 # here", "[layer] unknown option 'widht'; did you mean 'width'?"),
        (
            "width=4",
            "width=None # here",
            "[layer] width=None: expected an integer of at least 1 and at most 1000000",
        ),
        (
            "[layer]\nwidth=4",
            "[layer] # here",
            "[layer] missing option 'width' (an integer of at least 1 and at most 1000000)",
        ),
        (
            "[layer]\nwidth=4",
            "[join]\nfirst=one # here",
            "[join] first=one: expected an integer",
        ),
        (
            "[layer]\nwidth=4",
            "[join] # here",
            "[join] missing option 'first' (an integer)",
        ),
    ],
)
def test_refuses(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = written(tmp_path, replaced(WHOLE, (old, new)))
    with pytest.raises(CfgError) as error:
        read_config(path, VOCABULARY)
    assert str(error.value) == at_mark(path, message)


HUGE = "1" + "0" * 400
BEYOND_INT = "9" * 5000
"""More digits than int() takes."""


@pytest.mark.parametrize(
    ("old", "key", "values"),
    [
        ("batch_size=4", "batch_size", ["100001", HUGE, BEYOND_INT]),
        ("max_epochs=10", "max_epochs", ["1000001", HUGE, BEYOND_INT]),
        ("max_epochs=10", "max_epochs=10\nmax_test_iters", ["1000001", HUGE]),
        ("max_epochs=10", "max_epochs=10\ntrain_main_net_every_n_batches", ["1000001"]),
        ("max_epochs=10", "max_epochs=10\ndecay_lr_over_last_n_epochs", ["1000001"]),
        ("[loss_options]", "epoch_size", [str(10**12), HUGE, BEYOND_INT]),
        ("[loss_options]", "sampling_size", [str(10**12)]),
        ("[loss_options]", "image_size", ["10001", "64,10001", HUGE]),
        ("[loss_options]", "mean", ["0,0,256", "-1,0,0", "1e30,0,0"]),
        ("[loss_options]", "std", ["1,1,256", "1,1,1e-9"]),
        ("reconstruction_loss_lambda=1", "reconstruction_loss_lambda", ["1000001", "1e30"]),
        ("discriminator_loss_lambda=0.1", "discriminator_loss_lambda", ["1e30", HUGE]),
        ("gradient_loss_lambda_discr=10", "gradient_loss_lambda_discr", ["1e30"]),
        ("learning_rate=0.001", "learning_rate", ["1.1", "1e30"]),
        ("channels=4", "channels", ["1000001", BEYOND_INT]),
        ("width=4", "width", ["1000001", BEYOND_INT]),
    ],
)
def test_absurd_numbers_are_refused(tmp_path: Path, old: str, key: str, values: list[str]) -> None:
    """When read, in a line of bounded length that names the limit."""
    for value in values:
        new = f"{key}={value} # here"
        path = written(tmp_path, replaced(WHOLE, (old, f"{new}\n{old}" if "[" in old else new)))
        with pytest.raises(CfgError) as error:
            read_config(path, VOCABULARY)
        assert str(error.value).startswith(at_mark(path, "["))
        assert "at most" in str(error.value)
        assert len(str(error.value)) < len(str(path)) + 250


@pytest.mark.parametrize(
    ("penalty", "weight", "expected"),
    [
        pytest.param("1000", "5e-7", ["write 10", "write 0.01"], id="as in 2019"),
        pytest.param("1000", "0.01", ["write 10"], id="the penalty of 2019"),
        pytest.param("10", "5e-7", ["write 0.01"], id="the weight of 2019"),
        pytest.param("10", "0", [], id="0 says that it is meant"),
        pytest.param("50", "0.0001", [], id="others"),
    ],
)
def test_image_critic_lambdas_of_2019_give_a_warning(
    tmp_path: Path, penalty: str, weight: str, expected: list[str]
) -> None:
    """They were chosen for a gradient norm per pixel: the critic would have no effect."""
    given = ("gradient_loss_lambda_img_discr", penalty), ("img_discriminator_loss_lambda", weight)
    text = replaced(
        WHOLE,
        ("gradient_loss_lambda_img_discr=20", f"gradient_loss_lambda_img_discr={penalty}"),
        ("img_discriminator_loss_lambda=0.01", f"img_discriminator_loss_lambda={weight}"),
    )
    path = written(tmp_path, text)
    lines = text.splitlines()
    warnings = read_config(path, VOCABULARY).warnings
    assert len(warnings) == len(expected)
    places = {
        advice: f"{key}={value}"
        for (key, value), advice in zip(given, ("write 10", "write 0.01"), strict=True)
    }
    for warning, advice in zip(warnings, expected, strict=True):
        line = lines.index(places[advice]) + 1
        assert warning.startswith(f"{path}:{line}: [loss_options] {places[advice].split('=')[0]}=")
        assert advice in warning
    without = text[: text.index("{Image Discriminator}")]
    assert read_config(written(tmp_path, without), VOCABULARY).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(WITHOUT_LAMBDAS + MAIN, id="no critic, no lambda"),
        pytest.param(
            with_data("epoch_size=10", "sampling_size=4"), id="no MOMU, so nothing to divide"
        ),
        pytest.param(
            with_data("epoch_size=None", "sampling_size=None", "mean=None", "std=None"),
            id="None written out",
        ),
        pytest.param(
            with_training("learning_rate_scheduler=None", "decay_lr_over_last_n_epochs=3"),
            id="no scheduler, but its epochs",
        ),
        pytest.param(
            replaced(
                GENERAL + MAIN + CRITICS[: CRITICS.index("{Image")],
                ("gradient_loss_lambda_img_discr=20\n", ""),
                ("img_discriminator_loss_lambda=0.01\n", ""),
            ),
            id="one critic needs its own lambdas only",
        ),
        pytest.param(
            replaced(WHOLE, ("discriminator_loss_lambda=0.1", "discriminator_loss_lambda=0")),
            id="a weight of 0 is given",
        ),
    ],
)
def test_accepts(read: Callable[[str], Config], text: str) -> None:
    assert read(text).warnings == ()


def test_names_may_be_written_as_none(read: Callable[[str], Config]) -> None:
    data = read(with_data("au_names=None", "validation_subjects=None")).data
    assert (data.au_names, data.validation_subjects) == (None, None)


def test_legacy_keys_have_one_warning_each(read: Callable[[str], Config]) -> None:
    """Files of 2019 must still be read, but not without a word."""
    text = replaced(
        WHOLE,
        (
            "gradient_loss_lambda_discr=10\ngradient_loss_lambda_img_discr=20",
            "gradient_loss_lambda=5",
        ),
        ("width=4", "width=4\nbatch_norm_dim=1"),
        ("channels=4\n[layer]\nwidth=2", "channels=4\nbatch_norm_dim=2\n[layer]\nwidth=2"),
    )
    config = read(text)
    assert config.loss.gradient_loss_lambda_discr == 5
    assert config.loss.gradient_loss_lambda_img_discr == 5
    lines = text.splitlines()

    def at(option: str) -> str:
        return f"{config.path}:{lines.index(option) + 1}:"

    assert config.warnings == (
        f"{at('gradient_loss_lambda=5')} [loss_options] 'gradient_loss_lambda' is read as "
        "gradient_loss_lambda_discr and gradient_loss_lambda_img_discr",
        f"{at('batch_norm_dim=1')} [layer] 'batch_norm_dim' has no effect; delete it",
        f"{at('batch_norm_dim=2')} [net] 'batch_norm_dim' has no effect; delete it",
    )


def test_a_specific_penalty_overrides_the_legacy_one(read: Callable[[str], Config]) -> None:
    text = replaced(WHOLE, ("gradient_loss_lambda_img_discr=20", "gradient_loss_lambda=5"))
    loss = read(text).loss
    assert (loss.gradient_loss_lambda_discr, loss.gradient_loss_lambda_img_discr) == (10, 5)


def test_a_wrong_legacy_penalty_is_shown_at_its_line(tmp_path: Path) -> None:
    text = replaced(
        WHOLE,
        ("gradient_loss_lambda_discr=10\ngradient_loss_lambda_img_discr=20", "# no penalties"),
        ("discriminator_loss_lambda", "gradient_loss_lambda=x # here\ndiscriminator_loss_lambda"),
    )
    path = written(tmp_path, text)
    with pytest.raises(CfgError) as error:
        read_config(path, VOCABULARY)
    assert str(error.value) == at_mark(
        path,
        "[loss_options] gradient_loss_lambda_discr=x: expected a number of at least 0 and at "
        "most 1000000 or None",
    )


@pytest.mark.parametrize(
    ("options", "pixel_range", "mean", "std"),
    [
        pytest.param([], 1, (0.5,) * 3, (0.5,) * 3, id="neither"),
        pytest.param(["mean=0.4,0.5,0.6"], 1, (0.4, 0.5, 0.6), (0.5,) * 3, id="mean alone"),
        pytest.param(["std=0.2,0.3,1"], 1, (0.5,) * 3, (0.2, 0.3, 1), id="std alone"),
        pytest.param(
            ["mean=0.485, 0.456, 0.406", "std=0.229, 0.224, 0.225"],
            1,
            (0.485, 0.456, 0.406),
            (0.229, 0.224, 0.225),
            id="ImageNet",
        ),
        pytest.param(["mean=[0, 0, 0]", "std=[1, 1, 1]"], 1, (0,) * 3, (1,) * 3, id="unit scale"),
        pytest.param(
            ["mean=129.2, 104.8, 93.6", "std=1,1,1"],
            255,
            (129.2, 104.8, 93.6),
            (1,) * 3,
            id="VGG-Face",
        ),
        pytest.param(["mean=129,105,0.9"], 255, (129, 105, 0.9), (127.5,) * 3, id="mean of 255"),
        pytest.param(["std=60,60,60"], 255, (127.5,) * 3, (60,) * 3, id="std of 255"),
    ],
)
def test_normalisation(
    read: Callable[[str], Config],
    options: list[str],
    pixel_range: float,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> None:
    data = read(with_data(*options)).data
    assert data.pixel_range == pixel_range
    assert data.normalisation == (mean, std)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("image_size=64", (64, 64)),
        ("image_size=64,48", (64, 48)),
        ("image_size=[64, 48]", (64, 48)),
        ("image_size=None", None),
    ],
)
def test_image_size_is_height_and_width(
    read: Callable[[str], Config], option: str, expected: tuple[int, int] | None
) -> None:
    assert read(with_data(option)).data.frame_size == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param([], [1] * 10, id="no scheduler"),
        pytest.param(["learning_rate_scheduler=None"], [1] * 10, id="None"),
        pytest.param(
            ["learning_rate_scheduler=Linear", "decay_lr_over_last_n_epochs=4"],
            [1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25],
            id="the last four",
        ),
        pytest.param(
            ["learning_rate_scheduler=Linear", "decay_lr_over_last_n_epochs=1"],
            [1] * 10,
            id="over the last one: nothing to fall to",
        ),
        pytest.param(
            ["learning_rate_scheduler=Linear", "decay_lr_over_last_n_epochs=10"],
            [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
            id="from the first on",
        ),
        pytest.param(
            ["learning_rate_scheduler=Linear", "decay_lr_over_last_n_epochs=20"],
            [0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05],
            id="more epochs than there are",
        ),
        pytest.param(["decay_lr_over_last_n_epochs=4"], [1] * 10, id="epochs without a scheduler"),
    ],
)
def test_learning_rate_factor(
    read: Callable[[str], Config], options: list[str], expected: list[float]
) -> None:
    """min(1, (max_epochs + 1 - epoch) / decay_lr_over_last_n_epochs), of epochs 1 to 10."""
    training = read(with_training(*options)).training
    factors = [training.learning_rate_factor(epoch) for epoch in range(1, 11)]
    assert factors == pytest.approx(expected, rel=1e-12)
