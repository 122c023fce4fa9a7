"""The hot loops, turned into machine code by numba.

Entry points are cached on disk: in NUMBA_CACHE_DIR if set (it may be read-only), else beside the module, else
in the user's cache. Machine code contains the constants of its module, its own and imported ones, so a cached
file carries a stamp of the module's source and constants; a file with another stamp is not run but replaced.
The stamp does not cover functions of other modules: a compiled function calls only compiled functions of its
own module.
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
    """Why machine code of this process could not be cached for the next one; "" if all of it was."""
    return _cache_errors[0] if _cache_errors else ""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile the function at its first call; it runs without the GIL."""
    return cast(Callable[..., Any], njit(nogil=True)(function))


class DiskCached:
    """An entry point: a compiled function whose machine code is cached on disk at its first call.

    Where no folder is writable nothing is cached, and each process compiles for itself (some 15 s).
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
    """A hash of the constants of a module, which numba compiles in: all but functions, classes and
    modules."""
    digest = blake2b(digest_size=16)
    for name, value in sorted(names.items(), key=lambda item: item[0]):
        if not (name.startswith("__") or callable(value) or isinstance(value, ModuleType)):
            shown = (value.dtype, value.tolist()) if isinstance(value, np.ndarray) else value
            digest.update(f"{name}={shown!r}\n".encode())
    return digest.hexdigest()


class _Stamped:
    """A cache locator of numba whose stamp covers the constants; one file per function, so that old files do
    not pile up."""

    def __init__(self, function: Any, file: str) -> None:
        super().__init__(function, file)  # type: ignore[call-arg]
        self._constants = _constants(function.__globals__)

    def get_source_stamp(self) -> object:
        return super().get_source_stamp(), self._constants  # type: ignore[misc]

    def get_disambiguator(self) -> str:
        return "kept"


class _Named(_Stamped, UserProvidedCacheLocator):
    def ensure_cache_path(self) -> None:
        """Take NUMBA_CACHE_DIR as it is: the folder of a container image may be read-only."""
        with suppress(OSError):
            super().ensure_cache_path()


class _Beside(_Stamped, InTreeCacheLocator):
    pass


class _Users(_Stamped, UserWideCacheLocator):
    pass


class _Form(CompileResultCacheImpl):
    """Machine code with its own stamp: numba's index may be newer than the file that it names."""

    _locator_classes = [_Named, _Beside, _Users]  # noqa: RUF012 - numba's

    def reduce(self, made: Any) -> object:
        return self.locator.get_source_stamp(), super().reduce(made)

    def rebuild(self, context: Any, kept: Any) -> Any:
        stamp, made = kept
        return super().rebuild(context, made) if stamp == self.locator.get_source_stamp() else None


class _Cache(FunctionCache):
    """The cached files. They are a convenience: one that is damaged (as after a power cut), or cannot be read
    or written, never stops the process."""

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
