"""Binance's user data streams, as far as they tell of orders.

Spot: on the websocket API, subscribed with a signed request
(https://developers.binance.com/docs/binance-spot-api-docs/websocket-api/user-data-stream-requests); the listen keys
that it had before are on their way out. USD-M futures: a listen key of the REST API, good for an hour, and kept alive
(https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams). Events:
``executionReport`` and ``ORDER_TRADE_UPDATE``. Either connection is closed after 24 hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tightloop.venues.live.session import Session
from tightloop.venues.live.stream import Ended, Hear, Say

# as ccxt.pro has them, too: hosts of production, and of demo trading
PRODUCTION = {"spot": "wss://ws-api.binance.com", "futures": "wss://fstream.binance.com"}
DEMO = {"spot": "wss://demo-ws-api.binance.com", "futures": "wss://fstream.binancefuture.com"}
LISTEN_KEY_S = 30 * 60.0
_NOTHING_NEW = ("NEW",)  # what placing it has answered itself


def addresses(endpoint: str | None, environment: str) -> dict[str, str]:
    """Of ``spot`` and ``futures``. ``endpoint``: the lane's own, which has both."""
    if endpoint is None:
        return PRODUCTION if environment == "prod" else DEMO
    own = "ws" + endpoint.rstrip("/").removeprefix("http")
    return {"spot": own, "futures": own}


class SpotFeed:
    """The stream of the spot account (``stream.Feed``)."""

    keep_alive_s = 0.0  # the exchange pings

    def __init__(self, session: Session, address: str, window_ms: int) -> None:
        self.name = "binance spot"
        self._session = session
        self._address = address
        self._window_ms = window_ms

    async def url(self) -> str:
        return f"{self._address}/ws-api/v3"

    async def greet(self, say: Say, hear: Hear) -> None:
        given: dict[str, Any] = {
            "apiKey": self._session.ccxt.apiKey,
            "recvWindow": self._window_ms,
            "timestamp": self._session.now_ms(),
        }
        given["signature"] = self._session.signature("&".join(f"{name}={value}" for name, value in given.items()))
        await say({"id": "orders", "method": "userDataStream.subscribe.signature", "params": given})
        answer: Any = {}
        while not isinstance(answer, dict) or answer.get("id") != "orders":
            answer = await hear()
        if answer.get("status") != 200:
            refusal = answer.get("error") or {}
            raise Ended(f"not subscribed: {refusal.get('code')} {refusal.get('msg')}")

    def orders(self, message: Any) -> Iterable[str]:
        event = message.get("event", message)
        if event.get("e") == "eventStreamTerminated":
            raise Ended("the exchange ended the subscription")
        if event.get("e") != "executionReport" or event["x"] in _NOTHING_NEW:
            return ()
        # of a cancel `c` is the cancel's own id, and `C` the order's
        return [str(one) for one in (event["c"], event.get("C")) if one]

    async def keep_alive(self, say: Say) -> None:
        """There is nothing to do."""


class FuturesFeed:
    """The stream of the USD-M futures account (``stream.Feed``)."""

    keep_alive_s = LISTEN_KEY_S

    def __init__(self, session: Session, address: str) -> None:
        self.name = "binance futures"
        self._session = session
        self._address = address

    async def url(self) -> str:
        """The same listen key for as long as it is good."""
        told: Mapping[str, Any] = await self._session.ask("fapiPrivatePostListenKey", {})
        return f"{self._address}/private/ws?listenKey={told['listenKey']}"

    async def greet(self, say: Say, hear: Hear) -> None:
        """The address has said it all."""

    def orders(self, message: Any) -> Iterable[str]:
        if message.get("e") == "listenKeyExpired":
            raise Ended("the listen key has expired")
        if message.get("e") != "ORDER_TRADE_UPDATE" or message["o"]["x"] in _NOTHING_NEW:
            return ()
        return (str(message["o"]["c"]),)

    async def keep_alive(self, say: Say) -> None:
        await self._session.ask("fapiPrivatePutListenKey", {})
