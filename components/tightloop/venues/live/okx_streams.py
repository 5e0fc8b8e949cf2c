"""OKX's private stream, as far as it tells of orders.

https://www.okx.com/docs-v5/en, "WebSocket": login, subscription, and a ping as plain text where nothing came for 30 s;
the channel ``orders``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from tightloop.venues.live.session import Session
from tightloop.venues.live.stream import Ended, Hear, Say

PRODUCTION, DEMO = "wss://ws.okx.com:8443", "wss://wspap.okx.com:8443"
PING_S = 20.0
_NOTHING_NEW = ("live",)  # what placing it has answered itself


def address(endpoint: str | None, environment: str) -> str:
    """``endpoint``: the lane's own."""
    if endpoint is None:
        return PRODUCTION if environment == "prod" else DEMO
    return "ws" + endpoint.rstrip("/").removeprefix("http")


class OrderFeed:
    """The stream of the trading account (``stream.Feed``)."""

    keep_alive_s = PING_S

    def __init__(self, session: Session, at: str) -> None:
        self.name = "okx"
        self._session = session
        self._at = at

    async def url(self) -> str:
        return f"{self._at}/ws/v5/private"

    async def greet(self, say: Say, hear: Hear) -> None:
        ccxt, at = self._session.ccxt, str(self._session.now_ms() // 1000)
        sign = ccxt.hmac(f"{at}GET/users/self/verify".encode(), ccxt.secret.encode(), hashlib.sha256, "base64")
        login = {"apiKey": ccxt.apiKey, "passphrase": ccxt.password, "timestamp": at, "sign": sign}
        await say({"op": "login", "args": [login]})
        await _granted("login", hear)
        await say({"op": "subscribe", "args": [{"channel": "orders", "instType": "ANY"}]})
        await _granted("subscribe", hear)

    def orders(self, message: Any) -> Iterable[str]:
        if not isinstance(message, dict) or (message.get("arg") or {}).get("channel") != "orders":
            return ()
        told = message.get("data") or ()
        return [str(one["clOrdId"]) for one in told if one["clOrdId"] and one["state"] not in _NOTHING_NEW]

    async def keep_alive(self, say: Say) -> None:
        await say("ping")


async def _granted(event: str, hear: Hear) -> None:
    """Raises Ended."""
    answer: Any = {}
    while not isinstance(answer, dict) or answer.get("event") not in (event, "error"):
        answer = await hear()
    if answer["event"] == "error":
        raise Ended(f"{event} was refused: {answer.get('code')} {answer.get('msg')}")
