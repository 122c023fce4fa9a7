"""An answer's body: read no further than a limit, whatever it is compressed to."""

import zlib

import aiohttp

LONGEST_BODY = 65_536
ACCEPTED_ENCODINGS = "gzip, deflate"
_ZLIB_FORMATS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
"""zlib's wbits by Content-Encoding; "deflate" comes with and without zlib's header."""


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """The body, decompressed: LONGEST_BODY + 1 bytes at most, and the connection closes if there are more.
    Raises a ClientError or an OSError when it breaks off."""
    parts: list[bytes] = []
    size = 0
    while size <= LONGEST_BODY and (part := await response.content.readany()):
        parts.append(part)
        size += len(part)
    if size > LONGEST_BODY:
        response.close()
    raw = b"".join(parts)[: LONGEST_BODY + 1]
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    return raw if encoding == "identity" else decompressed(raw, encoding)


def decompressed(raw: bytes, encoding: str) -> bytes:
    """LONGEST_BODY + 1 bytes at most of what ``raw`` holds; b"" if it is damaged or of another encoding than
    those asked for. No more is ever decompressed."""
    for wbits in _ZLIB_FORMATS.get(encoding, ()):
        stream = zlib.decompressobj(wbits)
        try:
            body = stream.decompress(raw, LONGEST_BODY + 1)
        except zlib.error:
            continue
        if stream.eof or len(body) > LONGEST_BODY:
            return body
    return b""
