"""A storm on live lanes, the loop on Kafka around them: orders of all kinds and transfers at ``tightloop sandbox``, of
whose calls a fifth is lost, answered late or refused, by executors that are killed and stopped at random. Then the
exchange's own books are the judge.

``python -m tests.chaos.live --venue binance --orders 500 --seed 7``. It prints its folder, which keeps the logs of all
processes, and what happened; the exit code is 0 when each was done once and the books are as expected.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import urllib.error
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.chaos import workload
from tests.chaos.harness import ZOMBIE_S
from tests.chaos.live_orders import OUTSIDE, Orders
from tests.chaos.settled import settled
from tests.support.live_books import assert_books_match, books_of
from tests.support.live_system import SANDBOXES, LiveLane, LiveSystem, SetVariable

from tightloop.assembly.config import Reconciliation, Timing
from tightloop.broker import EmbeddedBroker
from tightloop.checker import Collected
from tightloop.domain import money
from tightloop.records.types import ControlCommand

AHEAD = 3  # how many instructions of a strategy wait or run at a time
DRAIN_S = 120.0
# Halts after which a key may go on: its account could not be read in time, an order's end not be found, or a loop not
# be closed. What it holds is compared when it is resumed.
PASSING = {"REC-003", "REC-005", "EXI-003", "EXI-005", "EIM-012"}
QUESTIONS = ("find", "ledger", "positions")
SHARE = 0.05  # of the calls that each kind of fault meets: a fifth, of what acts and of what asks
FAULTS: tuple[dict[str, Any], ...] = tuple(
    {"kind": kind, "probability": SHARE, **more}
    for more in ({}, {"operations": QUESTIONS})
    for kind in ("lost_before", "lost_after", "down", "late_after")
)
# OKX takes a request for 30 s, and its history lags: so long a withdrawal that is not there may come yet
TIMING = Timing(send_window=1.5, clock_margin=0.3, evidence=80.0)


def lanes_of(venue: str, count: int) -> list[LiveLane]:
    """Each with an account and a strategy of its own; the first lane bears the venue's name."""
    return [
        LiveLane(
            name=venue if number == 1 else f"{venue}-{number}",
            venue=venue,
            strategy=f"s{number}",
            account="s1" if number == 1 else f"sub-{number}",
            withdraws_to=(OUTSIDE,),
        )
        for number in range(1, count + 1)
    ]


class LiveStorm:
    """``kill_s``: an executor is killed so often on average, or stopped for longer than its requests may leave.
    ``transfers``: are there any beside the orders?
    """

    def __init__(
        self, system: LiveSystem, orders: int, seed: int, kill_s: float = 6.0, *, transfers: bool = True
    ) -> None:
        self.system = system
        self.happened: Counter[str] = Counter()
        self._seed = seed
        self._chance = random.Random(seed)
        self._kill_s = kill_s
        count = len(system.live)
        self.orders = {
            lane.strategy: Orders(
                lane.strategy, lane.venue, orders // count + (number < orders % count), seed, transfers=transfers
            )
            for number, lane in enumerate(system.live)
        }
        self._published: dict[str, int] = dict.fromkeys(self.orders, 0)
        self._adopted: set[tuple[str, int]] = set()
        self._resumed: set[tuple[str, ...]] = set()
        self._cancels: dict[str, tuple[str, float]] = {}

    def blow(self, patience_s: float) -> None:
        """Until each instruction has its result. Raises AssertionError when that takes longer, or one acted twice."""
        self._faults()
        self.follow(patience_s, strikes=True)
        self._calm()

    def follow(self, patience_s: float, *, strikes: bool = False) -> None:
        """The same without faults; executors are killed with ``strikes`` alone.

        The first strike comes as soon as a key's positions are adopted: its orders are all still to be done then, so
        that even a short storm on a fast machine is not over before it.
        """
        until, strike_at = time.monotonic() + patience_s, time.monotonic()
        while not self._is_over():
            assert time.monotonic() < until, f"not over in {patience_s:.0f} s: {self.left()}\n{self.system.describe()}"
            if strikes and time.monotonic() > strike_at and self._adopted:
                self._strike()
                strike_at = time.monotonic() + self._chance.uniform(0, 2 * self._kill_s)
            self.assert_each_acted_once()
            time.sleep(0.3)

    def left(self) -> dict[str, Any]:
        """What has no result, and which halts stand."""
        heads = self.system.watch.data.heads()
        return {
            "without a result": sorted(self.system.watch.without_result())[:10],
            "halts": {key: [halt["code"] for halt in head["halts"]] for key, head in heads.items() if head["halts"]},
        }

    # what strategies and operators do

    def _is_over(self) -> bool:
        self.system.producer.flush(30)
        waiting = Counter(strategy for strategy, _ in self.system.watch.without_result())
        self._adopt()
        self._resume()
        self._cancel()
        for strategy, orders in self.orders.items():
            for _ in range(min(orders.left, AHEAD - waiting[strategy])):
                self.system.publish(orders.next())
                waiting[strategy] += 1
        return not waiting and not any(orders.left for orders in self.orders.values())

    def _adopt(self) -> None:
        for seen in self.system.watch.data.reconciliations:
            found = seen.value
            which = (found["strategy_id"], found["position_version"])
            if found["kind"] == "adopt" and found["status"] == "matched" and which not in self._adopted:
                self._adopted.add(which)
                self.system.control(_adoption(*which))

    def _resume(self) -> None:
        """A key that was halted because its account could not be read for too long goes on."""
        for strategy_id, head in self.system.watch.data.heads().items():
            codes = {halt["code"] for halt in head["halts"]}
            halts = tuple(sorted(halt["halt_id"] for halt in head["halts"]))
            if codes and codes <= PASSING and head["slot"] is None and halts not in self._resumed:
                self._resumed.add(halts)
                self.system.control(workload.resume(strategy_id, halts))
                self.happened[f"resumed after {', '.join(sorted(codes))}"] += 1

    def _cancel(self) -> None:
        """What rests for good, a moment after it was dispatched."""
        now = time.monotonic()
        for seen in self.system.watch.data.loops:
            strategy, name = seen.value["strategy_id"], (seen.value["instruction"] or {}).get("instruction_id")
            if name in self.orders[strategy].to_cancel:
                self.orders[strategy].to_cancel.remove(name)
                self._cancels[name] = (strategy, now + self._chance.uniform(0, 2))
        for name, (strategy, at) in list(self._cancels.items()):
            if now >= at:
                del self._cancels[name]
                self.system.publish(self.orders[strategy].cancel(name))

    # what goes wrong

    def _faults(self) -> None:
        for sandbox in self.system.sandboxes.of.values():
            for number, fault in enumerate(FAULTS):
                sandbox.control("POST", "/admin/faults", {**fault, "seed": self._seed + number})

    def _strike(self) -> None:
        """One lane is struck as often as another, however many replicas its executor has. The first strike kills."""
        process = self._chance.choice(self.system.replicas_of(self._chance.choice(self.system.live).name))
        if not self.happened["SIGKILL"] or self._chance.random() < 0.7:
            process.kill()
            self.happened["SIGKILL"] += 1
        elif not process.is_stopped:
            process.arm("before_check", "stop", seconds=ZOMBIE_S)
            self.happened["stopped before its last check (armed)"] += 1

    def _calm(self) -> None:
        for sandbox in self.system.sandboxes.of.values():
            for state in sandbox.control("GET", "/admin/faults"):
                self.happened[state["rule"]["kind"]] += state["struck"]
            sandbox.control("DELETE", "/admin/faults")
        for process in self.system.executors:
            process.disarm()
        self.system.until(lambda: settled(self.system.watch), DRAIN_S, "every loop has ended", 0.5)

    # the judge

    def acted(self) -> Counter[str]:
        """How often each order and withdrawal was done, as the exchanges tell."""
        return Counter(
            one["client_order_id"]
            for sandbox in self.system.sandboxes.of.values()
            for one in sandbox.control("GET", "/admin/requests", limit=1_000_000)["requests"]
            if one["operation"] in ("order", "transfer") and one["result"] == "acted"
        )

    def assert_each_acted_once(self) -> None:
        try:
            acted = self.acted()
        except (urllib.error.URLError, TimeoutError):  # it is busy: asked again in a moment
            return
        twice = {order: count for order, count in acted.items() if count > 1}
        assert not twice, f"acted twice: {twice}"

    def watch_for(self, seconds: float) -> None:
        """Nothing acts twice by then either."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.assert_each_acted_once()
            time.sleep(0.2)

    def judge(self) -> None:
        """By the exchanges' books: each intent once, as its strategy was told; and they hold what is expected."""
        data = self.system.watch.look()
        assert not data.dead_letters, data.dead_letters
        self.assert_each_acted_once()
        results = {one.value["instruction_id"]: one.value for one in data.results if not one.value["resolves"]}
        expected = {name: outcome for orders in self.orders.values() for name, outcome in orders.expected.items()}
        told = {name: (results[name]["status"], results[name]["outcome"]) for name in expected}
        odd = {name: (found, expected[name]) for name, found in told.items() if found != ("reconciled", expected[name])}
        assert not odd, odd
        self._each_order_once(data, expected, results)
        asked = {name: amount for orders in self.orders.values() for name, amount in orders.moved.items()}
        assert {name: Decimal(results[name]["filled_amount"] or 0) for name in asked} == asked
        self.assert_each_moved_once()
        assert_books_match(self.system)

    def _each_order_once(self, data: Collected, expected: dict[str, str], results: dict[str, Any]) -> None:
        intents = {one.value["client_order_id"]: one.value["instruction_id"] for one in data.audits}
        filled: defaultdict[str, Decimal] = defaultdict(Decimal)
        done: Counter[str] = Counter()
        for order in (one for lane in self.system.live for one in books_of(self.system, lane)["orders"]):
            assert order["client_order_id"] in intents, f"nobody journalled {order}"
            filled[intents[order["client_order_id"]]] += Decimal(order["filled"])
            done[intents[order["client_order_id"]]] += order["status"] not in ("rejected", "refused")
        transfers = {name for orders in self.orders.values() for name in orders.moved}
        for name, outcome in ((name, outcome) for name, outcome in expected.items() if name not in transfers):
            assert done[name] == 1 or (outcome != "filled" and not done[name]), (name, outcome, done[name])
            assert filled[name] == Decimal(results[name]["filled_amount"] or 0), (name, filled[name], results[name])

    def assert_each_moved_once(self) -> None:
        """Transfers, by the amount, which no two of a strategy share. Money that only fills OKX's funding account, for
        a withdrawal, is none of them.
        """
        for lane in self.system.live:
            moved = Counter(
                Decimal(one["amount"])
                for one in books_of(self.system, lane)["transfers"]
                if one["status"] == "filled" and one["destination"] != "funding"
            )
            asked = self.orders[lane.strategy].moved
            assert moved == Counter(asked.values()), f"{lane.name}: transfers acted as {moved}, and were {asked}"


def _adoption(strategy_id: str, version: int) -> ControlCommand:
    now = datetime.now(UTC)
    return ControlCommand(
        command_id=f"adopt-{strategy_id}-{version}",
        strategy_id=strategy_id,
        command="adopt",
        scope="key",
        expected_position_version=version,
        actor="storm",
        reason="its opening positions are meant",
        issued_at=now,
        produced_at=now,
    )


def run(
    bootstrap: str,
    prefix: str,
    folder: Path,
    set_variable: SetVariable,
    *,
    venue: str = "binance",
    orders: int,
    seed: int,
    lanes: int = 4,
    kill_s: float = 6.0,
    transfers: bool = True,
    without: Sequence[str] = (),
) -> LiveStorm:
    """The storm, the calm after it and the judge. Raises AssertionError for what went wrong."""
    with (
        money.exact(),
        LiveSystem(
            bootstrap,
            prefix,
            folder,
            set_variable,
            lanes=lanes_of(venue, lanes),
            executors={venue: 2},  # of the first lane two, so that one goes on for another that sleeps
            without=without,
            timing=TIMING,
            reconciliation=Reconciliation(),
        ) as system,
    ):
        storm = LiveStorm(system, orders, seed, kill_s, transfers=transfers)
        storm.blow(60 + 12 * orders)
        storm.judge()
        storm.happened["starts"] = sum(process.starts for process in system.components.values())
    return storm


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.chaos.live", description=__doc__)
    parser.add_argument("--venue", choices=sorted(SANDBOXES), default="binance")
    parser.add_argument("--orders", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--lanes", type=int, default=4, help="each with an account and a strategy of its own")
    parser.add_argument("--without", nargs="*", default=(), help="send rules to take away: the run must then fail")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="live-storm-"))
    sys.stdout.write(f"{folder}, seed {given.seed}\n")
    sys.stdout.flush()
    began = time.monotonic()
    with EmbeddedBroker() as broker:
        storm = run(
            broker.bootstrap,
            f"live-{given.seed}.",
            folder,
            os.environ.__setitem__,
            venue=given.venue,
            orders=given.orders,
            seed=given.seed,
            lanes=given.lanes,
            without=given.without,
        )
    kinds = Counter(kind for orders in storm.orders.values() for kind in orders.kinds.values())
    took = time.monotonic() - began
    sys.stdout.write(
        f"{given.orders} orders and transfers, each once, in {took:.0f} s: {dict(storm.happened)}; {dict(kinds)}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
