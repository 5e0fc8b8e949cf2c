"""What the small HTTP client and server both need to know of HTTP/1.1 headers."""

from __future__ import annotations

NO_ANSWER = 444  # to a multiplexed request: elsewhere its connection would have been closed without an answer


def field(headers: bytes, name: bytes) -> bytes:
    """A header of a block, both in lower case; ``name`` as ``\\r\\nname:``. Else empty."""
    start = headers.find(name)
    if start < 0:
        return b""
    start += len(name)
    end = headers.find(b"\r\n", start)
    return (headers[start:] if end < 0 else headers[start:end]).strip()
