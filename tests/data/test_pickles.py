"""Hostile pickles give one line, without crashing or using much memory; valid ones of every kind
are read.
"""

import pickle
import random
import resource
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audetnet.data.pickles import read_pickled_rows
from audetnet.errors import UserError
from audetnet.labels import FloatArray

ROW = (3.0, 0.0, 5.0)
_F8 = b"\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02%s\x89\x88\x87R"
_STATE = b"(K\x03\x8c\x01%sNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK%ctb"
_FROMBUFFER = b"\x8c\x13numpy._core.numeric\x8c\x0b_frombuffer\x93"
_SCALAR = b"\x8c\x16numpy._core.multiarray\x8c\x06scalar\x93"
_RECONSTRUCT = (
    b"\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93"
    b"\x8c\x05numpy\x8c\x07ndarray\x93K\x00\x85C\x01b\x87R"
)
_POINTERS = b"C\x10" + b"\x41" * 16
_ENCODE = b"\x8c\x07_codecs\x8c\x06encode\x93"


def _table(value: bytes) -> bytes:
    """{"a": value} in opcodes."""
    return b"\x80\x05}\x8c\x01a" + value + b"s."


def _dtype(kind: bytes, order: bytes = b"|", flags: int = 0) -> bytes:
    return _F8 % kind + _STATE % (order, flags)


def _read(folder: Path, content: bytes) -> dict[str, FloatArray]:
    path = folder / "aus.pkl"
    path.write_bytes(content)
    return read_pickled_rows(path)


_NESTED = b"](K\x01K\x01e"
HOSTILE = {
    "pointers by _frombuffer": _table(
        _FROMBUFFER + b"(" + _POINTERS + _dtype(b"O8") + b"K\x02\x85\x8c\x01CtR"
    ),
    "pointers by __setstate__": _table(
        _RECONSTRUCT + b"(K\x01K\x02\x85" + _dtype(b"O8") + b"\x89" + _POINTERS + b"tb"
    ),
    "pointers by ndarray(buffer=)": _table(
        b"\x8c\x05numpy\x8c\x07ndarray\x93(K\x02\x85" + _dtype(b"O8") + _POINTERS + b"tR"
    ),
    "a pointer by scalar": _table(_SCALAR + _dtype(b"O8") + b"C\x08AAAAAAAA\x86R"),
    "a number disguised as an object": _table(
        _FROMBUFFER + b"(" + _POINTERS + _F8 % b"f8" + b"(K\x03\x8c\x01ONNNK\x08K\x08K\x3ftb"
        b"K\x02\x85\x8c\x01CtR"
    ),
    "objects, too few of them": _table(
        _RECONSTRUCT + b"(K\x01K\x09\x85" + _dtype(b"O8", flags=63) + b"\x89](K\x01etb"
    ),
    "objects, though of dtype f8": _table(
        _RECONSTRUCT + b"(K\x01K\x01\x85" + _dtype(b"f8", b"<") + b"\x89](K\x01etb"
    ),
    "more bytes by shape than there are": _table(
        _FROMBUFFER + b"(" + _POINTERS + _dtype(b"f8", b"<") + b"K\x03\x85\x8c\x01CtR"
    ),
    "a shape below zero": _table(
        _FROMBUFFER + b"(" + _POINTERS + _dtype(b"f8", b"<") + b"J\xfe\xff\xff\xff\x85\x8c\x01CtR"
    ),
    "a shape of nested tuples": _table(
        _FROMBUFFER + b"(" + _POINTERS + _dtype(b"f8", b"<") + b"K\x02\x85\x85\x8c\x01CtR"
    ),
    "ndarray((10**8,))": _table(
        b"\x8c\x05numpy\x8c\x07ndarray\x93J\x00\xe1\xf5\x05\x85\x85R"
    ),
    "an array never completed": _table(_RECONSTRUCT),
    "complex": _table(_FROMBUFFER + b"(" + _POINTERS + _F8 % b"c8" + b"K\x02\x85\x8c\x01CtR"),
    "dates": _table(_FROMBUFFER + b"(" + _POINTERS + _F8 % b"M8" + b"K\x02\x85\x8c\x01CtR"),
    "structures": _table(
        _F8 % b"V8" + b"(K\x03\x8c\x01|N\x8c\x01x\x85}K\x08K\x01K\x10tb"
    ),
    "structures in the state": _table(_F8 % b"f8" + b"(K\x03\x8c\x01<N\x8c\x01x\x85}K\x08K\x01tb"),
    "a dtype of a list": _table(b"\x8c\x05numpy\x8c\x05dtype\x93]\x85R"),
    "hexadecimal digits": _table(_ENCODE + b"\x8c\x01a\x8c\x03hex\x86R"),
    "a state for a list": _table(b"]}b"),
    "a state for a function": _table(_ENCODE + b"}b"),
    "items of an array": _table(_RECONSTRUCT + b"K\x01K\x01s"),
    "a call of a list": _table(b"])R"),
    "a call with a list": _table(_ENCODE + b"]R"),
    "a call without arguments": _table(_ENCODE + b")R"),
    "a class": b"(i__main__\nThing\n.",
    "a new object": _table(b"\x8c\x05numpy\x8c\x05dtype\x93)\x81"),
    "a persistent id": _table(b"Pname\n"),
    "a binary persistent id": _table(b"NQ"),
    "a registered extension": _table(b"\x82\x01"),
    "a buffer from elsewhere": _table(b"\x97"),
    "a set": _table(b"\x8f"),
    "a frozen set": _table(b"(K\x01\x91"),
    "a memo index of 2e8": _table(b"Nr\x00\xc2\xeb\x0b0"),
    "a text of 2**60 bytes": b"\x80\x04\x8d" + b"\x00" * 7 + b"\x10" + b"a.",
    "bytes of 2**64 - 1": b"\x80\x05\x96" + b"\xff" * 8 + b".",
    "a frame of 2**64 - 1": b"\x80\x04\x95" + b"\xff" * 8,
    "a million digits": _table(b"L" + b"1" * 10**6 + b"L\n"),
    "a key nested a million deep": b"\x80\x04})" + b"\x85" * 10**6 + b"K\x01s.",
    "lists nested a million deep": _table(b"]" * 10**6 + b"a" * (10**6 - 1)),
    "shared nested lists": _table(
        _NESTED + b"".join(b"q%c0](h%ch%ce" % (n, n, n) for n in range(60))
    ),
    "a list in itself": _table(b"]q\x00h\x00a"),
    "a row that many frames share": b"\x80\x04}("
    + b"\x8c\x00](" + b"K\x01" * 10**5 + b"eq\x00"
    + b"".join(b"\x8c\x06%06dh\x00" % n for n in range(10**4))
    + b"u.",
    "a shape of 50,000 huge lengths": _table(
        _FROMBUFFER + b"(C\x00" + _dtype(b"f8", b"<") + b"(\x8a\xff" + b"\x7f" * 255 + b"q\x00"
        + b"h\x00" * 50_000 + b"t\x8c\x01CtR"
    ),
    "rows of empty lists that many frames share": b"\x80\x04}("
    + b"\x8c\x00](]q\x00" + b"h\x00" * 10**5 + b"eq\x00"
    + b"".join(b"\x8c\x06%06dh\x00" % n for n in range(10**4))
    + b"u.",
    "a dict made many times of the same pairs": b"\x80\x04("
    + b"](" + b"".join(b"\x8c\x05%05d]\x86" % n for n in range(10**4)) + b"eq\x00"
    + b"ccollections\nOrderedDict\nq\x01" + b"h\x01h\x00\x85R" * 10**3 + b"t.",
    "a text encoded many times": b"\x80\x04" + _ENCODE + b"q\x00X\xa0\x86\x01\x00" + b"a" * 10**5
    + b"q\x01]" + b"h\x00h\x01\x8c\x06latin1\x86Ra" * 10**4 + b".",
}  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_pickles_are_errors(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UserError) as error:
        _read(tmp_path, content)
    assert str(error.value).startswith(f"{tmp_path / 'aus.pkl'}: ")


def test_hostile_pickles_take_no_more_memory_than_their_size_allows(tmp_path: Path) -> None:
    """All of the above in one process, which reports its peak memory."""
    for number, content in enumerate(HOSTILE.values()):
        (tmp_path / f"{number}.pkl").write_bytes(content)
    script = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from audetnet.data.pickles import read_pickled_rows\n"
        "from audetnet.errors import UserError\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "for path in Path(sys.argv[1]).glob('*.pkl'):\n"
        "    try: read_pickled_rows(path)\n"
        "    except UserError: continue\n"
        "    raise SystemExit(f'{path} was read')\n"
        "print((peak() - before) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 300, "megabytes; the largest pickles have 2"


def test_too_little_memory_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("audetnet.data.pickles.run_pickle", full)
    with pytest.raises(UserError, match="not enough memory to read it"):
        _read(tmp_path, b".")


@pytest.mark.parametrize(
    ("state", "named"),
    [
        (np.array(ROW, dtype=object), "dtype 'O8'"),
        (np.array(ROW, dtype=complex), "dtype 'c16'"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "dtype 'M8'"),
        (np.zeros(1, dtype=[("x", "f8")]), "dtype 'V8'"),
    ],
    ids=["objects", "complex", "dates", "structures"],
)
@pytest.mark.parametrize("protocol", range(6))
def test_other_kinds_of_arrays_are_named(
    tmp_path: Path, state: Any, named: str, protocol: int
) -> None:
    with pytest.raises(UserError, match=named):
        _read(tmp_path, pickle.dumps({"a": state}, protocol))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "row",
    [
        np.array(ROW).reshape(1, 3),
        np.asfortranarray(np.array([[3.0, 0.0], [5.0, 1.0]])),
        np.array([[3.0, 0.0, 5.0, 1.0]] * 2, dtype=">f4")[:, ::2],
        np.array(ROW, dtype=np.float16),
        np.array(ROW, dtype=">i4"),
        np.array([True, False, True]),
        [True, False, True],
        [1, 2.5, True, None],
        [[3, 0], [5, 1]],
        [np.array(3.0), np.array([1.0])[0]],
        [np.bool_(True), np.int8(-3), np.uint16(3), np.float16(0.5), np.int64(5)],
        np.float64(3.0),
        4,
    ],
    ids=[
        *("2-D", "Fortran order", "not contiguous", "float16", "big-endian ints", "bools"),
        *("list of bools", "mixed numbers", "2-D list", "0-D arrays", "numpy scalars"),
        *("a numpy scalar", "a number"),
    ],
)
def test_every_row_equals_what_numpy_reads(tmp_path: Path, row: Any, protocol: int) -> None:
    expected = np.asarray(row, dtype=np.float32).reshape(-1)
    for table in ({"a": row}, OrderedDict(a=row), {np.str_("a"): row}):
        rows = _read(tmp_path, pickle.dumps(table, protocol))
        assert list(rows) == ["a"]
        assert rows["a"].dtype == np.float32
        np.testing.assert_array_equal(rows["a"], expected)


_PYTHON_2_DTYPE = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'%s'\nNNNI-1\nI-1\nI0\ntb"
_BIG = np.array(ROW, dtype=">f8").tobytes()


def _repr(content: bytes) -> bytes:
    """A str as pickled by Python 2."""
    return repr(content)[1:].encode()


def _python_2_array(shape: bytes, content: bytes, order: bytes) -> bytes:
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n"
        + shape + _PYTHON_2_DTYPE % order + b"I00\nS" + _repr(content) + b"\ntb"
    )  # fmt: skip


PYTHON_2 = {
    "big endian": b"(dS'a'\n" + _python_2_array(b"(I3\nt", _BIG, b">") + b"s.",
    "2-D": b"(dS'a'\n" + _python_2_array(b"(I1\nI3\nt", _BIG, b">") + b"s.",
    "long lengths": b"(dS'a'\n" + _python_2_array(b"(L3L\nt", _BIG, b">") + b"s.",
    "unicode key": b"(dVa\n" + _python_2_array(b"(I3\nt", _BIG, b">") + b"s.",
    "OrderedDict": b"ccollections\nOrderedDict\n((lp0\n(lp1\nS'a'\naF3.0\naa"
    b"(lp2\nS'b'\naI01\naatR.",
    "list of floats": b"(dS'a'\n(lp1\nF3.0\naI0\naL5L\nas.",
    "numpy scalars": b"(dS'a'\n(l"
    + b"".join(
        b"cnumpy.core.multiarray\nscalar\n(" + _PYTHON_2_DTYPE % b"<"
        + b"S" + _repr(np.float64(value).tobytes()) + b"\ntRa" for value in ROW
    )
    + b"s.",
    "protocol 1": b"}q\x00U\x01aq\x01(G@\x08\x00\x00\x00\x00\x00\x00K\x00M\x05\x00tq\x02s.",
    "protocol 2, long": b"\x80\x02}q\x00T\x01\x00\x00\x00aq\x01]q\x02(\x8a\x01\x03K\x00K\x05es.",
}  # fmt: skip


@pytest.mark.parametrize("content", PYTHON_2.values(), ids=list(PYTHON_2))
def test_pickles_of_python_2_are_read(tmp_path: Path, content: bytes) -> None:
    expected = pickle.loads(content, encoding="latin1")
    rows = _read(tmp_path, content)
    assert list(rows) == list(expected)
    for frame, row in expected.items():
        np.testing.assert_array_equal(rows[frame], np.asarray(row, dtype=np.float32).reshape(-1))


@pytest.mark.parametrize(
    ("fragment", "fine"),
    [(b"S3", True), (b"U3", True), (b"f8", False), (b"U1", False)],
    ids=["bytes", "text", "a number", "another size"],
)
def test_keys_may_be_numpy_strings(tmp_path: Path, fragment: bytes, fine: bool) -> None:
    text = b"abc" if fragment == b"S3" else "abc".encode("utf-32-be")[: 8 if not fine else None]
    key = _SCALAR + _dtype(fragment, b">") + b"C%c" % len(text) + text + b"\x86R"
    content = b"\x80\x04}" + key + b"K\x01s."
    if fine:
        assert list(_read(tmp_path, content)) == ["abc"]
    else:
        with pytest.raises(UserError):
            _read(tmp_path, content)


def _honest() -> list[bytes]:
    tables: list[Any] = [
        {"a": np.array(ROW), "b": np.array(ROW, dtype=">f4")},
        {"a": list(ROW), "b": [np.float64(value) for value in ROW]},
        OrderedDict(a=np.ones((2, 3), order="F"), b=np.arange(6).reshape(2, 3)[:, ::2]),
        {np.str_("a"): np.array([1, 9], dtype=np.uint8), "b": (True, False)},
    ]
    return [pickle.dumps(table, protocol) for table in tables for protocol in range(6)] + [
        *PYTHON_2.values()
    ]


def _mutated(content: bytes, chance: random.Random) -> bytes:
    """The content with a few bytes changed, deleted, doubled, or replaced by another opcode."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        end = at + chance.randint(1, 12)
        match chance.randrange(4):
            case 0:
                changed[at] = chance.randrange(256)
            case 1:
                del changed[at:end]
            case 2:
                changed[at:at] = changed[at:end]
            case _:
                changed[at] = chance.choice(b"(.]})tRbsuaeh\x85\x86\x87\x93\x94qjrNKMJG\x8cCXUO")
        changed = changed or bytearray(b".")
    return bytes(changed)


def _fuzz(folder: Path, times: int) -> int:
    """The number of mutated pickles that were refused; only UserError is caught."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
    chance = random.Random(0)
    honest = _honest()
    refused = 0
    for _ in range(times):
        try:
            _read(folder, _mutated(chance.choice(honest), chance))
        except UserError:
            refused += 1
    return refused


@pytest.mark.parametrize(
    "times", [3_000, pytest.param(60_000, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_mutated_pickles_never_crash(tmp_path: Path, times: int) -> None:
    """In a separate process, which a crash would end."""
    code = (
        "import sys; from pathlib import Path; from tests.data.test_pickles import _fuzz\n"
        "print(_fuzz(Path(sys.argv[1]), int(sys.argv[2])))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path), str(times)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert times / 3 < int(done.stdout) < times
