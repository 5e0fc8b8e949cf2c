"""``tightloop sandbox okx`` in a process of its own, and requests to it that are signed as OKX documents it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tests.support.exchange_sandbox import ExchangeSandbox

PLENTY = 10**9
GENEROUS = {"within_2s": {}, "others": PLENTY}


class OkxSandbox(ExchangeSandbox):
    name = "okx"
    generous = GENEROUS

    def signed(
        self,
        method: str,
        path: str,
        key: int | dict[str, Any] = 0,
        *,
        late_s: float = 0.0,
        headers: dict[str, str] | None = None,
        several: list[dict[str, Any]] | None = None,
        **given: Any,
    ) -> tuple[int, Any]:
        """As OKX documents it: status and answer. ``key``: which of the keys, or one of another account.
        ``late_s``: how long ago it was signed. ``several``: of a batch.
        """
        at = (datetime.now(UTC) - timedelta(seconds=late_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        chosen = self.keys[key] if isinstance(key, int) else key
        query, body = "" if method == "POST" else urlencode(given), ""
        if method == "POST":
            body = json.dumps(given if several is None else several)
        target = f"/api/v5/{path}" + (f"?{query}" if query else "")
        signed = hmac.new(chosen["secret"].encode(), f"{at}{method}{target}{body}".encode(), hashlib.sha256).digest()
        sent = {
            "OK-ACCESS-KEY": chosen["key"],
            "OK-ACCESS-SIGN": base64.b64encode(signed).decode(),
            "OK-ACCESS-TIMESTAMP": at,
            "OK-ACCESS-PASSPHRASE": chosen["passphrase"],
            "Content-Type": "application/json",
            **(headers or {}),
        }
        return self.ask(method, f"/api/v5/{path}", query, body.encode() if body else None, sent)

    def done(self, method: str, path: str, key: int | dict[str, Any] = 0, **given: Any) -> list[dict[str, Any]]:
        """The ``data`` of a request that succeeds."""
        status, answer = self.signed(method, path, key, **given)
        assert (status, answer["code"]) == (200, "0"), (path, given, answer)
        found: list[dict[str, Any]] = answer["data"]
        return found

    def code(self, method: str, path: str, key: int | dict[str, Any] = 0, **given: Any) -> str:
        """The number with which it is refused, an order's own where it has one; ``0``: it is not."""
        _, answer = self.signed(method, path, key, **given)
        data = answer["data"]
        return str(data[0]["sCode"] if answer["code"] == "1" and data else answer["code"])
