"""Transfers by any program: what left equals what arrived, what travels, and what was charged; the books are a function
of the log.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.lanes import account as ref
from tests.support.venue_faces import InProcessFace
from tests.support.venue_intents import transfer

from tightloop.domain import money
from tightloop.handlers.calls import DepositAddress
from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.settings import SimSettings, exchange

D = Decimal
LANES = ("binance", "okx", "ethereum")
NAMES = ("one", "two")
FAULTS = (None, None, None, "withdrawal_fails", "never_arrives", "arrives_late", "lost_after", "revert")
SIM = SimSettings(exchanges=(exchange("binance"), exchange("okx", fee_on_top=True)), chains=(chain("ethereum"),))

steps = st.tuples(
    st.sampled_from(LANES),  # from
    st.sampled_from(("binance", "okx", "ethereum", "perp", "spot")),  # to: another lane, or a wallet of the same
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.sampled_from(("USDT", "ETH")),
    st.integers(1, 3_000_000),
    st.sampled_from(FAULTS),
    st.sampled_from((0.0, 0.5, 2.0, 5.0)),
    st.booleans(),  # restart before the next
)


def sums(face: InProcessFace) -> dict[str, Decimal]:
    """By asset, over all accounts of all lanes."""
    found: dict[str, Decimal] = {}
    for books in face.control("GET", "/admin/books")["accounts"]:
        for key, amount in books["balances"].items():
            asset = key.split(":")[2]
            found[asset] = found.get(asset, D(0)) + D(amount)
    return found


def ledger_sums(face: InProcessFace) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """By asset: what was charged, and what left an account as a transfer and came to none."""
    charged: dict[str, Decimal] = {}
    travelling: dict[str, Decimal] = {}
    for books in face.control("GET", "/admin/books")["accounts"]:
        for entry in books["ledger"]:
            for delta in entry["deltas"]:
                asset, amount = delta["position_key"].split(":")[2], D(delta["amount"])
                into = charged if delta["source"] in ("fee", "gas") else travelling
                into[asset] = into.get(asset, D(0)) - amount
    return charged, travelling


def run(face: InProcessFace, program: list[Any]) -> None:
    for number, (source, to, sender, receiver, asset, cents, fault, wait, restarts) in enumerate(program):
        amount = D(cents).scaleb(-2 if asset == "USDT" else -5)
        face.control("DELETE", "/admin/faults")
        if fault is not None:
            face.fault(fault, sender, count=1, delay_s=30.0)
        if to in ("perp", "spot"):
            if source == "ethereum":
                continue
            other = "spot" if to == "perp" else "perp"
            entry = transfer(
                sender,
                f"t{number}",
                face.now(),
                asset,
                amount,
                f"{source}:{to}",
                lane=source,
                source=f"{source}:{other}",
            )
        else:
            there = face.drive(face.adapters[to].deposit_address(ref(to, receiver), asset, None))
            assert isinstance(there, DepositAddress)
            place = "wallet" if source == "ethereum" else source
            entry = transfer(sender, f"t{number}", face.now(), asset, amount, there.address, lane=source, source=place)
        face.submit(entry)
        face.pass_time(wait)
        if restarts:
            face.restart()
    face.control("DELETE", "/admin/faults")
    face.pass_time(3600)
    for lane in LANES:
        for name in NAMES:
            face.positions(lane, name)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=1, max_size=12))
def test_what_left_has_arrived_or_was_charged(program: list[Any]) -> None:
    with money.exact(), TemporaryDirectory() as folder:
        face = InProcessFace(Path(folder), SIM)
        for lane in LANES:
            for name in NAMES:
                face.positions(lane, name)
        opening = sums(face)
        run(face, program)
        closing, (charged, travelling) = sums(face), ledger_sums(face)
        lost = sum(one[6] == "never_arrives" for one in program)
        for asset, amount in opening.items():
            gone = amount - closing[asset]
            assert gone == charged.get(asset, 0) + travelling.get(asset, 0), asset
            if not lost and asset == "USDT":
                assert travelling.get(asset, D(0)) == 0
            assert travelling.get(asset, D(0)) >= 0
        books = msgspec.json.encode(face.control("GET", "/admin/books"))
        face.restart()
        assert msgspec.json.encode(face.control("GET", "/admin/books")) == books
        face.close()
