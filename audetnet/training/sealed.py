"""torch files with a checksum: a zip file whose comment is the digest of the bytes before it.
``torch.load`` and unzip read them like any other.
"""

import hashlib
import io
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from audetnet.errors import UserError, first_line
from audetnet.files.atomic import check_regular, write_bytes

_MARK = b"AUDetNet sha256 "
_LENGTH = len(_MARK) + 2 * hashlib.sha256().digest_size


class UnreadableError(Exception):
    """A file is damaged or of another kind."""


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """Save like torch.save. Raises UserError if the file cannot be written."""
    buffer = io.BytesIO()  # torch.save would hide errors of the disk
    torch.save(content, buffer)
    payload = buffer.getbuffer()
    payload[-2:] = struct.pack("<H", _LENGTH)  # a zip ends with the length of its comment
    comment = _comment(payload)

    def write(file: Any) -> None:
        file.write(payload)
        file.write(comment)

    write_bytes(path, write)


def read_sealed(path: Path) -> tuple[Any, bool]:
    """Load a file of torch.save to the CPU; also returns whether it has our checksum. Without one,
    the zip's own checksums are verified.

    Raises UserError if the file cannot be opened, UnreadableError if it is damaged or of another
    kind.
    """
    check_regular(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not data:
        raise UnreadableError("it is empty")
    comment = data[-_LENGTH:]
    sealed = comment.startswith(_MARK)
    if sealed and _comment(memoryview(data)[:-_LENGTH]) != comment:
        raise UnreadableError("its checksum is wrong")
    if not sealed:
        _check_zip(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about other kinds of archives; the error is enough
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file can raise anything
        raise UnreadableError("it is not a torch file of tensors and numbers only") from error
    return content, sealed


def _comment(payload: memoryview) -> bytes:
    return _MARK + hashlib.sha256(payload).hexdigest().encode()


def _check_zip(data: bytes) -> None:
    """Raise UnreadableError unless a file without our checksum is an intact zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            damaged = archive.testzip()
    except Exception as error:  # zipfile trusts the file's own headers
        raise UnreadableError(first_line(error)) from error
    if damaged is not None:
        raise UnreadableError(f"the checksum of {damaged} in it is wrong")
