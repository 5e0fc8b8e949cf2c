"""Every component as a process, on Kafka, with a live lane: Binance's adapter against ``tightloop sandbox binance``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.harness import RECONCILIATION, TIMING, System
from tests.support.binance_sandbox import BinanceSandbox

from tightloop.assembly.config import Account, Config, Lane

KEY = "s1"
SetVariable = Callable[[str, str], object]


class _Tended(BinanceSandbox):
    """Kept up by the system's supervisor, as its other processes are."""

    wanted = True
    starts = 1

    def tend(self) -> None:
        if self.wanted and self.process.poll() is not None:
            self.start()

    def end(self) -> None:
        self.wanted = False
        self.close()


class LiveSystem(System):
    """One strategy, ``s1``, with an account of its name. ``set_variable``: puts the keys where components look."""

    sandbox: _Tended

    def __init__(
        self, bootstrap: str, prefix: str, folder: Path, set_variable: SetVariable, *, executors: int = 1
    ) -> None:
        super().__init__(bootstrap, prefix, folder, partitions=1, replicas={"executor": executors}, lanes=("binance",))
        self._set_variable = set_variable

    def _start_venues(self) -> None:
        books = self.folder / "exchange"
        books.mkdir()
        self.sandbox = _Tended(books, account=KEY)
        self.venues = self.sandbox  # type: ignore[assignment]
        for name, value in self.sandbox.variables.items():
            self._set_variable(name, value)
        self.config = Config(
            bootstrap=self.bootstrap,
            prefix=self.prefix,
            simulator=self.sandbox.address.removeprefix("http://"),
            lanes={"binance": Lane(simulated=False, endpoint=self.sandbox.address)},
            accounts={KEY: Account(strategy=KEY, lane="binance")},
            timing=TIMING,
            reconciliation=RECONCILIATION,
        )

    def adopt(self, version: int = 1) -> None:
        """An operator takes what the account holds for what is expected of it, once the key has halted for that."""
        self.until(lambda: self.command("adopt", KEY, "--expected-version", str(version)), 60, "the account is adopted")

    def command(self, *words: str) -> bool:
        """The command line's, for operators. Was it done?"""
        where = [
            "--bootstrap",
            self.bootstrap,
            "--prefix",
            self.prefix,
            "--env",
            "dev",
            "--config",
            str(self._config_file()),
        ]
        arguments = [sys.executable, "-m", "tightloop.cli", *words, "--reason", "a test", *where]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.said = subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=60)
        return self.said.returncode == 0

    def _config_file(self) -> Path:
        file = self.folder / "live.toml"
        if not file.exists():
            file.write_text(
                f'[lanes.binance]\nsimulated = false\nendpoint = "{self.sandbox.address}"\n'
                f'[accounts.{KEY}]\nstrategy = "{KEY}"\nlane = "binance"\n'
            )
        return file

    def results(self) -> dict[str, Any]:
        """By instruction id, the first of each."""
        found: dict[str, Any] = {}
        for record in self.records("instruction_results"):
            found.setdefault(record.instruction_id, record)
        return found

    def records(self, topic: str) -> list[Any]:
        """All of a topic so far."""
        from tightloop import ResultConsumer

        with ResultConsumer(topic, self.bootstrap, prefix=self.prefix, from_="beginning", follow=False) as consumer:
            return list(consumer)
