"""pairs.csv: which frames belong together."""

from pathlib import Path

import pytest

from audetnet.data.pairs import PAIRS_FILE, read_pairs
from audetnet.errors import UserError


def _read(directory: Path, text: str) -> dict[str, str]:
    (directory / PAIRS_FILE).write_text(text)
    return read_pairs(directory)


def test_frames_by_their_group(tmp_path: Path) -> None:
    assert read_pairs(tmp_path) == {}
    text = "frame_id,pair\nSN001_0,expression_0\nSN002_0,expression_0\n"
    assert _read(tmp_path, text) == {"SN001_0": "expression_0", "SN002_0": "expression_0"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ":1: expected the columns frame_id,pair, not ''"),
        ("frame,group\na,b\n", ":1: expected the columns frame_id,pair, not 'frame,group'"),
        ("frame_id,pair\na,b\na\n", ":3: expected a frame id and the name of its group, not 'a'"),
        ("frame_id,pair\na,\n", ":2: expected a frame id and the name of its group, not 'a,'"),
        ("frame_id,pair\na,b\na,c\n", ":3: frame 'a' is listed twice"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(UserError) as error:
        _read(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / PAIRS_FILE}{line}")


def test_an_unreadable_file_is_not_ignored(tmp_path: Path) -> None:
    (tmp_path / PAIRS_FILE).symlink_to(tmp_path / "gone.csv")
    with pytest.raises(UserError, match="cannot be read"):
        read_pairs(tmp_path)
