"""Every answer of a venue is checked at the door; what can't be read is no evidence (EXI-016)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.lanes import REGISTRY, account

from tightloop.domain import money
from tightloop.handlers import calls
from tightloop.records.types import AccountRef, Delta, Fee, PreparedOrder, PreparedTransaction
from tightloop.runners.answers import ENTRIES, checked
from tightloop.runners.clock import SystemClock
from tightloop.runners.performer import Performer
from tightloop.testing import ScriptedVenue

D = Decimal
NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
SUBMIT, FIND = calls.Submit(None), calls.FindOrder(None)  # type: ignore[arg-type]  # nobody looks into them here
LEDGER = calls.ReadLedger(account("binance", "s"), None)
POSITIONS = calls.ReadPositions(account("binance", "s"))
SAID = "GET https://venue/v1?apiKey=s3cr3t-and-long&side=buy failed"
PREPARE, REPLACE = calls.Prepare(None), calls.Replace(None, "bump")  # type: ignore[arg-type]  # nor there

ENTRY = calls.LedgerEntry(
    entry_id="t1",
    sequence=1,
    kind="trade",
    event_time=NOW,
    deltas=(Delta(position_key="binance:BaseToken:BTC", amount=D("0.1"), source="trade"),),
    fees=(Fee(position_key="binance:BaseToken:BTC", amount=D("0.0001"), kind="taker"),),
    client_order_id="c1",
    symbol="BTC/USDT",
    side="buy",
    amount=D("0.1"),
    cost=D(4200),
    liquidity="taker",
)
FOUND = calls.OrderFound("filled", NOW, "o1", (ENTRY,), D(0), cursor_before="", cursor_after="1")
ORDER = PreparedOrder(market="spot", symbol="BTC/USDT", side="buy", order_type="market", amount=D("0.1"))
TRANSACTION = PreparedTransaction(
    chain_id=1,
    nonce=0,
    to="0xab",
    data=b"swap",
    gas_limit=21_000,
    max_fee_per_gas=D("4e-8"),
    max_priority_fee_per_gas=D("1e-9"),
    tx_hash="0xcd",
)
HELD = calls.Positions(NOW, {"binance:BaseToken:BTC": D("0.1")}, "1")
SOUND: list[tuple[calls.Call, calls.Answer]] = [
    (SUBMIT, FOUND),
    (SUBMIT, calls.Refused("EXI-006", "no money")),
    (SUBMIT, calls.NotSent("EXI-002", "slower", 1.5)),
    (SUBMIT, calls.GateClosed("window")),
    (SUBMIT, calls.Ambiguous("?")),
    (FIND, calls.NotFound(NOW, 3)),
    (LEDGER, calls.Ledger((ENTRY,), "1", NOW)),
    (LEDGER, calls.Ledger((replace(ENTRY, sequence=None),), "x" * 4096, NOW)),
    (POSITIONS, HELD),
    (FIND, calls.NotFound(NOW, 3, 2, 100)),
    (PREPARE, calls.Prepared(ORDER)),
    (REPLACE, calls.Prepared(TRANSACTION, NOW)),
    (PREPARE, calls.Refused("EXI-007", "too small")),
    (PREPARE, calls.Unavailable("EXI-003", "away")),
]


def entry(**changes: Any) -> calls.OrderFound:
    return replace(FOUND, entries=(replace(ENTRY, **changes),))


def delta(**changes: Any) -> calls.OrderFound:
    return entry(deltas=(replace(ENTRY.deltas[0], **changes),))


BAD: dict[str, tuple[calls.Call, Any, str]] = {
    "19 places": (SUBMIT, delta(amount=D("0.1234567890123456789")), "entries[0].deltas.amount"),
    "NaN": (SUBMIT, entry(amount=D("NaN")), "entries[0].amount"),
    "infinite": (SUBMIT, entry(cost=D("Infinity")), "entries[0].cost"),
    "too large": (SUBMIT, entry(amount=D("1e40")), "entries[0].amount"),
    "below zero": (SUBMIT, entry(amount=D(-1)), "entries[0].amount"),
    "a float": (SUBMIT, entry(amount=0.1), "entries[0].amount"),
    "no id": (FIND, entry(entry_id=""), "entries[0].entry_id"),
    "a long id": (FIND, replace(FOUND, venue_order_id="x" * 201), "venue_order_id"),
    "a long transaction": (FIND, replace(FOUND, tx_hash="x" * 2_000_000), "tx_hash"),
    "a lone surrogate": (FIND, entry(symbol="\ud800"), "entries[0].symbol"),
    "a time without a zone": (FIND, replace(FOUND, as_of=datetime(2024, 1, 1)), "as_of"),  # noqa: DTZ001  that is it
    "a time of the year 1": (FIND, entry(event_time=datetime(1, 1, 1, tzinfo=UTC)), "entries[0].event_time"),
    "no time": (FIND, calls.NotFound(None), "as_of"),  # type: ignore[arg-type]
    "a key with an account": (SUBMIT, delta(position_key="binance@s:BaseToken:BTC"), "entries[0].deltas.position_key"),
    "no position key": (SUBMIT, delta(position_key="BTC"), "entries[0].deltas.position_key"),
    "a source unknown": (SUBMIT, delta(source="luck"), "entries[0].deltas.source"),
    "a side unknown": (SUBMIT, entry(side="long"), "entries[0].side"),
    "a status unknown": (SUBMIT, replace(FOUND, status="done"), "status"),
    "a code unknown": (SUBMIT, calls.Refused("ABC-001", "no"), "code"),
    "a negative nonce": (PREPARE, calls.Prepared(replace(TRANSACTION, nonce=-1)), "what.nonce"),
    "a nonce that is no number": (FIND, calls.NotFound(NOW, 1, "1"), "settled_nonce"),  # type: ignore[arg-type]
    "confirmations below zero": (FIND, replace(FOUND, confirmations=-1), "confirmations"),
    "a fee of NaN": (REPLACE, calls.Prepared(replace(TRANSACTION, max_fee_per_gas=D("NaN"))), "what.max_fee_per_gas"),
    "too much calldata": (PREPARE, calls.Prepared(replace(TRANSACTION, data=b"x" * 200_000)), "what.data"),
    "an order of no size": (PREPARE, calls.Prepared(replace(ORDER, amount=None)), "what.amount"),
    "nothing to send": (PREPARE, calls.Prepared(None), "what"),  # type: ignore[arg-type]
    "sent instead of prepared": (PREPARE, FOUND, "OrderFound"),
    "a sequence beyond 64 bits": (LEDGER, calls.Ledger((replace(ENTRY, sequence=2**63),), "1", NOW), "sequence"),
    "too many entries": (LEDGER, calls.Ledger((ENTRY,) * (ENTRIES + 1), "1", NOW), "entries"),
    "no cursor": (LEDGER, calls.Ledger((), "x" * 4097, NOW), "cursor"),
    "too many positions": (POSITIONS, replace(HELD, amounts=dict.fromkeys(map(str, range(4097)), D(1))), "amounts"),
    "a position of 19 places": (
        POSITIONS,
        replace(HELD, amounts={"binance:BaseToken:BTC": D("1e-19")}),
        "amounts of binance:BaseToken:BTC",
    ),
    "an endless pause": (SUBMIT, calls.NotSent("EXI-002", "slower", float("inf")), "retry_after_s"),
    "another answer": (POSITIONS, calls.NotFound(NOW), "NotFound"),
    "nothing": (SUBMIT, None, "NoneType"),
}


@pytest.mark.parametrize(("call", "answer"), SOUND, ids=lambda one: type(one).__name__)
def test_a_sound_answer_comes_through_as_it_is(call: calls.Call, answer: calls.Answer) -> None:
    with money.exact():
        assert checked(call, answer) == answer


@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_cannot_be_read_concludes_nothing_and_names_the_field(name: str) -> None:
    call, answer, field = BAD[name]
    with money.exact():
        found = checked(call, answer)
    if isinstance(call, calls.Submit):
        assert isinstance(found, calls.Ambiguous)
    else:
        assert isinstance(found, calls.Unavailable) and found.code == "EXI-016"
    assert "EXI-016" in found.message and field in found.message and len(found.message) < 600
    found.message.encode()


def test_words_are_cut_and_never_a_reason_to_fail() -> None:
    long = "x" * 1_000_000
    for answer in (calls.Refused("EXI-001", long), replace(FOUND, message=long), calls.Ambiguous(long)):
        message = getattr(checked(SUBMIT, answer), "message")  # noqa: B009  three types have one
        assert message.startswith("xxx") and len(message) < 2100


def test_a_venues_own_words_are_kept_without_secrets_and_cut() -> None:
    told = checked(
        SUBMIT, calls.Refused("EXI-004", "no", raw='{"apiKey": "s3cr3t-and-long", "msg": "' + "x" * 9000 + '"}')
    )
    assert isinstance(told, calls.Refused) and told.raw is not None
    assert "s3cr3t" not in told.raw and told.raw.startswith('{"apiKey"') and len(told.raw) <= 4200
    found = checked(FIND, replace(FOUND, raw="signature=abcdef0123456789"))
    assert isinstance(found, calls.OrderFound) and found.raw is not None and "abcdef" not in found.raw


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (SUBMIT, calls.Refused("EXI-004", SAID)),
        (SUBMIT, calls.NotSent("EXI-002", SAID)),
        (SUBMIT, calls.Ambiguous(SAID)),
        (FIND, replace(FOUND, message=SAID)),
        (POSITIONS, calls.Unavailable("EXI-003", SAID, NOW)),
        (POSITIONS, calls.Positions(NOW, {"binance:BaseToken:BTC": SAID}, "8")),  # type: ignore[dict-item]
    ],
    ids=lambda one: type(one).__name__,
)
def test_no_secret_comes_in_with_what_a_venue_says(call: calls.Call, answer: calls.Answer) -> None:
    """What a handler is told is what is recorded: without secrets, both."""
    told = checked(call, answer)
    assert "s3cr3t" not in repr(told)
    assert "***" in repr(told)


def test_no_secret_comes_in_with_an_error_of_an_adapters_own(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = ScriptedVenue("binance", SystemClock())

    async def fails(about: AccountRef) -> calls.Answer:
        raise RuntimeError(SAID)

    monkeypatch.setattr(venue, "positions", fails)
    performer = Performer({"binance": venue}, SystemClock())
    told = asyncio.run(performer.perform(POSITIONS, "s"))
    assert isinstance(told, calls.Unavailable) and "s3cr3t" not in told.message and "GET https" in told.message


def test_the_performer_checks_what_its_adapters_answer() -> None:
    class Venue:
        lane = REGISTRY.lane("binance")

        async def open(self) -> datetime:
            return datetime.now(UTC)

        async def positions(self, account: AccountRef) -> calls.Positions:
            return replace(HELD, amounts={"binance:BaseToken:BTC": D("NaN")})

    venue: Any = Venue()
    answer = asyncio.run(Performer({"binance": venue}, SystemClock()).perform(POSITIONS, "s"))
    assert isinstance(answer, calls.Unavailable) and "amounts of binance:BaseToken:BTC" in answer.message
