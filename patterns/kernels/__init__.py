"""The hot loops, turned into machine code by numba.

What is entered from outside is kept for later processes: in NUMBA_CACHE_DIR where that is set, be it only to
be read; else beside the module, else in the user's cache. The module's file and the constants in it, its own
and those it imports, are frozen in its machine code. So what is kept says of what it was made, is run with no
others, and is replaced by them. It says nothing of other modules' functions: a compiled function calls only
compiled functions of its own module.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import blake2b
from types import ModuleType
from typing import Any, cast

import numpy as np
from numba import njit
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)

_cache_errors: list[str] = []


def cache_error() -> str:
    """Why machine code that this process made could not be kept for the next one; "" if all was."""
    return _cache_errors[0] if _cache_errors else ""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code: typed at its first call, free of the GIL."""
    return cast(Callable[..., Any], njit(nogil=True)(function))


class DiskCached:
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
                self._compiled._cache = _Cache(self._compiled.py_func)
            except RuntimeError as error:
                _cache_errors.append(str(error))
        return self._compiled(*arguments)


def _constants(names: Mapping[str, Any]) -> str:
    """A hash of all in a module that numba freezes: neither functions and classes nor modules."""
    digest = blake2b(digest_size=16)
    for name, value in sorted(names.items(), key=lambda item: item[0]):
        if not (name.startswith("__") or callable(value) or isinstance(value, ModuleType)):
            shown = (value.dtype, value.tolist()) if isinstance(value, np.ndarray) else value
            digest.update(f"{name}={shown!r}\n".encode())
    return digest.hexdigest()


class _Stamped:
    """A place of numba's whose stamp covers the constants; one file a function, so that none pile up."""

    def __init__(self, function: Any, file: str) -> None:
        super().__init__(function, file)  # type: ignore[call-arg]
        self._constants = _constants(function.__globals__)

    def get_source_stamp(self) -> object:
        return super().get_source_stamp(), self._constants  # type: ignore[misc]

    def get_disambiguator(self) -> str:
        return "kept"


class _Named(_Stamped, UserProvidedCacheLocator):
    def ensure_cache_path(self) -> None:
        """A folder that was named is taken as it is, so that an image's can be read only."""
        with suppress(OSError):
            super().ensure_cache_path()


class _Beside(_Stamped, InTreeCacheLocator):
    pass


class _Users(_Stamped, UserWideCacheLocator):
    pass


class _Form(CompileResultCacheImpl):
    """Machine code with its stamp: numba's index alone may be ahead of the file that it names."""

    _locator_classes = [_Named, _Beside, _Users]  # noqa: RUF012 - numba's

    def reduce(self, made: Any) -> object:
        return self.locator.get_source_stamp(), super().reduce(made)

    def rebuild(self, context: Any, kept: Any) -> Any:
        stamp, made = kept
        return super().rebuild(context, made) if stamp == self.locator.get_source_stamp() else None


class _Cache(FunctionCache):
    """Kept files, which are a convenience: one that is damaged (as after a power cut), or cannot be read or
    written, is never a reason not to start."""

    _impl_class = _Form

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            return super().load_overload(signature, context)
        except Exception:
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature: Any, made: Any) -> None:
        try:
            super().save_overload(signature, made)
        except Exception as error:
            _cache_errors.append(f"{self.cache_path}: {type(error).__name__}: {error}")
