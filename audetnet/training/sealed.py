"""torch files that carry a checksum of all their bytes: a zip whose comment is the digest of what
comes before it. ``torch.load`` and unzip read them as any other.
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
    """What is wrong with the bytes of a file."""


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """Write what torch.save takes. Raises UserError where the disk refuses."""
    buffer = io.BytesIO()  # torch.save would hide what the disk says
    torch.save(content, buffer)
    payload = buffer.getbuffer()
    payload[-2:] = struct.pack("<H", _LENGTH)  # a zip ends in the length of its comment
    comment = _comment(payload)

    def write(file: Any) -> None:
        file.write(payload)
        file.write(comment)

    write_bytes(path, write)


def read_sealed(path: Path) -> tuple[Any, bool]:
    """What a file of torch.save holds, on the CPU, and whether a checksum vouches for it; the zip's
    own ones are looked at where there is none.

    Raises UserError for what cannot be opened, UnreadableError for what is damaged or something
    else.
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
            warnings.simplefilter("ignore")  # of archives of other kinds; the error is enough
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a foreign file makes torch stumble over
        raise UnreadableError("it is no file of torch with tensors and numbers only") from error
    return content, sealed


def _comment(payload: memoryview) -> bytes:
    return _MARK + hashlib.sha256(payload).hexdigest().encode()


def _check_zip(data: bytes) -> None:
    """Raise UnreadableError where a file that carries no checksum is no whole zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            damaged = archive.testzip()
    except Exception as error:  # zipfile trusts what the file says of itself
        raise UnreadableError(first_line(error)) from error
    if damaged is not None:
        raise UnreadableError(f"the checksum of {damaged} in it is wrong")
