"""A storm: a schedule of everything that may go wrong, made from a seed, and the record of what really happened."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.chaos import strategies, workload
from tests.chaos.disturbances import FAR_S, LARGE, SLOW_S, UNREADABLE, Disturbances
from tests.chaos.harness import System
from tests.chaos.instruments import ANSWER_POINT, SUBMIT_POINT, TRANSACTION_POINTS, VENUE_POINTS
from tests.chaos.points import Points
from tests.chaos.processes import Process
from tests.chaos.settled import unknown

from tightloop.broker import EmbeddedBroker
from tightloop.checker import Cause, Interruption, Terms

LONG_S = 1.0
DRIFTS = {
    "binance": ("binance:BaseToken:USDT", "-7"),
    "okx": ("okx:MarginBalance:USDT", "3"),
    "ethereum": ("wallet:BaseToken:USDC", "11"),
}
OTHERS = ("interface-manager", "position-update-handler", "reconciliation")
HALTED, HALT_COMMAND = "chaos-halted", "halt-before-everything"
# Each: what the venues do wrong, for how long in seconds, and to how many of the requests.
FAULTS: tuple[tuple[dict[str, object], tuple[float, float]], ...] = (
    ({"kind": "lost_before", "probability": 0.5}, (2, 5)),
    ({"kind": "lost_after", "probability": 0.5}, (2, 5)),
    ({"kind": "late_before", "probability": 0.5, "delay_s": 1.2}, (2, 5)),
    ({"kind": "late_before", "probability": 0.5, "delay_s": 3.0}, (2, 4)),
    ({"kind": "late_after", "probability": 0.5, "delay_s": 2.0}, (2, 5)),
    ({"kind": "late_after", "probability": 0.5, "delay_s": 6.0}, (2, 4)),  # later than anybody waits for an answer
    ({"kind": "duplicate_answer", "probability": 0.7}, (2, 5)),
    ({"kind": "partial", "probability": 0.7, "fill": "0.4", "parts": 2, "every_s": 0.7}, (2, 5)),
    ({"kind": "partial", "probability": 0.7, "fill": "0.4", "rest": "cancel"}, (2, 5)),
    ({"kind": "reject", "probability": 0.5}, (2, 4)),
    ({"kind": "revert", "probability": 0.5}, (2, 4)),
    ({"kind": "pending", "probability": 0.7}, (2, 5)),
    ({"kind": "drop_pending", "probability": 0.5}, (2, 4)),
    ({"kind": "rate_limit", "probability": 0.5}, (1, 3)),
    ({"kind": "down"}, (0.5, 2.5)),
    ({"kind": "down", "close": True}, (0.5, 2.5)),
)


# halts after which a key may go on once its positions match
PASSING = {"EIM-012", "EIM-019", "EXI-005", "EXI-012", "REC-002"}
Act = Callable[[random.Random], None]


@dataclass
class Storm:
    """``seconds``: how long it blows. ``blow`` returns when it is over; ``happened`` counts what it really did."""

    system: System
    broker: EmbeddedBroker
    seed: int
    seconds: float
    instructions: int = 240
    happened: Counter[str] = field(default_factory=Counter)
    drifted: dict[str, str] = field(default_factory=dict)  # by strategy: the lane on which it was made to drift

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        self._disturbances = Disturbances(self.system, self.broker, self.happened)
        self._points = (
            Points((*VENUE_POINTS, SUBMIT_POINT, ANSWER_POINT), self._executors, chance, self.happened, 1.0),
            Points((ANSWER_POINT, *TRANSACTION_POINTS), self._others(chance), chance, self.happened, 8.0),
        )
        self._strategies = strategies.strategies(self.seed)
        self._turns = strategies.shuffled(random.Random(f"{self.seed}:turns"), self._strategies)
        self._gone: list[tuple[float, Process]] = []

    def blow(self) -> None:
        began = time.monotonic()
        for number, (at, act) in enumerate(sorted(self._schedule(), key=lambda one: one[0])):
            while (now := time.monotonic() - began) < at:
                self._tend()
                time.sleep(min(0.05, at - now))
            acting = time.monotonic()
            act(random.Random(f"{self.seed}:{number}"))  # whatever becomes of the others, this one is the same again
            took = time.monotonic() - acting
            if (
                took > LONG_S
            ):  # a broker or a venue that was long away: what was due meanwhile does not come all at once
                began += took
        self._finish_points(time.monotonic() + 60)
        self._calm()

    def terms(self) -> Terms:
        """What the judge is to hold the run to: the schedule says what it caused."""
        return Terms(
            drifted=frozenset(self.drifted),
            standing={HALTED: [HALT_COMMAND]},
            daily_notional={strategies.LIMITED: strategies.MAY_MOVE},
            causes=tuple(self._disturbances.causes),
            skews=tuple(self._disturbances.skews),
            interruptions=tuple(
                Interruption(process.spec["lane"], int(since * 1000), int(until * 1000))
                for process in self.system.executors
                for since, until in process.interruptions
            ),
        )

    def resolve_by_hand(self, patience_s: float) -> None:
        """A transaction that never came to its chain, and whose nonce is free, is unknown until an operator says so."""
        deadline = time.monotonic() + patience_s
        while unknown(self.system.watch.look()) and time.monotonic() < deadline:
            time.sleep(0.5)
        left = unknown(self.system.watch.data)
        acted = {
            (one["strategy_id"], one["loop_no"])
            for one in self.system.venue("GET", "/requests?limit=1000000")["requests"]
            if one["result"] == "acted"
        }
        for (strategy_id, loop_no), instruction_id in left.items():
            if (strategy_id, loop_no) not in acted:
                self.system.control(workload.resolve(strategy_id, instruction_id))
                self.happened["unknown resolved by hand"] += 1

    # the schedule

    def _schedule(self) -> Iterator[tuple[float, Act]]:
        span = self.seconds
        chance = random.Random(f"{self.seed}:schedule")
        for number in range(self.instructions):
            yield number * 0.9 * span / self.instructions, self._publish
        for mean, act in (
            (6.0, self._kill),
            (8.0, self._zombie),
            (16.0, self._come_and_go),
            (4.0, self._misbehave),
            (20.0, self._kill_in_transaction),
        ):
            at = chance.uniform(2, 2 + mean)
            while at < span:
                yield at, act
                at += chance.uniform(0.5 * mean, 1.5 * mean)
        disturbances = self._disturbances
        for mean, act in (
            (12.0, self._skew),
            (25.0, disturbances.skew_venues),
            (45.0, disturbances.jump),
            (40.0, disturbances.large),
            (15.0, self._resume),
            (30.0, self._remove_old),
            (40.0, self._skew_far),
            (7.0, disturbances.reorganise),
            (15.0, disturbances.forget),
            (20.0, disturbances.dear_gas),
        ):
            at = chance.uniform(2, mean)
            while at < span:
                yield at, act
                at += chance.uniform(0.5 * mean, 1.5 * mean)
        for number in range(max(1, round(span / 120))):  # each of these once in two minutes
            start, part = number * 120.0, min(span, 120.0)
            yield start + 0.3 * part, disturbances.kill_venues
            yield start + 0.4 * part, disturbances.kill_broker
            yield start + 0.55 * part, disturbances.restart_broker
        yield 0.95 * span, disturbances.large_and_unreadable
        yield 0.6 * span, self._drift
        yield 0.7 * span, self._blind

    def _publish(self, chance: random.Random) -> None:
        instructions = next(self._turns).next()
        self.system.publish(*instructions)
        self.happened["instructions published"] += len(instructions)

    def _kill(self, chance: random.Random) -> None:
        process = self._any(chance)
        process.kill()
        self.happened[f"SIGKILL {process.spec['component']}"] += 1

    def _zombie(self, chance: random.Random) -> None:
        process = self._any(chance)
        if not process.is_stopped:
            process.stop_for(chance.uniform(2.5, 5.0))
            self.happened[f"SIGSTOP {process.spec['component']}"] += 1

    def _kill_in_transaction(self, chance: random.Random) -> None:
        process = self._any(chance)
        process.arm(chance.choice(("in_transaction", "after_transaction", "before_submit")), "kill")
        self.happened["SIGKILL around a transaction (armed)"] += 1

    def _come_and_go(self, chance: random.Random) -> None:
        process = self._any(chance)
        if process.wanted and not process.is_stopped:
            process.end(grace_s=8.0)
            self._gone.append((chance.uniform(3, 8), process))
            self.happened["replica left and came back"] += 1

    def _misbehave(self, chance: random.Random) -> None:
        rule, (least, most) = chance.choice(FAULTS)
        lane = chance.choice((*self.system.config.lanes, None))
        duration = chance.uniform(least, most)
        self.system.fault(**rule, lane=lane, duration_s=duration, seed=chance.randrange(2**31))
        now = int(time.time() * 1000)
        until = now + int((duration + SLOW_S) * 1000)
        self._disturbances.causes.append(Cause("none", (UNREADABLE,), lane=lane, since_ms=now, until_ms=until))
        self.happened[f"venue: {rule['kind']}"] += 1

    def _remove_old(self, chance: random.Random) -> None:
        """A recording points to its inputs: where there is one, they stay."""
        if not self.system.config.record:
            self._disturbances.remove_old(chance)

    def _skew(self, chance: random.Random) -> None:
        self._disturbances.skew_component(self._any(chance), chance)

    def _skew_far(self, chance: random.Random) -> None:
        self._disturbances.skew_component(chance.choice(self.system.executors), chance, FAR_S)

    def _resume(self, chance: random.Random) -> None:
        """An operator looks after keys that a slow loop, or an ``unknown`` that is resolved by now, has halted."""
        data = self.system.watch.look()
        waiting = {strategy_id for strategy_id, _ in unknown(data)} | self.drifted.keys() | {HALTED, LARGE}
        for strategy_id, head in data.heads().items():
            codes = {halt["code"] for halt in head["halts"]}
            if codes and codes <= PASSING and strategy_id not in waiting and head["slot"] is None:
                halts = tuple(halt["halt_id"] for halt in head["halts"])
                self.system.control(workload.resume(strategy_id, halts))
                self.happened["key resumed by hand"] += 1

    def _drift(self, chance: random.Random) -> None:
        """One key of each lane, of those whose accounts are known by now: what is there before is no drift."""
        for lane, (key, amount) in DRIFTS.items():
            if lane in self.drifted.values():
                continue
            known = {
                seen.value["strategy_id"]
                for seen in self.system.watch.look().reconciliations
                if seen.value["lane"] == lane and seen.value["status"] == "matched"
            }
            if candidates := sorted(known - self.drifted.keys() - {strategies.LIMITED}):
                strategy_id = chance.choice(candidates)
                self.system.venue("POST", "/drift", lane=lane, account=strategy_id, position_key=key, amount=amount)
                self.drifted[strategy_id] = lane
                self.happened["drift"] += 1

    def _blind(self, chance: random.Random) -> None:
        """One key's order is done and its answer lost, and the venue does not tell for longer than evidence is waited
        for: the loop ends ``unknown``, the key halts, and what really happened comes as a correction.
        """
        seconds = self.system.config.timing.evidence + 4
        candidates = [one for one in self._strategies if "binance" in one.lanes and one.strategy_id not in self.drifted]
        strategy = chance.choice(candidates)
        strategy_id = strategy.strategy_id
        now = int(time.time() * 1000)
        cause = Cause("unknown", ("EXI-005",), strategy_id, "binance", now, now + int(1000 * (2 * seconds + SLOW_S)))
        self._disturbances.causes.append(cause)
        at = {"lane": "binance", "account": strategy_id, "duration_s": seconds}
        self.system.fault("down", operations=["find"], **at)
        self.system.fault("lost_after", operations=["order"], **at, count=1)
        self.system.publish(strategy.on("binance"))
        self.happened["venue: silent about an order"] += 1

    # points

    def _tend(self) -> None:
        for points in self._points:
            points.tend()
        self._disturbances.tend()
        self._bring_back()

    def _finish_points(self, deadline: float) -> None:
        """A slow machine has not come to every point by now: go on until it has."""
        while any(points.open for points in self._points) and time.monotonic() < deadline:
            self._publish(random.Random())
            for _ in range(10):
                self._tend()
                time.sleep(0.05)

    def _executors(self, point: str) -> list[Process]:
        return self.system.executors

    def _others(self, chance: random.Random) -> Callable[[str], list[Process]]:
        """All replicas of one component that is none of the executors."""
        asking = [one for one in OTHERS if one == "reconciliation"]

        def choose(point: str) -> list[Process]:
            return self.system.replicas_of(chance.choice(asking if point == ANSWER_POINT else OTHERS))

        return choose

    # everything is over

    def _bring_back(self, everybody: bool = False) -> None:
        for after, process in list(self._gone):
            if everybody or process.gone_for() >= after:
                process.wanted = True
                self._gone.remove((after, process))

    def _calm(self) -> None:
        self._disturbances.tend(everything=True)
        self.system.venue("DELETE", "/faults")
        self._bring_back(everybody=True)
        for process in self.system.components.values():
            process.disarm()
        self.system.until(self._all_drifted, 60, "a key of each lane has an account that can be made to drift", 0.5)
        for strategy in self._strategies:  # a key that was made to drift must halt
            lane = self.drifted.get(strategy.strategy_id)
            if lane is not None:
                self.system.publish(strategy.on(lane))
        self.system.producer.flush(60)

    def _all_drifted(self) -> bool:
        self._drift(random.Random(self.seed))
        return len(self.drifted) == len(DRIFTS)

    def _any(self, chance: random.Random) -> Process:
        return chance.choice([process for _, process in sorted(self.system.components.items())])
