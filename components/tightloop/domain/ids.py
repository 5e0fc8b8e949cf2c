"""Deterministic ids, and the alphabet of those that people choose.

An id is computed from what it stands for. So the same thing, done again (after a crash, on another machine, in a
replay), has the same id, and every reader sees that it is the same. All are BLAKE2b over the length-prefixed parts, cut
to 32 hex characters, which every venue takes as an order id. All but the client order id begin with the kind of id.
"""

from __future__ import annotations

import re
from hashlib import blake2b

STRATEGY_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
INSTRUCTION_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")
HEX_CHARS = 32
_LENGTHS = tuple(length.to_bytes(4, "big") for length in range(256))


def digest(*parts: str | int) -> str:
    """32 hex characters. The lengths (4 bytes, big-endian) keep ("ab", "c") and ("a", "bc") apart."""
    joined = b""
    for part in parts:
        raw = f"{part}".encode()
        length = len(raw)
        joined += (_LENGTHS[length] if length < 256 else length.to_bytes(4, "big")) + raw
    return blake2b(joined).hexdigest()[:HEX_CHARS]


def client_order_id(environment: str, strategy_id: str, account: str, instruction_id: str, attempt: int) -> str:
    """One intent's id at the venue: the same for every submission of it."""
    return digest(environment, strategy_id, account, instruction_id, attempt)


def report_id(strategy_id: str, loop_no: int, report_no: int) -> str:
    return digest("report", strategy_id, loop_no, report_no)


def update_id(strategy_id: str, position_version: int) -> str:
    return digest("update", strategy_id, position_version)


def result_id(strategy_id: str, position_version: int) -> str:
    return digest("result", strategy_id, position_version)


def snapshot_id(strategy_id: str, venue: str, account: str, position_version: int, attempt: int) -> str:
    return digest("snapshot", strategy_id, venue, account, position_version, attempt)


def halt_id(strategy_id: str, code: str, cause: str | int) -> str:
    """``cause``: what brought the halt about, such as a report id, or a topic, partition and offset."""
    return digest("halt", strategy_id, code, cause)


def is_strategy_id(text: str) -> bool:
    return STRATEGY_ID.fullmatch(text) is not None


def is_instruction_id(text: str) -> bool:
    return INSTRUCTION_ID.fullmatch(text) is not None
