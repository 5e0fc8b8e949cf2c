"""Bybit's private stream, as far as it tells of orders.

https://bybit-exchange.github.io/docs/v5/ws/connect: signed once, then subscribed; a ping every 20 s keeps it open.
Topic ``order``: https://bybit-exchange.github.io/docs/v5/websocket/private/order
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tightloop.venues.live.session import Session
from tightloop.venues.live.stream import Ended, Hear, Say

PRODUCTION, TESTNET = "wss://stream.bybit.com", "wss://stream-testnet.bybit.com"
PING_S = 20.0
GOOD_FOR_MS = 10_000
_NOTHING_NEW = ("New", "Created")  # what placing it has answered itself


def address(endpoint: str | None, environment: str) -> str:
    """``endpoint``: the lane's own."""
    if endpoint is None:
        return PRODUCTION if environment == "prod" else TESTNET
    return "ws" + endpoint.rstrip("/").removeprefix("http")


class OrderFeed:
    """The stream of the unified account (``stream.Feed``)."""

    keep_alive_s = PING_S

    def __init__(self, session: Session, at: str) -> None:
        self.name = "bybit"
        self._session = session
        self._at = at

    async def url(self) -> str:
        return f"{self._at}/v5/private"

    async def greet(self, say: Say, hear: Hear) -> None:
        until = self._session.now_ms() + GOOD_FOR_MS
        signature = self._session.signature(f"GET/realtime{until}")
        await say({"op": "auth", "args": [self._session.ccxt.apiKey, until, signature]})
        await _granted("auth", hear)
        await say({"op": "subscribe", "args": ["order"]})
        await _granted("subscribe", hear)

    def orders(self, message: Any) -> Iterable[str]:
        if not isinstance(message, dict) or message.get("topic") != "order":
            return ()
        return [
            str(one["orderLinkId"])
            for one in message["data"]
            if one["orderLinkId"] and one["orderStatus"] not in _NOTHING_NEW
        ]

    async def keep_alive(self, say: Say) -> None:
        await say({"op": "ping"})


async def _granted(operation: str, hear: Hear) -> None:
    """Raises Ended."""
    answer: Any = {}
    while not isinstance(answer, dict) or answer.get("op") != operation:
        answer = await hear()
    if not answer.get("success"):
        raise Ended(f"{operation} was refused: {answer.get('ret_msg')}")
