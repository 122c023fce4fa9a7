"""The hot loops, turned into machine code by numba.

What is entered from outside is kept for later processes, beside the module or in NUMBA_CACHE_DIR. numba
notices a change of that module only, not of constants that it imports: a compiled function therefore calls
only compiled functions of its own module, and `make clean` forgets what was kept.
"""

from collections.abc import Callable
from typing import Any, cast

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code: typed at its first call, free of the GIL."""
    return cast(Callable[..., Any], njit(nogil=True)(function))


class Kept:
    """A compiled function as it is entered from outside: its machine code is kept, from the first call on.

    Where no folder may be written to nothing is kept, and each process compiles for itself (some 15 s).
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._compiled: Any = function
        self._asked = False

    def __call__(self, *arguments: Any) -> Any:
        if not self._asked:
            self._asked = True
            try:
                self._compiled.enable_caching()
            except RuntimeError:
                pass
        return self._compiled(*arguments)
