"""An exchange's limits: what may leave, what waits, what is told to come again, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.told_exchange import ToldExchange

from tightloop.venues.live.binance import _refusal, _urls
from tightloop.venues.live.binance_limits import BinanceLimits
from tightloop.venues.live.budget import ALIKE, Asking, Bucket, Budgets, Charge, Held, Urgency, urgent
from tightloop.venues.live.session import Said, Session

from .test_session import NOW, ORDER, PLACE, gate, run

LEVELS: tuple[Urgency, ...] = ("background", "order", "evidence", "cancel")


class Time:
    """Sleeping moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def budgets(self) -> Budgets:
        return Budgets(lambda: self.now, self.sleep)


def binance(address: str, budgets: Budgets, market: str = "spot", key: str = "k" * 64) -> Session:
    urls = _urls({"spot": address, "futures": address})
    settings = {"apiKey": key, "secret": "s" * 64, "urls": {"api": urls}}
    kind = "binance" if market == "spot" else "binanceusdm"
    tariff = BinanceLimits(budgets, market, key)
    return Session(kind, settings, _refusal, clock=lambda: NOW, budgets=budgets, tariff=tariff)


@given(
    limit=st.integers(1, 50),
    asked=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20), st.sampled_from(LEVELS)), max_size=60),
)
def test_no_interval_ever_sees_more_than_the_limit(limit: int, asked: list[tuple[float, int, Urgency]]) -> None:
    """Wherever the exchange lays its intervals. One that costs more than the limit goes alone: it would never else."""
    bucket, now = Bucket(limit, 60.0), 0.0
    spent: list[tuple[float, int]] = []
    for pause, cost, urgency in asked:
        now += pause
        wait = bucket.wait_s(cost, urgency, now)
        if wait:
            assert deepcopy(bucket).wait_s(cost, urgency, now + wait) == 0, "who comes when told finds room"
            continue
        bucket.spend(cost, now)
        spent.append((now, cost))
        within = [one for at, one in spent if at > now - 60.0 + 1e-3]
        assert sum(within) <= limit or len(within) == 1


def test_the_urgent_find_room_where_others_do_not() -> None:
    bucket = Bucket(100, 60.0)
    left = {}
    now = 0.0
    for urgency in LEVELS:
        left[urgency] = 0
        while now + (wait := bucket.wait_s(1, urgency, now)) < 59.0:
            now += wait
            bucket.spend(1, now)
            left[urgency] += 1
    assert left == {"background": 60, "order": 20, "evidence": 10, "cancel": 5}


def test_questions_in_the_background_spread_over_the_interval() -> None:
    """Nobody who reconciles waits for a whole minute."""
    bucket, now, waits = Bucket(2400, 60.0), 0.0, []
    for _ in range(80):
        wait = bucket.wait_s(100, "background", now)
        now += wait
        waits.append(wait)
        bucket.spend(100, now)
    assert max(waits) < 16.0
    assert 80 * 100 / now == pytest.approx(1440 / 60, rel=0.25), "and no less is asked in all"


def test_a_bucket_of_orders_alone_keeps_no_room_for_what_never_draws_on_it() -> None:
    bucket = Bucket(100, 10.0, ALIKE)
    bucket.spend(94, 0.0)
    assert bucket.wait_s(1, "order", 0.0) == 0
    bucket.spend(1, 0.0)
    assert bucket.wait_s(1, "order", 0.0) == pytest.approx(10.0, abs=0.2)


def test_what_others_at_the_address_spend_is_learnt_from_answers() -> None:
    bucket = Bucket(100, 60.0)
    bucket.spend(10, 0.0)
    bucket.told(50, 0.0)
    assert bucket.used == 50
    bucket.told(20, 1.0)
    assert bucket.used == 50, "an answer that was overtaken gives nothing back"


def test_a_question_waits_and_what_acts_is_told_when_to_come() -> None:
    async def work() -> None:
        time = Time()
        budgets = time.budgets()
        bucket = budgets.bucket("one", limit=10, interval_s=10.0)
        bucket.spend(10, time.now)
        with urgent("order"), pytest.raises(Held) as held:
            await budgets.admit([Charge(bucket, 1)], acts=True)
        assert held.value.retry_after_s == pytest.approx(10.0, abs=0.2)
        assert time.slept == []
        await budgets.admit([Charge(bucket, 1)], acts=False)
        assert time.slept == [pytest.approx(10.0, abs=0.2)]

    run(work())


def test_a_question_is_given_up_where_it_would_wait_for_hours() -> None:
    async def work() -> None:
        time = Time()
        budgets = time.budgets()
        bucket = budgets.bucket("a day", limit=10, interval_s=86_400.0)
        bucket.spend(10, time.now)
        with pytest.raises(Held) as held:
            await budgets.admit([Charge(bucket, 1)], acts=False)
        assert held.value.retry_after_s == 3600.0
        assert time.slept == []

    run(work())


def test_who_is_refused_without_a_time_backs_off_longer_each_time() -> None:
    bucket = Bucket(10, 10.0)
    waits = []
    for _ in range(8):
        bucket.back_off(None, 0.0)
        waits.append(bucket.wait_s(0, "cancel", 0.0))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    bucket.told(1, 0.0)
    bucket.back_off(None, 1000.0)
    assert bucket.wait_s(0, "cancel", 1000.0) == 1, "an answer in between ends it"


def exchange_info(*limits: tuple[str, str, int, int]) -> dict[str, Any]:
    names = ("rateLimitType", "interval", "intervalNum", "limit")
    return {"rateLimits": [dict(zip(names, one, strict=True)) for one in limits], "symbols": []}


def test_binances_limits_are_learnt_from_exchange_info_and_shared_by_sessions() -> None:
    async def work() -> None:
        listed = exchange_info(("REQUEST_WEIGHT", "MINUTE", 1, 100), ("ORDERS", "SECOND", 10, 2), ("RAW", "X", 1, 1))
        answers = {"GET /api/v3/exchangeInfo": (200, listed), PLACE: (200, {"orderId": 1})}
        async with ToldExchange(answers) as exchange:
            time = Time()
            budgets = time.budgets()
            one, other = binance(exchange.address, budgets), binance(exchange.address, budgets)
            another = binance(exchange.address, budgets, key="j" * 64)
            await one.ask("publicGetExchangeInfo", {})
            await one.act("privatePostOrder", ORDER, gate())
            with pytest.raises(Held):  # 0.95 of two is one
                await other.act("privatePostOrder", ORDER, gate())
            await another.act("privatePostOrder", ORDER, gate())  # orders are counted for each account
            assert len(exchange.requests) == 3
            for session in (one, other, another):
                await session.close()

    run(work())


def test_binances_spot_futures_and_wallet_count_for_themselves() -> None:
    async def work() -> None:
        told = (200, {"serverTime": 1}, {"X-MBX-USED-WEIGHT-1M": "5900"})
        answers = {
            "GET /api/v3/time": told,
            "GET /fapi/v1/time": (200, {"serverTime": 1}),
            "GET /sapi/v1/account/apiRestrictions": (200, {}),
        }
        async with ToldExchange(answers) as exchange:
            time = Time()
            budgets = time.budgets()
            spot, futures = binance(exchange.address, budgets), binance(exchange.address, budgets, "perp")
            await spot.ask("publicGetTime", {})
            await futures.ask("fapiPublicGetTime", {})
            await spot.ask("sapiGetAccountApiRestrictions", {})
            assert time.slept == []
            await spot.ask("publicGetTime", {})
            assert time.slept == [pytest.approx(60.0, abs=1.0)]
            await spot.close()
            await futures.close()

    run(work())


@pytest.mark.parametrize(("code", "held"), [(-1015, "order"), (-1003, "all")])
def test_a_refusal_holds_back_what_it_is_about(code: int, held: str) -> None:
    """Too many orders (-1015) say nothing of questions and cancels."""

    async def work() -> None:
        answers = {
            PLACE: (429, {"code": code, "msg": "Too many"}),
            "DELETE /api/v3/order": (200, {"orderId": 1}),
            "GET /api/v3/time": (200, {"serverTime": 1}),
        }
        async with ToldExchange(answers) as exchange:
            session = binance(exchange.address, Time().budgets())
            with pytest.raises(Said):
                await session.act("privatePostOrder", ORDER, gate())
            with pytest.raises(Held):
                await session.act("privatePostOrder", ORDER, gate())

            async def others() -> None:
                await session.ask("publicGetTime", {})
                await session.act("privateDeleteOrder", {"symbol": "BTCUSDT", "origClientOrderId": "a"}, gate())

            if held == "all":
                with pytest.raises(Held):
                    await others()
            else:
                await others()
            await session.close()

    run(work())


def test_a_429_that_says_nothing_is_backed_off_from_longer_each_time_whatever_it_counts() -> None:
    async def work() -> None:
        refusal = (429, {"code": -1003, "msg": "Too many"}, {"X-MBX-USED-WEIGHT-1M": "6000"})
        async with ToldExchange({"GET /api/v3/time": refusal}) as exchange:
            time = Time()
            session = binance(exchange.address, time.budgets())
            for pause in (1.0, 2.0, 4.0):
                with pytest.raises(Said):
                    await session.ask("publicGetTime", {})
                with pytest.raises(Held) as held:
                    await session.ask("publicGetTime", {})
                assert held.value.retry_after_s == pause
                time.now += pause
            await session.close()

    run(work())


@pytest.mark.parametrize(
    ("header", "value", "goes"),
    [("X-MBX-USED-WEIGHT-1M", "5900", "neither"), ("X-MBX-ORDER-COUNT-10S", "95", "cancel")],
)
def test_binances_headers_count(header: str, value: str, goes: str) -> None:
    async def work() -> None:
        told = (200, {"orderId": 1}, {header: value})
        async with ToldExchange({PLACE: told, "DELETE /api/v3/order": (200, {"orderId": 1})}) as exchange:
            session = binance(exchange.address, Time().budgets())
            await session.act("privatePostOrder", ORDER, gate())
            with pytest.raises(Held):
                await session.act("privatePostOrder", ORDER, gate())
            cancel: Callable[[], Any] = lambda: session.act("privateDeleteOrder", {"symbol": "BTCUSDT"}, gate())  # noqa: E731
            with urgent("cancel"):
                if goes == "cancel":
                    await cancel()
                else:
                    with pytest.raises(Held):
                        await cancel()
            await session.close()

    run(work())


def test_withdrawals_are_asked_about_as_often_as_their_account_may_and_movements_for_themselves() -> None:
    budgets = Time().budgets()
    tariff = BinanceLimits(budgets, "spot", "k" * 64)
    asked = Asking("host", "sapi", "GET", "capital/withdraw/history", {}, 2.0)
    moving = Asking("host", "sapi", "POST", "asset/transfer", {}, 6.0)
    assert [budgets.spend(tariff.charges(asked), "evidence") for _ in range(9)] == [0.0] * 9
    assert budgets.spend(tariff.charges(asked), "evidence") > 59
    assert budgets.spend(tariff.charges(moving), "order") == 0.0, "each of them has its own limit"
    other = BinanceLimits(budgets, "spot", "o" * 64)
    assert budgets.spend(other.charges(asked), "evidence") == 0.0, "and each account"
    budgets.heard(other, asked, {"X-SAPI-USED-UID-WEIGHT-1M": "180000"}, [])
    assert budgets.spend(other.charges(asked), "evidence") > 0
    budgets.refused(tariff, moving, "-1003", 30.0)
    assert budgets.spend(tariff.charges(moving), "order") >= 29
    with pytest.raises(Held):
        asyncio.run(budgets.admit(tariff.charges(moving), acts=True))
