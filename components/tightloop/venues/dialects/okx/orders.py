"""OKX's orders and trades: ``trade/…``. Placing, amending and cancelling answer ids alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tightloop.venues.dialects.okx import order_views, placing
from tightloop.venues.dialects.okx.calls import Call, at_ms
from tightloop.venues.dialects.okx.listings import KINDS, kind_of, order_id
from tightloop.venues.dialects.okx.refusals import (
    MISSING,
    NO_SUCH_ORDER,
    NOT_TO_AMEND,
    NOT_TO_CANCEL,
    NOTHING_TO_AMEND,
    OkxError,
    of_amending,
    of_engine,
    refuse_undocumented,
)
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.orders import Order

WEEK, UNFILLED_KEPT, FILLS_KEPT = timedelta(days=7), timedelta(hours=2), timedelta(days=3)

MOST_IN_A_BATCH = 20
BATCHES = ("POST /api/v5/trade/batch-orders", "POST /api/v5/trade/cancel-batch-orders")
Act = Callable[[Call], Awaitable[dict[str, str]]]


class OfOrders(Exception):
    """Refusals of single orders: ``{"code": "1", "msg": "…", "data": [{"sCode": …}]}``. ``told``: of each order."""

    def __init__(self, told: list[dict[str, str]], all_failed: bool) -> None:
        super().__init__("an order was refused")
        self.code = "1" if all_failed else "2"
        self.message = "All operations failed" if all_failed else "Bulk operation partially succeeded"
        self.told = told


async def _placed(call: Call) -> dict[str, str]:
    command = placing.place_order(call)
    await call.act("order", command)
    return order_views.ids(call.account().orders[command.client_order_id][-1], at_ms(call))


async def _one(call: Call, act: Act) -> list[dict[str, str]]:
    """Raises OfOrders for what is refused by an order's own rules."""
    try:
        call.signed_time.refuse_expired()
        refuse_undocumented([problem for item in call.items for problem in item.problems])
        return [await act(call)]
    except VenueError as error:
        refusal = of_engine(error)
    except OkxError as error:
        refusal = error
    if not refusal.of_an_order:
        raise refusal
    raise OfOrders([_refused(call, refusal)], all_failed=True)


async def _each(call: Call, act: Act, too_many: tuple[str, str]) -> list[dict[str, str]]:
    """Each for itself. Raises OfOrders where one is refused, OkxError for none, or ``too_many``."""
    if not call.items:
        raise OkxError("50000", "Body for POST request cannot be empty.")
    if len(call.items) > MOST_IN_A_BATCH:
        raise OkxError(*too_many)
    told: list[dict[str, str]] = []
    failed = 0
    for item in call.items:
        one = replace(call, given=item.given, items=(item,))
        try:
            told += await _one(one, act)
        except OfOrders as refused:
            told, failed = told + refused.told, failed + 1
        except OkxError as refusal:
            if refusal.code != MISSING:
                raise
            told, failed = [*told, _refused(one, refusal)], failed + 1
    if failed:
        raise OfOrders(told, all_failed=failed == len(told))
    return told


def _refused(call: Call, refusal: OkxError) -> dict[str, str]:
    told = {"sCode": refusal.code, "sMsg": refusal.message, "tag": "", "ts": at_ms(call)}
    return {"clOrdId": call.given.get("clOrdId", ""), "ordId": call.given.get("ordId", ""), **told}


async def _place(call: Call) -> Any:
    return await _one(call, _placed)


async def _place_many(call: Call) -> Any:
    return await _each(call, _placed, ("51111", f"Maximum {MOST_IN_A_BATCH} orders can be placed in bulk."))


async def _cancelled(call: Call) -> dict[str, str]:
    order = _working(call)
    await call.cancel(order)
    return order_views.ids(order, at_ms(call))


async def _cancel(call: Call) -> Any:
    return await _one(call, _cancelled)


async def _cancel_many(call: Call) -> Any:
    return await _each(call, _cancelled, ("51406", f"Canceled - order count exceeds the limit {MOST_IN_A_BATCH}."))


def _working(call: Call) -> Order:
    order = call.order(NOT_TO_CANCEL)
    if order.status != "open":
        raise OkxError(*NOT_TO_CANCEL)
    return order


async def _amended(call: Call) -> dict[str, str]:
    """``cxlOnFail``: an order that can't be changed is cancelled, and the refusal is told all the same."""
    order = call.order(NOT_TO_AMEND)
    if order.status != "open":
        raise OkxError(*NOT_TO_AMEND)
    try:
        await call.change(order, *_wanted(call.given, order))
    except (OkxError, VenueError) as error:
        refusal = error if isinstance(error, OkxError) else of_amending(error)
        if refusal.of_an_order and call.given.get("cxlOnFail") == "true":
            await call.cancel(order)
        raise refusal from None
    return order_views.ids(order, at_ms(call)) | {"reqId": call.given.get("reqId", "")}


def _wanted(given: dict[str, str], order: Order) -> tuple[Decimal, Decimal]:
    """Amount and price. Raises OkxError."""
    if not given.get("newSz") and not given.get("newPx"):
        raise OkxError(*NOTHING_TO_AMEND)
    amount, price = order.amount, order.limit or ZERO
    if given.get("newSz"):
        amount = placing.order_amount("newSz", given, order.listing, False)
    if given.get("newPx"):
        price = placing.limit_price(given, order.listing, "newPx")
    return amount, price


async def _amend(call: Call) -> Any:
    return await _one(call, _amended)


# --- looking ----------------------------------------------------------------------------------------------------------


def _request(call: Call) -> str:
    return call.given.get("clOrdId") or call.given.get("ordId") or ""


def _is_kept(call: Call, order: Order) -> bool:
    """An order that was cancelled without a fill is told for two hours."""
    gone = order_views.status(order) == "canceled" and not order.filled
    return not gone or order.updated_at >= call.now - UNFILLED_KEPT


async def _find(call: Call) -> Any:
    def ask() -> list[dict[str, Any]]:
        order = call.order()
        if not _is_kept(call, order):
            raise OkxError(*NO_SUCH_ORDER)
        return [order_views.shown(order)]

    return await call.look("find", _request(call), ask)


def _chosen(call: Call, order: Order) -> bool:
    given, listing = call.given, order.listing
    if given.get("instId") and call.venue.listings.named(given) is not listing:
        return False
    if given.get("state") and given["state"] != order_views.status(order):
        return False
    kinds = given.get("ordType", "").split(",") if given.get("ordType") else ()
    return call.wants(instType=kind_of(listing)) and (not kinds or order_views.kind(order) in kinds)


async def _pending(call: Call) -> Any:
    def ask() -> list[dict[str, Any]]:
        found = [one for one in call.orders() if one.status == "open" and _chosen(call, one)]
        return [order_views.shown(one) for one in call.page(found, order_id)]

    return await call.look("find", "", ask)


async def _history(call: Call) -> Any:
    def ask() -> list[dict[str, Any]]:
        found = [
            one
            for one in call.orders()
            if one.status != "open"
            and one.updated_at >= call.now - WEEK
            and _is_kept(call, one)
            and _chosen(call, one)
            and call.between(one.created_at)
        ]
        return [order_views.shown(one) for one in call.page(found, order_id)]

    return await call.look("find", "", ask)


def _fills(kept: timedelta) -> Callable[[Call], Any]:
    async def answer(call: Call) -> Any:
        def ask() -> list[dict[str, Any]]:
            given, found = call.given, []
            for order in call.orders():
                wanted = call.wants(ordId=order_id(order))
                kind = given.get("instType")
                if not wanted or (kind and order.listing.rules.market != KINDS.get(kind)):
                    continue
                if given.get("instId") and call.venue.listings.named(given) is not order.listing:
                    continue
                found += [
                    order_views.fill(order, entry)
                    for entry in order.entries
                    if entry.event_time >= call.now - kept and call.between(entry.event_time)
                ]
            found = [one for one in found if call.wants(subType=one["subType"])]
            found.sort(key=lambda one: int(one["billId"]), reverse=True)
            return call.page(found, lambda one: one["billId"])

        return await call.look("ledger", call.given.get("ordId", ""), ask)

    return answer


READS: dict[str, Callable[[Call], Any]] = {
    "GET /api/v5/trade/order": _find,
    "GET /api/v5/trade/orders-pending": _pending,
    "GET /api/v5/trade/orders-history": _history,
    "GET /api/v5/trade/fills": _fills(FILLS_KEPT),
    "GET /api/v5/trade/fills-history": _fills(timedelta(days=90)),
}
TRADES: dict[str, Callable[[Call], Any]] = {
    "POST /api/v5/trade/order": _place,
    "POST /api/v5/trade/batch-orders": _place_many,
    "POST /api/v5/trade/cancel-order": _cancel,
    "POST /api/v5/trade/cancel-batch-orders": _cancel_many,
    "POST /api/v5/trade/amend-order": _amend,
}
