"""A server that answers as it is told to, and remembers byte for byte what it was asked."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Request(NamedTuple):
    method: str
    path: str
    given: dict[str, str]
    headers: dict[str, str]
    body: str


class ToldExchange:
    """``answers``: by ``METHOD /path``, status and JSON, and headers, if any; None: the connection is closed. What is
    not there is a 404.
    """

    def __init__(self, answers: dict[str, Any], tls: ssl.SSLContext | None = None) -> None:
        self.answers = answers
        self.requests: list[Request] = []
        self._tls = tls
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> ToldExchange:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    @property
    def address(self) -> str:
        assert self._server is not None
        host = "localhost" if self._tls else "127.0.0.1"
        return f"{'https' if self._tls else 'http'}://{host}:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, _ = lines[0].split(" ")
                headers = dict(line.split(": ", 1) for line in lines[1:] if line)
                body = (await reader.readexactly(int(headers.get("Content-Length", 0)))).decode()
                parts = urlsplit(target)
                self.requests.append(
                    Request(method, parts.path, dict(parse_qsl(parts.query) + parse_qsl(body)), headers, body)
                )
                answer = self.answers.get(f"{method} {parts.path}", (404, "not here"))
                if answer is None:
                    return
                content = json.dumps(answer[1]).encode()
                more = "".join(f"{name}: {value}\r\n" for one in answer[2:] for name, value in one.items())
                head = f"HTTP/1.1 {answer[0]} OK\r\nContent-Length: {len(content)}\r\n{more}\r\n"
                writer.write(head.encode() + content)
                await writer.drain()
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()


def ask_told(
    told: Mapping[str, Any],
    prefix: str,
    answers: Mapping[str, Any],
    opened: Callable[[str], Any],
    work: Callable[[Any], Coroutine[Any, Any, Any]],
    at: str = "",
) -> Any:
    """What ``work`` finds with the adapter that ``opened`` makes of the address of an exchange.

    ``told``: what it answers whatever is tested. ``answers``: by the end of a path behind ``prefix``, such as
    ``asset/transfer``, where it is asked; or by method and path. ``at``: the requests whose paths end so are the
    answer.
    """
    asked = {name if " " in name else f"GET {prefix}{name}": answer for name, answer in answers.items()}

    async def run() -> Any:
        async with ToldExchange({**told, **asked}) as exchange:
            adapter = opened(exchange.address)
            try:
                found = await work(adapter)
            finally:
                await adapter.close()
            return [one for one in exchange.requests if one.path.endswith(at)] if at else found

    return asyncio.run(run())
