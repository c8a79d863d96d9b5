"""Whole cfg files, for tests that care about a part of them.

Tests of messages mark the line that must be named with a comment, ``# here``.
"""

from collections.abc import Mapping
from pathlib import Path

HERE = "# here"
NET = "[net]\nlearning_rate=0.001\nbeta1=0.5\nbeta2=0.99\nchannels={}\n"
GENERAL = """{General}
[training_options]
batch_size=4
max_epochs=10
[data_options]
regress_au_intensities=False
balance_dataset_with_momu=False
[loss_options]
au_regression_loss_function=BCEWithLogits
reconstruction_loss_lambda=1
gradient_loss_lambda_discr=10
gradient_loss_lambda_img_discr=20
discriminator_loss_lambda=0.1
img_discriminator_loss_lambda=0.01
"""


def network(name: str, channels: int, blocks: str) -> str:
    """A network section."""
    return f"{{{name}}}\n{NET.format(channels)}{blocks.strip()}\n"


NETWORKS = {
    "Encoder": network(
        "Encoder",
        3,
        """
[convolutional]
filters=4
kernel_size=8
stride=8
batch_normalise=1
[connected]
output_features=6
""",
    ),
    "AUPredictor": network("AUPredictor", 2, "[connected]\noutput_features=3"),
    "Decoder": network(
        "Decoder",
        6,
        """
[upsample]
scale_factor=8
[convolutional]
filters=3
kernel_size=3
stride=1
pad=True
activation=tanh
""",
    ),
    "Discriminator": network("Discriminator", 6, "[connected]\noutput_features=1"),
    "Image Discriminator": network(
        "Image Discriminator", 3, "[convolutional]\nfilters=1\nkernel_size=8\nstride=8"
    ),
}
"""All networks for images of 8x8: a code of 6 channels, 2 of them z1, for 3 AUs."""


def cfg_text(networks: Mapping[str, str | None] | None = None, data: str = "") -> str:
    """A whole cfg file with some networks replaced or left out (None), and extra data options."""
    general = replaced(GENERAL, ("[loss_options]", f"{data}\n[loss_options]"))
    sections = NETWORKS | dict(networks or {})
    return general + "".join(text for text in sections.values() if text is not None)


def encoder_text(source: tuple[int, int, int], blocks: str) -> str:
    """A cfg file whose Encoder has these blocks and reads this shape."""
    return cfg_text({"Encoder": network("Encoder", source[0], blocks)})


def replaced(text: str, *replacements: tuple[str, str]) -> str:
    """The text with the first of each ``old`` replaced."""
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def written(directory: Path, text: str) -> Path:
    """The text as a file, ``a.cfg``."""
    path = directory / "a.cfg"
    path.write_text(text)
    return path


def at_mark(path: Path, message: str) -> str:
    """``path:line: message``, with the number of the line marked ``# here``."""
    lines = path.read_text().splitlines()
    (line,) = (number for number, content in enumerate(lines, start=1) if HERE in content)
    return f"{path}:{line}: {message}"
