"""How OKX refuses: its numbers and words for what the engine, or the dialect itself, says no to.

Source: section "Error Code" of https://www.okx.com/docs-v5/en.
"""

from __future__ import annotations

from collections.abc import Sequence

from tightloop.venues.dialects.documents import Problem
from tightloop.venues.sim.books import VenueError

# HTTP status of each, by that section; those that are not here have 200, and 50102 to 50114 have 401
_STATUS = {
    "404": 404,
    "50000": 400,
    "50001": 503,
    "50002": 400,
    "50011": 429,
    "50014": 400,
    "50015": 400,
    "50026": 500,
    "50101": 401,
    "51000": 400,
    "51149": 500,
    "51406": 400,
}


class OkxError(Exception):
    """``{"code": code, "msg": message, "data": []}``; of an order ``sCode`` and ``sMsg``, with HTTP status 200."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = 401 if "50102" <= code <= "50114" else _STATUS.get(code, 200)

    @property
    def of_an_order(self) -> bool:
        """May it be told of one order? A wrong parameter is 400 elsewhere."""
        return self.status == 200 or self.code == "51000"


MISSING = "50014"


def wrong_parameter(name: str) -> OkxError:
    return OkxError("51000", f"Parameter {name} error")


def refuse_undocumented(problems: Sequence[Problem]) -> None:
    """Raises OkxError for the first that OKX does not let pass: parameters that it does not know it ignores."""
    for one in problems:
        if one.kind == "missing":
            raise OkxError(MISSING, f"Parameter {one.parameter} can not be empty.")
        if one.kind == "malformed":
            raise wrong_parameter(one.parameter)


NO_SUCH_INSTRUMENT = ("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
NO_SUCH_ORDER = ("51603", "Order does not exist")
NOT_TO_CANCEL = ("51400", "Order cancellation failed as the order has been filled, canceled or does not exist.")
NOT_TO_AMEND = ("51503", "Your order has already been filled or canceled.")
NOTHING_TO_AMEND = ("51500", "You must enter a price, quantity, or TP/SL.")
_KNOWN = {
    "insufficient_balance": ("51008", "Order failed. Insufficient balance in account."),
    "insufficient_margin": ("51008", "Order failed. Insufficient USDT margin in account."),
    "duplicate_client_order_id": ("51016", "Client order ID already exists."),
    "unknown_order": NO_SUCH_ORDER,
    "position_mode": ("51000", "Parameter posSide error"),
    "nothing_to_change": NOTHING_TO_AMEND,  # of an order that stays as it is nothing is documented
    "operation_not_supported": ("51506", "Order modification unavailable for the order type."),
}


def of_engine(refusal: VenueError) -> OkxError:
    """The engine's refusal in OKX's words."""
    if refusal.code in _KNOWN:
        return OkxError(*_KNOWN[refusal.code])
    if refusal.code in ("rate_limited", "banned"):
        return too_frequent()
    if refusal.code in ("unavailable", "maintenance"):
        return OkxError("50001", "Service temporarily unavailable. Please try again later.")
    if refusal.code == "timed_out":
        return OkxError("51149", "Order timed out. Please try again.")
    if "reduce-only" in refusal.message:
        return OkxError("51169", "Order failed because you don't have any positions in this direction to reduce.")
    if "below the minimum" in refusal.message:
        return OkxError("51020", "The order amount must be greater than or equal to the minimum order amount.")
    if "above the maximum" in refusal.message:
        return OkxError("51202", "Market order amount exceeds the maximum amount.")
    if refusal.code == "invalid_order":
        return wrong_parameter("sz or px")
    return OkxError("51022", refusal.message or "Instrument suspended.")


def of_amending(refusal: VenueError) -> OkxError:
    """The same, of a change to an order: what it has no money for has a number of its own."""
    found = of_engine(refusal)
    if found.code == "51008":
        return OkxError("51502", "Unable to edit order: insufficient balance or margin.")
    return found


def too_frequent() -> OkxError:
    return OkxError("50011", "Too Many Requests")
