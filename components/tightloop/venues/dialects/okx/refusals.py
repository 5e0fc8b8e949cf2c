"""How OKX refuses: its numbers and words for what the engine, or the dialect itself, says no to.

Source: section "Error Code" of https://www.okx.com/docs-v5/en.
"""

from __future__ import annotations

from collections.abc import Sequence

from tightloop.venues.dialects.documents import Problem
from tightloop.venues.sim.books import VenueError


class OkxError(Exception):
    """``{"code": code, "msg": message, "data": []}`` with this HTTP status; of an order ``sCode`` and ``sMsg``."""

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def wrong_parameter(name: str) -> OkxError:
    return OkxError("51000", f"Parameter {name} error", 400)


def refuse_undocumented(problems: Sequence[Problem]) -> None:
    """Raises OkxError for the first that OKX does not let pass: parameters that it does not know it ignores."""
    for one in problems:
        if one.kind == "missing":
            raise OkxError("50014", f"Parameter {one.parameter} can not be empty.", 400)
        if one.kind == "malformed":
            raise wrong_parameter(one.parameter)


NO_SUCH_INSTRUMENT = ("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
NO_SUCH_ORDER = ("51603", "Order does not exist")
NOT_TO_CANCEL = ("51400", "Order cancellation failed as the order has been filled, canceled or does not exist.")
NOTHING_TO_CHANGE = ("51500", "Either order price or amount is required.")
NOT_TO_AMEND = ("51503", "Order modification failed as the order does not exist.")
_KNOWN = {
    "insufficient_balance": ("51008", "Order failed. Insufficient balance in account."),
    "insufficient_margin": ("51008", "Order failed. Insufficient USDT margin in account."),
    "duplicate_client_order_id": ("51016", "Client order ID already exists."),
    "unknown_order": NO_SUCH_ORDER,
    "position_mode": ("51000", "Parameter posSide error"),
    "nothing_to_change": NOTHING_TO_CHANGE,  # which number a change to what is there already has is not documented
    "operation_not_supported": ("51506", "Order modification unavailable for the order type."),
}


def of_engine(refusal: VenueError) -> OkxError:
    """The engine's refusal in OKX's words."""
    if refusal.code in _KNOWN:
        return OkxError(*_KNOWN[refusal.code])
    if refusal.code in ("rate_limited", "banned"):
        return too_frequent()
    if refusal.code in ("unavailable", "maintenance"):
        return OkxError("50001", "Service temporarily unavailable. Please try again later.", 503)
    if "reduce-only" in refusal.message:
        return OkxError("51169", "Order failed because you don't have any positions in this direction to reduce.")
    if "below the minimum" in refusal.message:
        return OkxError("51020", "The order amount must be greater than or equal to the minimum order amount.")
    if "above the maximum" in refusal.message:
        return OkxError("51202", "Market order amount exceeds the maximum amount.")
    if refusal.code == "invalid_order":
        return wrong_parameter("sz or px")
    return OkxError("51022", refusal.message or "Instrument suspended.")


def too_frequent() -> OkxError:
    return OkxError("50011", "Too Many Requests", 429)
