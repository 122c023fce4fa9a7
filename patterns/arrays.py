"""The types of arrays that recognising works on."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def code_points(text: str) -> U32:
    """The code points of a str, lone surrogates too."""
    try:
        return np.frombuffer(text.encode("utf-32-le"), np.uint32)
    except UnicodeEncodeError:  # an error handler would be called for each: a hundred times the time
        codes = np.array([text], f"<U{len(text)}").view(np.uint32)
        codes.flags.writeable = False  # as above: the compiled loops are compiled for one type
        return codes
