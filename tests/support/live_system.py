"""Every component as a process, on Kafka, with live lanes: their adapters against ``tightloop sandbox``, a process an
exchange.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from tests.chaos.harness import RECONCILIATION, TIMING, System
from tests.support.binance_sandbox import BinanceSandbox
from tests.support.bybit_sandbox import BybitSandbox
from tests.support.exchange_sandbox import ExchangeSandbox
from tests.support.okx_sandbox import OkxSandbox

from tightloop.assembly.config import Account, Config, Lane, Reconciliation, Timing
from tightloop.assembly.limits import Bounds, LimitsSection
from tightloop.venues import registry

KEY = "s1"
_ADOPTION = ("adopt", "matched")  # what reconciliation says of positions that wait for their adoption
SANDBOXES: dict[str, Callable[..., ExchangeSandbox]] = {
    "binance": BinanceSandbox,
    "bybit": BybitSandbox,
    "okx": OkxSandbox,
}  # by venue
SetVariable = Callable[[str, str], object]


class LiveLane(Struct, frozen=True, kw_only=True):
    """A live lane has one account and one strategy. ``exchange``: lanes of one name share a sandbox; empty: its venue's
    first. ``withdraws_to``: with any, the key that trades may withdraw.
    """

    name: str = "binance"
    venue: str = "binance"
    strategy: str = KEY
    account: str = KEY
    exchange: str = ""
    withdraws_to: tuple[str, ...] = ()

    @property
    def sandbox(self) -> str:
        return self.exchange or self.venue


class Sandboxes:
    """Kept up by the system's supervisor, as its other processes are. ``of``: by name."""

    def __init__(self) -> None:
        self.of: dict[str, ExchangeSandbox] = {}
        self._wanted = True

    def tend(self) -> None:
        for sandbox in self.of.values():
            if self._wanted and sandbox.process.poll() is not None:
                sandbox.start()

    def end(self) -> None:
        self._wanted = False
        for sandbox in self.of.values():
            sandbox.close()


class LiveSystem(System):
    """``lanes``: by default one strategy, ``s1``, with an account of its name. ``set_variable``: puts the keys where
    components look.
    """

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        folder: Path,
        set_variable: SetVariable,
        *,
        lanes: Sequence[LiveLane] = (LiveLane(),),
        executors: int | Mapping[str, int] = 1,
        without: Sequence[str] = (),
        timing: Timing = TIMING,
        reconciliation: Reconciliation = RECONCILIATION,
        partitions: int = 1,
    ) -> None:
        names = tuple(one.name for one in lanes)
        replicas = {"executor": executors} if isinstance(executors, int) else executors
        super().__init__(
            bootstrap, prefix, folder, partitions=partitions, replicas=replicas, lanes=names, without=without
        )
        self.live = tuple(lanes)
        self._set_variable = set_variable
        self._timing, self._reconciliation = timing, reconciliation
        self._adopted: Counter[str] = Counter()

    @property
    def sandbox(self) -> ExchangeSandbox:
        """The first lane's."""
        return self.sandboxes.of[self.live[0].sandbox]

    def sandbox_of(self, lane: LiveLane) -> ExchangeSandbox:
        return self.sandboxes.of[lane.sandbox]

    def _start_venues(self) -> None:
        self.sandboxes = Sandboxes()
        self.venues = self.sandboxes  # type: ignore[assignment]
        for lane in self.live:
            self._give_keys(lane)
        self.config = Config(
            bootstrap=self.bootstrap,
            prefix=self.prefix,
            simulator=self.sandbox.address.removeprefix("http://"),
            lanes={
                one.name: Lane(
                    simulated=False,
                    venue=one.venue,
                    endpoint=self.sandbox_of(one).address,
                    withdraws_to=one.withdraws_to,
                )
                for one in self.live
            },
            limits=self._destinations(),
            accounts={one.account: Account(strategy=one.strategy, lane=one.name) for one in self.live},
            timing=self._timing,
            reconciliation=self._reconciliation,
        )

    def _destinations(self) -> LimitsSection | None:
        """Where lanes withdraw, each strategy may send to all of its lanes' addresses and wallets."""
        allowed: dict[str, tuple[str, ...]] = {}
        for one in self.live:
            wallets = [f"{one.venue}:{market}" for market in ("spot", "perp")]
            unified = registry.known().venues.find(one.venue).unified
            mine = (*one.withdraws_to, *wallets[: 1 if unified else 2])
            allowed[one.strategy] = (*allowed.get(one.strategy, ()), *mine)
        if not any(one.withdraws_to for one in self.live):
            return None
        return LimitsSection(strategies={name: Bounds(destinations=places) for name, places in allowed.items()})

    def _give_keys(self, lane: LiveLane) -> None:
        """Of a sandbox's first account they are in its file; others are made, in the file's order of rights."""
        if lane.sandbox not in self.sandboxes.of:
            folder = self.folder / f"exchange-{lane.sandbox}"
            folder.mkdir(parents=True)
            self.sandboxes.of[lane.sandbox] = SANDBOXES[lane.venue](folder, account=lane.account)
        sandbox = self.sandbox_of(lane)
        first = sandbox.keys[:2]
        own = first
        if lane.withdraws_to:
            own = sandbox.control("POST", "/admin/keys", account=lane.account, withdraw="true")
        elif lane.account != sandbox.account:
            own = sandbox.control("POST", "/admin/keys", account=lane.account)
        mine = {old[part]: new[part] for old, new in zip(first, own, strict=True) for part in old if part != "rights"}
        spec = registry.known().venues.find(lane.venue)
        for reading in (False, True):
            names = zip(
                spec.variables("dev", reading=reading),
                spec.variables("dev", lane=lane.name, reading=reading),
                strict=True,
            )
            for usual, name in names:
                self._set_variable(name, mine[sandbox.variables[usual]])

    def adopt(self, version: int = 1, strategy: str = KEY) -> None:
        """An operator takes what the account holds for what is expected of it, once the key has halted for that."""
        words = ("adopt", strategy, "--expected-version", str(version))
        self.until(lambda: self.command(*words), 60, f"the account of {strategy} is adopted")

    def adopt_next(self, strategy: str = KEY) -> None:
        """The account that waits for it, once there is one more than were adopted through this."""
        self.producer.flush(30)

        def waiting() -> list[int]:
            seen = [one.value for one in self.watch.look().reconciliations]
            found = [one for one in seen if (one["strategy_id"], one["kind"], one["status"]) == (strategy, *_ADOPTION)]
            return [one["position_version"] for one in found]

        self.until(lambda: len(waiting()) > self._adopted[strategy], 60, "an account waits to be adopted")
        version = waiting()[self._adopted[strategy]]
        self._adopted[strategy] += 1
        self.adopt(version, strategy)

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
                "".join(
                    f'[lanes.{one.name}]\nsimulated = false\nvenue = "{one.venue}"\n'
                    f'endpoint = "{self.sandbox_of(one).address}"\n'
                    f'[accounts.{one.account}]\nstrategy = "{one.strategy}"\nlane = "{one.name}"\n'
                    for one in self.live
                )
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
