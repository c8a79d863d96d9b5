"""Compiles loops over vertices, triangles and pixels; needs the optional package numba."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from audetnet.errors import UserError

try:
    import numba
except ImportError as error:
    raise UserError(
        "rendering faces needs numba: pip install -e '.[render]' (numba is not installed)"
    ) from error

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Compile a function of numbers and arrays; the result is cached on disk.

    Without ``fastmath``, sums keep their order and are not fused, so that every processor gives the
    same bits.
    """
    return cast(Kernel, numba.njit(cache=True, error_model="numpy")(function))
