"""How Bybit refuses: its numbers and words for what the engine, or the dialect itself, says no to.

Source: https://bybit-exchange.github.io/docs/v5/error. How it words what is wrong with a parameter is not documented;
the number is 10001 then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tightloop.venues.dialects.documents import Problem
from tightloop.venues.sim.books import VenueError


class BybitError(Exception):
    """``{"retCode": code, "retMsg": message}``, on HTTP 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class GatewayError(Exception):
    """What does not come through to the exchange: an HTTP status, and words that are no JSON.

    https://bybit-exchange.github.io/docs/v5/error#http-code
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def access_too_frequent() -> GatewayError:
    return GatewayError(403, "access too frequent")


def wrong_parameter(words: str) -> BybitError:
    return BybitError(10001, f"params error: {words}")


_OF_SPOT_ORDERS = {
    "timeInForce": (170115, "Invalid timeInForce."),
    "orderType": (170116, "Invalid orderType."),
    "side": (170117, "Invalid side."),
}


def refuse_undocumented(problems: Sequence[Problem], given: Mapping[str, str]) -> None:
    """Raises BybitError for the first that Bybit does not let pass: parameters that it does not know it ignores."""
    for one in problems:
        if one.kind == "unknown" or (one.kind == "malformed" and not given.get(one.parameter)):
            continue
        if given.get("category") == "spot" and one.parameter in _OF_SPOT_ORDERS:
            raise BybitError(*_OF_SPOT_ORDERS[one.parameter])
        raise wrong_parameter(one.words)


def invalid_symbol(spot: bool) -> BybitError:
    return BybitError(170121, "Invalid symbol.") if spot else wrong_parameter("symbol invalid")


def no_such_order(spot: bool) -> BybitError:
    if spot:
        return BybitError(170213, "Order does not exist.")
    return BybitError(110001, "order not exists or too late to cancel")


def too_small(spot: bool) -> BybitError:
    if spot:
        return BybitError(170140, "Order value exceeded lower limit.")
    return BybitError(110094, "Order does not meet minimum order value 5USDT")


_SPOT = {
    "insufficient_balance": (170131, "Insufficient balance."),
    "duplicate_client_order_id": (170141, "Duplicate clientOrderId."),
}
_LINEAR = {
    "insufficient_balance": (110007, "ab not enough for new order"),
    "insufficient_margin": (110007, "ab not enough for new order"),
    "duplicate_client_order_id": (110072, "OrderLinkedID is duplicate"),
    "position_mode": (10001, "position idx not match position mode"),
}


def of_engine(refusal: VenueError, spot: bool) -> BybitError | GatewayError:
    """The engine's refusal in Bybit's words."""
    known = (_SPOT if spot else _LINEAR).get(refusal.code)
    if known is not None:
        return BybitError(*known)
    if refusal.code == "unknown_order":
        return no_such_order(spot)
    if refusal.code == "rate_limited":
        return too_many_visits()
    if refusal.code == "unavailable":
        return BybitError(10016, "Server error.")
    if refusal.code == "timed_out":
        return BybitError(10000, "Server Timeout")
    if refusal.code == "banned":
        return access_too_frequent()
    if refusal.code == "maintenance":  # there is no documented answer: its gateway has nobody to ask
        return GatewayError(503, "Service Temporarily Unavailable")
    if refusal.code == "nothing_to_change":
        return BybitError(10001, "The order remains unchanged as the parameters entered match the existing ones.")
    if refusal.code in ("stale_timestamp", "future_timestamp"):
        return BybitError(10002, "The request time exceeds the time window range.")
    if "reduce-only" in refusal.message:
        return BybitError(110017, "current position is zero, cannot fix reduce-only order qty")
    if "below the minimum" in refusal.message:
        return too_small(spot)
    if spot:
        return BybitError(170210, refusal.message or "New order rejected.")
    return BybitError(110032, refusal.message or "Order is illegal")


_WALLET = {
    "duplicate_client_order_id": (10014, "Invalid duplicate request."),
    "operation_not_supported": (131097, "Withdrawal of this currency has been closed"),
    "invalid_order": (131096, "Withdraw amount does not satisfy the lower limit or upper limit"),
    "order_rejected": (131095, "Withdrawal amount exceeds the 24 hour platform limit"),
}


def too_little() -> BybitError:
    return BybitError(131001, "the available balance is not sufficient to cover the handling fee")


def of_wallet(refusal: VenueError) -> BybitError | GatewayError:
    """The engine's refusal of a withdrawal in Bybit's words."""
    if refusal.code in ("insufficient_balance", "insufficient_margin"):
        return too_little()
    known = _WALLET.get(refusal.code)
    return of_engine(refusal, spot=False) if known is None else BybitError(*known)


def too_many_visits() -> BybitError:
    return BybitError(10006, "Too many visits!")
