"""``tightloop sandbox bybit`` in a process of its own, and requests to it that are signed as Bybit documents it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

from tests.support.exchange_sandbox import ExchangeSandbox

PLENTY = 10**9
GENEROUS = {"per_second": {}, "others": PLENTY, "address": PLENTY}


class BybitSandbox(ExchangeSandbox):
    name = "bybit"
    generous = GENEROUS

    def signed(
        self,
        method: str,
        path: str,
        key: int | dict[str, Any] = 0,
        *,
        signed_at: int | None = None,
        window: int = 5000,
        **given: Any,
    ) -> tuple[int, Any]:
        """As Bybit documents it: status and answer. ``key``: which of the keys, or one of another account. ``None``
        leaves a parameter out.
        """
        sent = {name: value for name, value in given.items() if value is not None}
        posted = method == "POST"
        text = json.dumps(sent) if posted else urlencode(sent)
        at = int(time.time() * 1000) if signed_at is None else signed_at
        chosen = self.keys[key] if isinstance(key, int) else key
        signed = hmac.new(chosen["secret"].encode(), f"{at}{chosen['key']}{window}{text}".encode(), hashlib.sha256)
        headers = {
            "X-BAPI-API-KEY": chosen["key"],
            "X-BAPI-TIMESTAMP": str(at),
            "X-BAPI-RECV-WINDOW": str(window),
            "X-BAPI-SIGN": signed.hexdigest(),
        }
        if posted:
            return self.ask(method, path, "", text.encode(), {**headers, "Content-Type": "application/json"})
        return self.ask(method, path, text, headers=headers)

    def done(self, method: str, path: str, key: int | dict[str, Any] = 0, **given: Any) -> Any:
        """The result of a request that succeeds."""
        status, answer = self.signed(method, path, key, **given)
        assert (status, answer["retCode"]) == (200, 0), (path, given, status, answer)
        return answer["result"]

    def code(self, method: str, path: str, key: int | dict[str, Any] = 0, **given: Any) -> int:
        """The number with which it is refused on HTTP 200; 0: it is not."""
        status, answer = self.signed(method, path, key, **given)
        assert status == 200, (path, given, status, answer)
        found: int = answer["retCode"]
        return found
