"""How the simulated venues refuse, and what each refusal means to an executor.

``verdict``: ``refused`` (nothing was done and nothing will be), ``retry`` (nothing was done, the same intent may be
tried again), ``ask`` (the venue may have acted on this intent before: look), ``unknown`` (no such order).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Meaning(Struct, frozen=True):
    """HTTP status, what it tells the executor, and the catalogue's code."""

    status: int
    verdict: Literal["refused", "retry", "ask", "unknown"]
    code: str


CODES: dict[str, Meaning] = {
    "order_rejected": Meaning(400, "refused", "EXI-001"),
    "rate_limited": Meaning(429, "retry", "EXI-002"),
    "unavailable": Meaning(503, "ask", "EXI-003"),
    "maintenance": Meaning(503, "ask", "EXI-003"),  # what came in as it began may have been done
    "timed_out": Meaning(500, "ask", "EXI-005"),
    "banned": Meaning(418, "retry", "EXI-002"),
    "nothing_to_change": Meaning(400, "refused", "EXI-007"),
    "position_mode": Meaning(400, "refused", "EXI-007"),
    "insufficient_balance": Meaning(400, "refused", "EXI-006"),
    "insufficient_margin": Meaning(400, "refused", "EXI-006"),
    "invalid_order": Meaning(400, "refused", "EXI-007"),
    "no_price": Meaning(400, "refused", "EXI-007"),
    "bad_request": Meaning(400, "refused", "EXI-007"),
    "withdrawal_failed": Meaning(400, "refused", "EXI-001"),
    "reverted": Meaning(400, "refused", "EXI-008"),
    "nonce_too_low": Meaning(400, "refused", "EXI-009"),
    "replacement_underpriced": Meaning(400, "refused", "EXI-009"),  # a sibling that pays nearly as much has the nonce
    "slippage_limit": Meaning(400, "refused", "EXI-011"),
    "operation_not_supported": Meaning(400, "refused", "EXI-013"),
    "stale_timestamp": Meaning(400, "retry", "EXI-001"),
    "future_timestamp": Meaning(400, "retry", "EXI-015"),  # no delay explains it: the sender's clock is ahead
    "duplicate_client_order_id": Meaning(409, "ask", "EXI-005"),
    "already_known": Meaning(409, "ask", "EXI-005"),
    "unknown_order": Meaning(404, "unknown", "EXI-005"),
}
_OTHER = Meaning(500, "ask", "EXI-005")


def meaning(code: str) -> Meaning:
    """An unknown code proves nothing: ask."""
    return CODES.get(code, _OTHER)
