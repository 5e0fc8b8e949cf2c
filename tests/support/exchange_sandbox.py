"""``tightloop sandbox EXCHANGE`` in a process of its own, and the plainest way to ask it something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec


class ExchangeSandbox:
    """``folder`` keeps its books and keys; a restart is on the same port. ``limited``: by the exchange's own limits;
    otherwise by none that a test would meet (``generous``). ``name``: the exchange's.
    """

    name: str
    generous: Any

    def __init__(self, folder: Path, clock: str = "wall", account: str = "main", *, limited: bool = False) -> None:
        self.folder = folder
        self._limited = limited
        self.clock = clock
        self.account = account
        self.port = 0
        self._log = (folder / "sandbox.log").open("ab")
        self.start()

    def start(self) -> None:
        arguments = [sys.executable, "-m", "tightloop.cli", "sandbox", self.name, "--dir", str(self.folder)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            [*arguments, "--port", str(self.port), "--clock", self.clock, "--account", self.account],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the sandbox ended with {self.process.wait(10)}: {(self.folder / 'sandbox.log').read_text()}"
        self.port = json.loads(line)["port"]
        if not self._limited:
            self.control("POST", "/admin/limits", self.generous)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def keys(self) -> list[dict[str, Any]]:
        """Of the first anything may be asked, of the second nothing that changes anything."""
        found: list[dict[str, Any]] = json.loads((self.folder / "keys.json").read_text())
        return found

    @property
    def variables(self) -> dict[str, str]:
        lines = (self.folder / "keys.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        status, answer = self.ask(method, path, urlencode(query), None if body is None else msgspec.json.encode(body))
        assert status == 200, (method, path, query, status, answer)
        return answer

    def ask(
        self, method: str, path: str, query: str = "", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status, and the answer as plain JSON values (or text)."""
        url = f"{self.address}{path}" + (f"?{query}" if query else "")
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            text = refusal.read().decode()
            return refusal.code, json.loads(text) if text.startswith(("{", "[")) else text

    def books(self) -> dict[str, Any]:
        """Of the account whose keys these are."""
        accounts = self.control("GET", "/admin/books")["accounts"]
        found: dict[str, Any] = next((one for one in accounts if one["account"] == self.keys[0]["account"]), {})
        return found

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
