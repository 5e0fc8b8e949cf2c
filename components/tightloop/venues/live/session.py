"""A session with an exchange: ccxt signs, and lists the endpoints; the bytes are sent here.

ccxt's own sending is replaced where it begins (``fetch2``): it may repeat what failed, its HTTP session repeats a
DELETE whose connection broke, and both sign before a connection is there. Here a request is signed as the last thing
before its first byte leaves, with the time that the gate gives, and leaves once.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tightloop.errors import ExecutionError
from tightloop.venues.adapter import Gate
from tightloop.venues.http import Heard, HttpClient, Outgoing
from tightloop.venues.live.budget import LONGEST_WAIT_S, OF_THE_PROCESS, Asking, Budgets, ByAddress, Tariff

READ_TIMEOUT_S = 10.0
ACT_TIMEOUT_S = 5.0
SHORTEST_BAN_S = 120.0  # where one does not say how long it lasts
LONGEST_ED25519 = 120  # characters of a private key in PEM; one of RSA is longer, as ccxt tells them apart
_LIMITS: Mapping[str, float | None] = {"HTTP 429": None, "HTTP 418": SHORTEST_BAN_S}
_GATE: ContextVar[Gate | None] = ContextVar("gate", default=None)


class Said(Exception):
    """The exchange answered, and not with what was asked for. ``code`` and ``message`` are its own, if it has any."""

    def __init__(self, status: int, code: str | None, message: str, raw: str, retry_after_s: float | None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.raw = raw
        self.retry_after_s = retry_after_s

    @property
    def words(self) -> str:
        """Code and message, for errors and logs."""
        return f"{self.code}: {self.message}" if self.code else f"HTTP {self.status} {self.message}".strip()


def text_of(answer: Any) -> str:
    """An answer, or a part of one, as it is kept beside what was read of it."""
    return msgspec.json.encode(answer).decode()


Refusal = Callable[[Any], tuple[str, str] | None]  # code and message, of an answer that is one


class Session:
    """``kind``: the name of ccxt's class. ``refusal``: finds the exchange's own refusal in an answer.

    ``tariff``: what its requests cost of which of the ``budgets``. ``limits``: the exchange's codes, and statuses such
    as ``HTTP 403``, of refusals for a limit, beside 429 and 418, with the seconds to wait where it does not say.
    ``headers``: beside ccxt's, by the time at which a request is signed and by whether it acts. Raises ExecutionError
    EIF-011 when ccxt is not installed.
    """

    def __init__(
        self,
        kind: str,
        settings: Mapping[str, Any],
        refusal: Refusal,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        tls: ssl.SSLContext | None = None,
        act_timeout_s: float = ACT_TIMEOUT_S,
        budgets: Budgets = OF_THE_PROCESS,
        tariff: Tariff | None = None,
        limits: Mapping[str, float | None] = {},
        headers: Callable[[datetime, bool], Mapping[str, str]] = lambda at, acts: {},
    ) -> None:
        self.ccxt = _gated(kind)(dict(settings))
        self.ccxt.number = str  # figures reach Decimal as the exchange wrote them
        self._budgets = budgets
        self._tariff = tariff or ByAddress(budgets)
        self.ccxt.bind(self, clock)
        self._clock = clock
        self._act_timeout_s = act_timeout_s
        self._refusal = refusal
        self._limits = {**_LIMITS, **limits}
        self.headers = headers
        self._tls = tls
        self._clients: dict[str, HttpClient] = {}

    async def ask(self, endpoint: str, given: Mapping[str, Any]) -> Any:
        """Raises NotLeft, Broken, Said. ``endpoint``: ccxt's name of it, such as ``privateGetOrder``. ``given``: its
        parameters; one that depends on the time at which the request is signed is a function of it.
        """
        return await getattr(self.ccxt, endpoint)(dict(given))

    async def act(self, endpoint: str, given: Mapping[str, Any], gate: Gate) -> Any:
        """The same, once, through the gate. Raises GateShut as well."""
        token = _GATE.set(gate)
        try:
            return await getattr(self.ccxt, endpoint)(dict(given))
        finally:
            _GATE.reset(token)

    def now_ms(self) -> int:
        """What a request on a websocket is signed with."""
        return int(self._clock().timestamp() * 1000)

    def signature(self, text: str) -> str:
        """Of a request on a websocket that asks for events, by the kind of the key; REST requests are signed as they
        leave.
        """
        secret: str = self.ccxt.secret
        if "PRIVATE KEY" not in secret:
            found: str = self.ccxt.hmac(text.encode(), secret.encode(), hashlib.sha256)
        elif len(secret) > LONGEST_ED25519:
            found = self.ccxt.rsa(text, secret, "sha256")
        else:
            found = self.ccxt.eddsa(text.encode(), secret, "ed25519")
        return found

    async def markets(self) -> Mapping[str, Any]:
        """What is listed, by unified symbol; read once. Raises NotLeft, Broken, Said."""
        found: Mapping[str, Any] = await self.ccxt.load_markets()
        return found

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        await self.ccxt.close()

    # --- what ccxt's class calls --------------------------------------------------------------------------------------

    async def send(self, url: str, make: Callable[[], Outgoing], asked: Asking, *, acts: bool) -> Any:
        """The answer as plain JSON values. Raises NotLeft (Held), Broken, Said, and what ``make`` raises."""
        parts = urlsplit(url)
        asked = asked._replace(at=parts.netloc, part=parts.path.split("/")[1])
        await self._budgets.admit(self._tariff.charges(asked), acts=acts)
        timeout_s = self._act_timeout_s if acts else READ_TIMEOUT_S
        heard = await self._client(url).exchange(make, timeout_s)
        text = heard.body.decode(errors="replace")
        found = self.ccxt.parse_json(text)
        refused = self._refusal(found)
        limit = next((name for name in (f"HTTP {heard.status}", (refused or ("",))[0]) if name in self._limits), None)
        if limit is None:
            self._budgets.heard(self._tariff, asked, heard.headers, found)
        if heard.status < 400 and refused is None and found is not None:
            return found
        code, message = refused or (None, "" if heard.status >= 400 else "an answer that can't be read")
        retry_after_s = _retry_after(heard)
        if limit is not None:  # who goes on is banned, or for longer
            retry_after_s = self._limits[limit] if retry_after_s is None else retry_after_s
            retry_after_s = self._budgets.refused(self._tariff, asked, code, retry_after_s)
        raise Said(heard.status, code, message, text, retry_after_s)

    def _client(self, url: str) -> HttpClient:
        parts = urlsplit(url)
        at = f"{parts.scheme}://{parts.netloc}"
        if at not in self._clients:
            tls = None
            if parts.scheme == "https":
                tls = self._tls = self._tls or ssl.create_default_context()
            port = parts.port or (443 if tls else 80)
            self._clients[at] = HttpClient(parts.hostname or "", port, tls=tls)
        return self._clients[at]


def _retry_after(heard: Heard) -> float | None:
    text = heard.headers.get("Retry-After", "")
    return min(float(text), LONGEST_WAIT_S) if text.isdecimal() else None


def _gated(kind: str) -> type[Any]:
    """ccxt's class, with its sending replaced. Raises ExecutionError EIF-011."""
    try:
        import ccxt.async_support as ccxt
    except ImportError as error:
        raise ExecutionError(
            "EIF-011",
            f"ccxt is not installed, and a live exchange needs it: {error}",
            remedy="pip install 'tightloop[live]'",
        ) from error
    found: type[Any] = type(kind, (_Sending, getattr(ccxt, kind)), {})
    return found


class _Sending:
    """What replaces ccxt's sending; ``sign``, the endpoints and their weights stay ccxt's own."""

    _session: Session
    _clock: Callable[[], datetime]
    _signed_at: datetime
    _addresses: dict[tuple[str, str, str], str]  # of endpoints

    def bind(self, session: Session, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock
        self._addresses = {}

    def milliseconds(self) -> int:
        """What ccxt signs with."""
        return int(self._signed_at.timestamp() * 1000)

    async def fetch2(
        self: Any,
        path: str,
        api: Any = "public",
        method: str = "GET",
        params: Mapping[str, Any] = {},  # ccxt's own signature
        config: Mapping[str, Any] = {},
    ) -> Any:
        gate = _GATE.get()
        units = self.calculate_rate_limiter_cost(api, method, path, params, config)
        asked = Asking("", "", method, path, params, units)

        def signed(at: datetime) -> dict[str, Any]:
            self._signed_at = at
            given = {name: value(at) if callable(value) else value for name, value in params.items()}
            found: dict[str, Any] = self.sign(path, api, method, given)
            return found

        def make() -> Outgoing:
            at = self._clock() if gate is None else gate.pass_through()
            made = signed(at)
            headers = {**(made["headers"] or {}), **self._session.headers(at, gate is not None)}
            parts = urlsplit(made["url"])
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            body = made["body"].encode() if made["body"] is not None else None
            return Outgoing(made["method"], target, {"Accept": "application/json", **headers}, body)

        endpoint = (str(api), method, path)
        where = self._addresses.get(endpoint)
        if where is None:  # ccxt tells an address by signing alone; a request is signed again when it leaves
            where = self._addresses[endpoint] = signed(self._clock())["url"].partition("?")[0]
        return await self._session.send(where, make, asked, acts=gate is not None)


async def together(*questions: Any) -> list[Any]:
    """All of them at once. Raises the first failure, after all have ended."""
    found = await asyncio.gather(*questions, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return found
