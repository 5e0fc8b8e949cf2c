"""How the simulated venues' server answers, over aiohttp: after what an answer tells is durable, and in one write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion11
from multidict import CIMultiDict

Query = dict[str, str]


class Answer(NamedTuple):
    """JSON. ``twice`` is an injected fault: the same answer again, unasked for."""

    status: int
    body: bytes
    twice: bool = False


NO_ANSWER = Answer(0, b"")  # an injected fault: the connection is closed instead


class App(Protocol):
    """What answers requests."""

    async def handle(self, method: str, path: str, query: Query, body: bytes) -> Answer: ...


def answering(app: App, make_durable: Callable[[], None]) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """The handler of an aiohttp server. A request goes on to its end even when its client has gone."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        content = request.content  # most bodies are there already, and few paths have a query: saves a tenth
        body = content.read_nowait() if content.is_eof() else await request.read()
        query = dict(request.query) if "?" in request.raw_path else {}
        found = await app.handle(request.method, request.path, query, body)
        make_durable()
        if found is NO_ANSWER:
            request.protocol.force_close()
        return _Whole(found, request)

    return answer


class _Whole(web.StreamResponse):
    """Headers and body in one write. Of headers only what somebody reads: aiohttp's own response spends as much time
    on a date, its name and the choice of an encoding as all the rest of a request takes.
    """

    def __init__(self, answer: Answer, request: web.BaseRequest) -> None:
        super().__init__(status=answer.status)
        self._answer = answer
        self._writer = request.writer
        self._stays = request.keep_alive and request.version >= HttpVersion11
        self._request_id = request.headers.get("X-Request-Id")

    @property
    def keep_alive(self) -> bool:
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Nothing leaves before the end."""
        return self._writer

    async def write_eof(self, data: bytes = b"") -> None:
        _, body, twice = self._answer
        headers = CIMultiDict({"Content-Type": "application/json", "Content-Length": str(len(body))})
        if self._request_id is not None:
            headers["X-Request-Id"] = self._request_id
        if not self._stays:
            headers["Connection"] = "close"
        line = f"HTTP/1.1 {self.status} {self.reason}"
        if twice:
            await self._writer.write_headers(line, headers)
            await self._writer.write(body)
        await self._writer.write_headers(line, headers)
        await self._writer.write_eof(body)
