"""A session with an exchange: one request leaves once, signed at its gate, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import ssl
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.support.told_exchange import ToldExchange

from tightloop.runners.answers import LONGEST_PAUSE_S
from tightloop.venues.adapter import ClockGate, GateShut
from tightloop.venues.http import Broken, NotLeft
from tightloop.venues.live.binance import _refusal, _urls
from tightloop.venues.live.budget import Budgets, Held
from tightloop.venues.live.session import Said, Session

SECRET = "s" * 64
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newClientOrderId": "a" * 32}
PLACE = "POST /api/v3/order"


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def session(address: str, **more: Any) -> Session:
    urls = _urls({"spot": address, "futures": address})
    settings = {"apiKey": "k" * 64, "secret": SECRET, "urls": {"api": urls}, "options": {"recvWindow": 2000}}
    return Session("binance", settings, _refusal, clock=lambda: NOW, **{"budgets": Budgets(), **more})


def gate(journalled_at: datetime = NOW, now: datetime = NOW, not_after: datetime | None = None) -> ClockGate:
    return ClockGate(lambda: now, journalled_at, timedelta(seconds=3), not_after)


def test_what_leaves_is_signed_with_the_gates_own_time() -> None:
    async def work() -> None:
        async with ToldExchange({PLACE: (200, {"orderId": 1})}) as exchange:
            asked = session(exchange.address)
            at = NOW + timedelta(seconds=2.5)
            assert await asked.act("privatePostOrder", ORDER, gate(now=at)) == {"orderId": 1}
            await asked.close()
        (request,) = exchange.requests
        assert request.given["timestamp"] == str(int(at.timestamp() * 1000))
        assert request.given["recvWindow"] == "2000"
        assert request.headers["X-MBX-APIKEY"] == "k" * 64
        signed = {name: value for name, value in request.given.items() if name != "signature"}
        expected = hmac.new(SECRET.encode(), urlencode(signed).encode(), hashlib.sha256).hexdigest()
        assert request.given["signature"] == expected

    run(work())


@pytest.mark.parametrize(
    ("closed", "reason"),
    [
        ({"now": NOW + timedelta(seconds=3.001)}, "window"),
        ({"now": NOW - timedelta(seconds=0.001)}, "window"),
        ({"now": NOW + timedelta(seconds=2), "not_after": NOW + timedelta(seconds=1)}, "expired"),
    ],
)
def test_a_late_request_never_leaves(closed: dict[str, Any], reason: str) -> None:
    async def work() -> None:
        async with ToldExchange({PLACE: (200, {})}) as exchange:
            asked = session(exchange.address)
            for _ in range(2):  # on a new connection, and on one that was kept
                with pytest.raises(GateShut) as shut:
                    await asked.act("privatePostOrder", ORDER, gate(**closed))
                assert shut.value.reason == reason
            await asked.close()
        assert exchange.requests == []

    run(work())


def test_the_gate_is_passed_after_all_waiting() -> None:
    """A connection takes a while: what was in time before it is there may be late afterwards."""

    async def work() -> None:
        clock = [NOW]

        async with ToldExchange({PLACE: (200, {})}) as exchange:
            asked = session(exchange.address)
            client = asked._client(exchange.address)
            connect = client._connection

            async def slowly() -> Any:
                found = await connect()
                clock[0] = NOW + timedelta(seconds=4)
                return found

            client._connection = slowly  # type: ignore[method-assign]
            with pytest.raises(GateShut):
                await asked.act("privatePostOrder", ORDER, ClockGate(lambda: clock[0], NOW, timedelta(seconds=3), None))
            await asked.close()
        assert exchange.requests == []

    run(work())


@pytest.mark.parametrize("endpoint", ["privatePostOrder", "privateDeleteOrder"])
@pytest.mark.parametrize(
    "answer", [None, (503, {"code": -1001, "msg": "Internal error"}), (503, "not JSON of Binance's")]
)
def test_nothing_is_sent_twice(endpoint: str, answer: Any) -> None:
    """ccxt sends again what failed, where it is asked to; aiohttp's session a DELETE whose connection broke."""

    async def work() -> None:
        method = "POST" if endpoint == "privatePostOrder" else "DELETE"
        async with ToldExchange(
            {"GET /api/v3/time": (200, {"serverTime": 1}), f"{method} /api/v3/order": answer}
        ) as exchange:
            asked = session(exchange.address)
            asked.ccxt.options["maxRetriesOnFailure"] = 5
            await asked.ask("publicGetTime", {})  # the connection is kept
            with pytest.raises((Broken, Said)):
                await asked.act(endpoint, ORDER, gate())
            await asked.close()
        assert [one.method for one in exchange.requests] == ["GET", method]

    run(work())


def test_where_nothing_listens_nothing_was_sent() -> None:
    async def work() -> None:
        asked = session("http://127.0.0.1:1")
        with pytest.raises(NotLeft):
            await asked.act("privatePostOrder", ORDER, gate())
        await asked.close()

    run(work())


def test_a_key_with_a_line_break_sends_nothing_and_is_not_told() -> None:
    """It would end the headers, and what follows would be read as another request."""

    async def work() -> None:
        async with ToldExchange({PLACE: (200, {})}) as exchange:
            urls = _urls({"spot": exchange.address, "futures": exchange.address})
            key = f"{SECRET}\r\nX-More: 1"
            asked = Session("binance", {"apiKey": key, "secret": SECRET, "urls": {"api": urls}}, _refusal)
            with pytest.raises(NotLeft, match="X-MBX-APIKEY holds a line break") as refused:
                await asked.act("privatePostOrder", ORDER, gate())
            assert SECRET not in str(refused.value)
            await asked.close()
        assert exchange.requests == []

    run(work())


def test_the_order_has_our_id_and_no_other() -> None:
    """ccxt makes ids up for orders that have none."""

    async def work() -> None:
        async with ToldExchange({PLACE: (200, {})}) as exchange:
            asked = session(exchange.address)
            await asked.act("privatePostOrder", ORDER, gate())
            await asked.close()
        assert exchange.requests[0].given["newClientOrderId"] == "a" * 32

    run(work())


def test_a_refusal_keeps_its_words_and_when_to_come_back() -> None:
    async def work() -> None:
        told = {
            "GET /api/v3/time": (429, {"code": -1003, "msg": "Too many requests."}),
            "GET /api/v3/ping": (200, {"code": -1000, "msg": "An error, with a status that says none."}),
            "GET /api/v3/depth": (200, None),
        }
        async with ToldExchange(told) as exchange:
            asked = session(exchange.address)
            for endpoint, status, code in (
                ("publicGetPing", 200, "-1000"),
                ("publicGetDepth", 200, None),
                ("publicGetTickerPrice", 404, None),
                ("publicGetTime", 429, "-1003"),
            ):
                with pytest.raises(Said) as said:
                    await asked.ask(endpoint, {})
                assert (said.value.status, said.value.code) == (status, code)
                assert SECRET not in repr(said.value)
            await asked.close()

    run(work())


@pytest.mark.parametrize("acts", [False, True])
@pytest.mark.parametrize("status", [429, 418])
def test_nothing_leaves_while_the_exchange_wants_no_requests(status: int, acts: bool) -> None:
    """Binance bans those who go on, for up to three days."""

    async def work() -> None:
        banned = (status, {"code": -1003, "msg": "Way too much request weight used"}, {"Retry-After": "259200"})
        told = {PLACE: banned, "GET /api/v3/depth": banned, "GET /api/v3/time": (200, {"serverTime": 1})}
        async with ToldExchange(told) as exchange:
            now = [0.0]
            asked = session(exchange.address, budgets=Budgets(now=lambda: now[0]))
            with pytest.raises(Said) as said:
                await (asked.act("privatePostOrder", ORDER, gate()) if acts else asked.ask("publicGetDepth", {}))
            assert said.value.retry_after_s == LONGEST_PAUSE_S, "the most that a runner takes"
            with pytest.raises(Held, match="3600 s"):
                await asked.ask("publicGetTime", {})
            with pytest.raises(Held) as held:
                await asked.act("privatePostOrder", ORDER, gate())
            assert held.value.retry_after_s == LONGEST_PAUSE_S
            assert len(exchange.requests) == 1
            now[0] = LONGEST_PAUSE_S
            assert await asked.ask("publicGetTime", {}) == {"serverTime": 1}
            await asked.close()

    run(work())


def test_numbers_come_as_they_were_written() -> None:
    asked = session("http://127.0.0.1:1")
    assert asked.ccxt.parse_number("0.10000000000000001") == "0.10000000000000001"
    assert Decimal(asked.ccxt.safe_number({"a": "1e-7"}, "a")) == Decimal("1e-7")


def test_it_speaks_tls_and_checks_whom_it_speaks_to(tmp_path: Path) -> None:
    trusted, server = certificate(tmp_path)

    async def work() -> None:
        async with ToldExchange({"GET /api/v3/time": (200, {"serverTime": 1})}, tls=server) as exchange:
            asked = session(exchange.address, tls=trusted)
            assert await asked.ask("publicGetTime", {}) == {"serverTime": 1}
            await asked.close()
            stranger = session(exchange.address)
            with pytest.raises(NotLeft, match="certificate"):
                await stranger.ask("publicGetTime", {})
            await stranger.close()
        assert len(exchange.requests) == 1

    run(work())


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For localhost: a client that trusts it, and a server that has it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "certificate.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return ssl.create_default_context(cadata=pem.decode()), server
