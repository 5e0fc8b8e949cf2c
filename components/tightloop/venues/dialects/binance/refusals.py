"""How Binance refuses: its numbers and words for what the engine, or the dialect itself, says no to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tightloop.venues.dialects.documents import Problem
from tightloop.venues.sim.books import VenueError


class BinanceError(Exception):
    """``{"code": code, "msg": message}`` with this HTTP status. ``retry_after_s``: said in a header."""

    def __init__(self, code: int, message: str, status: int = 400, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s


def missing(name: str) -> BinanceError:
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def refuse_undocumented(problems: Sequence[Problem], given: Mapping[str, str]) -> None:
    """Raises BinanceError for the first of them. Source: the 11xx series of .../binance-spot-api-docs/errors."""
    for one in problems:
        name = one.parameter
        if one.kind == "unknown":
            read = len(given) - sum(other.kind == "unknown" for other in problems)
            words = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(given)}'."
            raise BinanceError(-1104, words)
        if one.kind == "missing":
            raise missing(name)
        if not given[name]:
            raise BinanceError(-1105, f"Parameter '{name}' was empty.")
        raise BinanceError(*_INVALID.get(name, (-1100, f"Illegal characters found in parameter '{name}'.")))


_INVALID = {
    "timeInForce": (-1115, "Invalid timeInForce."),
    "type": (-1116, "Invalid orderType."),
    "side": (-1117, "Invalid side."),
    "interval": (-1120, "Invalid interval."),
}
NO_SUCH_ORDER = (-2013, "Order does not exist.")
UNKNOWN_ORDER = (-2011, "Unknown order sent.")
_SPOT = {
    "insufficient_balance": (-2010, "Account has insufficient balance for requested action."),
    "duplicate_client_order_id": (-2010, "Duplicate order sent."),
    "unknown_order": NO_SUCH_ORDER,
}
_FUTURES = {
    "insufficient_balance": (-2018, "Balance is insufficient."),
    "insufficient_margin": (-2019, "Margin is insufficient."),
    "duplicate_client_order_id": (-4116, "ClientOrderId is duplicated."),
    "unknown_order": NO_SUCH_ORDER,
}


def of_engine(refusal: VenueError, futures: bool) -> BinanceError:
    """The engine's refusal in Binance's words."""
    known = (_FUTURES if futures else _SPOT).get(refusal.code)
    if known is not None:
        return BinanceError(*known)
    if refusal.code == "rate_limited":
        return BinanceError(-1003, "Too many requests; please use the websocket for live updates.", 429, 1.0)
    if refusal.code == "unavailable":
        return BinanceError(-1001, "Internal error; unable to process your request. Please try again.", 503)
    if refusal.code == "timed_out":
        words = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
        return BinanceError(-1007, words, 408)
    if refusal.code == "banned":
        words = "Way too much request weight used; IP banned. Please use the websocket for live updates to avoid bans."
        return BinanceError(-1003, words, 418, refusal.retry_after_s)
    if refusal.code == "maintenance":
        return BinanceError(1, "System is under maintenance.", 503)
    if refusal.code == "nothing_to_change":
        return BinanceError(-5027, "No need to modify the order.")
    if refusal.code == "position_mode":
        return BinanceError(-4061, "Order's position side does not match user's setting.")
    if refusal.code in ("stale_timestamp", "future_timestamp"):
        return BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")
    if "post-only" in refusal.message:
        return _post_only(futures)
    if "reduce-only" in refusal.message:
        return BinanceError(-2022, "ReduceOnly Order is rejected.")
    if "below the minimum" in refusal.message or "above the maximum" in refusal.message:
        return notional_out_of_bounds(futures)
    return BinanceError(-2010, refusal.message or "Order rejected.")


_WALLET = {
    "insufficient_balance": (-4026, "You have insufficient balance."),
    "duplicate_client_order_id": (-4115, "clientTranId is duplicated."),
    "operation_not_supported": (-4019, "Current asset is not open for withdrawal."),
    "invalid_order": (-4028, "The amount of withdrawal must be greater than the Commission."),
    "order_rejected": (-4015, "Withdraw is limited."),
}


def of_wallet(refusal: VenueError, *, inside: bool) -> BinanceError:
    """The engine's refusal of a transfer in Binance's words. ``inside``: between the account's own wallets."""
    if inside and refusal.code in ("insufficient_balance", "insufficient_margin"):
        return BinanceError(-5002, "You have insufficient balance.")
    known = _WALLET.get(refusal.code)
    return of_engine(refusal, futures=False) if known is None else BinanceError(*known)


def _post_only(futures: bool) -> BinanceError:
    if not futures:
        return BinanceError(-2010, "Order would immediately match and take.")
    return BinanceError(-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected.")


def notional_out_of_bounds(futures: bool) -> BinanceError:
    if futures:
        return BinanceError(-4164, "Order's notional must be no smaller than 5 (unless you choose reduce only).")
    return BinanceError(-1013, "Filter failure: NOTIONAL")
