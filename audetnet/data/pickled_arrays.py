"""Stand-ins for the NumPy functions named in pickles of arrays: NumPy's own would let a pickle pass
bytes off as an array of objects and follow them as pointers.

Arrays are built here from bytes, whose number must be that of shape x item size. Items are numbers
or strings; objects, structures, complex numbers and dates are refused.
"""

import re
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from audetnet.data.pickle_machine import PickleError, StandIn, set_items

_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|[SU][0-9]{1,6}")
_DTYPE_VERSION = 3
_MOST_DIMENSIONS = 64
"""As in NumPy. The product of more lengths could have any number of digits."""
_DICT_ITEM_SIZE = 128
"""The most bytes that a dict item takes."""
_ENCODINGS = {"<": "utf-32-le", ">": "utf-32-be", "|": "utf-32"}
"""Encodings of strings of kind U, by byte order."""
_NDARRAY = object()
"""numpy.ndarray, only allowed as an argument of _reconstruct."""


class MemoryBudget:
    """The bytes of memory that a pickle may take, in proportion to its size."""

    def __init__(self, size: int) -> None:
        self._left = size

    def spend(self, size: int) -> None:
        """Raise PickleError if the budget is exceeded."""
        self._left -= size
        if self._left < 0:
            raise PickleError("it would take far more memory than its size")


class PickledDtype(StandIn):
    """numpy.dtype; its state holds the byte order."""

    def __init__(self, text: Any, *_: Any) -> None:
        if type(text) is not str or not _DTYPE.fullmatch(text):
            named = text if type(text) is str else type(text).__name__
            raise PickleError(
                f"it contains an array of dtype '{named}'; expected numbers (save .astype(float))"
            )
        self._text = text
        self.build((_DTYPE_VERSION, "<", None, None, None))

    def build(self, state: Any) -> None:
        version, order, *inner = state
        if version != _DTYPE_VERSION or order not in _ENCODINGS or inner[:3] != [None] * 3:
            raise PickleError("it contains an array of structures; expected numbers")
        self.numpy = np.dtype(order + self._text)
        self.encoding = _ENCODINGS[order] if self._text.startswith("U") else "latin1"
        """The encoding of strings."""


class PickledArray(StandIn):
    """numpy.ndarray. ``make`` checks the state and returns a view of its bytes."""

    __slots__ = ("_make", "_values")

    def __init__(
        self, make: Callable[[Any, Any, Any, Literal["C", "F"]], npt.NDArray[Any]]
    ) -> None:
        self._make = make
        self._values: npt.NDArray[Any] | None = None

    @property
    def values(self) -> npt.NDArray[Any]:
        """The array, of any shape, sharing the memory of the pickle. Raises PickleError."""
        if self._values is None:
            raise PickleError("it contains an array without values")
        return self._values

    def build(self, state: Any) -> None:
        _, shape, dtype, fortran, content = state
        self._values = self._make(content, dtype, shape, "F" if fortran else "C")


class ArrayNames:
    """Resolves the names in one pickle."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._known = {
            ("numpy", "dtype"): PickledDtype,
            ("numpy", "ndarray"): _NDARRAY,
            ("numpy._core.multiarray", "_reconstruct"): self._reconstruct,
            ("numpy._core.multiarray", "scalar"): self._scalar,
            ("numpy._core.numeric", "_frombuffer"): self._from_buffer,
            ("_codecs", "encode"): self._encode,
            ("collections", "OrderedDict"): self._ordered_dict,
        }

    def find(self, module: str, name: str) -> Any:
        """The stand-in for a name; numpy.core of NumPy 1 is numpy._core of NumPy 2."""
        current = re.sub(r"^numpy\.core\.", "numpy._core.", module)
        if (current, name) not in self._known:
            raise PickleError(f"it contains '{module}.{name}', which is not allowed")
        return self._known[current, name]

    def _reconstruct(self, kind: Any, _shape: Any, _typecode: Any) -> PickledArray:
        """An array whose state follows."""
        if kind is not _NDARRAY:
            raise PickleError("it creates an array that is not a numpy.ndarray")
        return PickledArray(self._array)

    def _from_buffer(self, content: Any, dtype: Any, shape: Any, order: Any) -> PickledArray:
        """An array of protocol 5."""
        array = PickledArray(self._array)
        array.build((1, shape, dtype, order == "F", content))
        return array

    def _scalar(self, dtype: Any, content: Any) -> Any:
        """A NumPy number, bool or string as a Python object."""
        if type(content) is str:
            content = self._encode(content, "latin1")
        if not isinstance(dtype, PickledDtype) or type(content) is not bytes:
            raise PickleError("it contains a number without a dtype or bytes")
        if dtype.numpy.itemsize != len(content):
            raise PickleError("it contains a number whose size is not that of its dtype")
        if dtype.numpy.kind not in "SU":
            return np.frombuffer(content, dtype.numpy).item()
        self._budget.spend(len(content))
        return content.decode(dtype.encoding).rstrip("\0")

    def _encode(self, text: Any, encoding: Any) -> bytes:
        """Bytes, as stored by protocols 0 to 2 and Python 2."""
        if type(text) is not str or encoding != "latin1":
            raise PickleError("it encodes a string, but not as bytes are stored (latin1)")
        self._budget.spend(len(text))
        return text.encode("latin1")

    def _ordered_dict(self, pairs: Any = ()) -> dict[str, Any]:
        self._budget.spend(_DICT_ITEM_SIZE * len(pairs))
        made: dict[str, Any] = {}
        set_items(made, ((key, value) for key, value in pairs))
        return made

    def _array(
        self, content: Any, dtype: Any, shape: Any, order: Literal["C", "F"]
    ) -> npt.NDArray[Any]:
        """A view of bytes (a str in Python 2) as an array."""
        if not isinstance(dtype, PickledDtype) or type(shape) is not tuple:
            raise PickleError("it contains an array without a dtype or shape")
        if len(shape) > _MOST_DIMENSIONS:
            raise PickleError(f"it contains an array of {len(shape)} dimensions")
        size = dtype.numpy.itemsize
        for length in shape:
            if type(length) is not int or length < 0:
                raise PickleError("it contains an array of invalid shape")
            size *= length
        if type(content) is str:
            content = self._encode(content, "latin1")
        if type(content) is not bytes:
            raise PickleError("it contains an array of objects; expected numbers")
        if size != len(content):
            raise PickleError(
                f"it contains an array of {len(content)} bytes, but shape and dtype need {size}"
            )
        if not size:
            return np.empty(0, dtype.numpy)
        return np.frombuffer(content, dtype.numpy).reshape(shape, order=order)
