"""A storm by hand, as long as one likes: ``python -m tests.chaos.run --seconds 600 --instructions 1500 --seed 7``.

It prints its seed, what happened, and the judge's verdict; the exit code is 0 when that is passed. ``--folder`` keeps
the logs of all processes and, of a failure, what the judge saw (``records.txt`` to read, ``records.pickle`` to judge
again: ``tightloop.checker.judge(**pickle.load(…))``). The machine should have two cores to itself.
"""

from __future__ import annotations

import argparse
import pickle
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.settled import settled
from tests.chaos.storm import HALT_COMMAND, HALTED, Storm
from tests.chaos.strategies import LANES, LIMITED, MAY_MOVE
from tests.support.recorded_runs import differences, on_topics, played

from tightloop.assembly.limits import LimitsSection
from tightloop.broker import EmbeddedBroker
from tightloop.checker import Terms, Verdict, Watch
from tightloop.client.recordings import read_recordings
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.venues.sim.chain_settings import chain as chain_settings
from tightloop.venues.sim.settings import SimSettings

DRAIN_S = 240.0
# Two of each component, so that one takes over from the other; of two lanes one, which must come back itself.
REPLICAS = {
    "interface-manager": 2,
    "executor": 2,
    "position-update-handler": 2,
    "reconciliation": 2,
    "bybit": 1,
    "okx": 1,
}
CONFIRMATIONS, BLOCK_TIME_S = 3, 0.2
EVIDENCE_S = 30.0  # how long the venues have, once all is calm, to show how unknown intents ended


def new_seed() -> int:
    return secrets.randbelow(2**31) + 1


def venues() -> SimSettings:
    """A chain on which a transaction is final once three blocks hold it, so that the storm can take two away."""
    chain = replace(chain_settings("ethereum"), confirmations=CONFIRMATIONS, block_time_s=BLOCK_TIME_S)
    return SimSettings(chains=(chain,))


def limits() -> LimitsSection:
    """One strategy may move so much a day, however often its manager is killed meanwhile."""
    return LimitsSection.model_validate({"strategies": {LIMITED: {"daily_notional": str(MAY_MOVE)}}})


def run(
    seed: int,
    seconds: float,
    instructions: int,
    prefix: str,
    folder: Path,
    tell: Callable[[str], object],
    record: bool = False,
) -> tuple[Storm, Verdict]:
    """The storm, the calm after it, and what the judge says. ``record``: all of it is recorded and played again, which
    must give the same bytes; old records then stay. Raises AssertionError for what differs.
    """
    began = time.monotonic()
    tell(f"\nchaos: seed {seed}, {seconds:.0f} s, logs in {folder}\n")
    with (
        EmbeddedBroker() as broker,
        System(
            broker.bootstrap,
            prefix,
            folder,
            venues=venues(),
            lanes=LANES,
            replicas=REPLICAS,
            record=record,
            limits=limits(),
        ) as system,
    ):
        storm = Storm(system, broker, seed, seconds, instructions)
        try:
            system.control(workload.halt(HALTED, HALT_COMMAND))
            system.publish(workload.instruction(HALTED, "refused", **workload.market()))
            storm.blow()
            system.until_results(DRAIN_S)
            storm.resolve_by_hand(EVIDENCE_S)
            system.until(lambda: settled(system.watch), DRAIN_S, "every loop has ended and nothing is unknown", 0.5)
            verdict = system.watch.judge(storm.terms())
        except BaseException:
            _keep_evidence(system.watch, storm.terms(), folder)
            raise
        tell(_told(storm, system, time.monotonic() - began) + f"{verdict}\n")
        if not verdict.passed:
            _keep_evidence(system.watch, storm.terms(), folder)
        if record:
            _play_again(system, tell)
        return storm, verdict


def _play_again(system: System, tell: Callable[[str], object]) -> None:
    for process in system.components.values():
        process.end(grace_s=10)
    recorded = read_recordings(KafkaSettings(bootstrap=system.bootstrap, prefix=system.prefix))
    wrong = differences(played(recorded, system.config, system.partitions), on_topics(system.config))
    tell(f"{len(recorded.commits)} commits were recorded, and played: {'; '.join(wrong) or 'the same bytes'}\n")
    assert not wrong, wrong


def _told(storm: Storm, system: System, seconds: float) -> str:
    happened = ", ".join(f"{what} {count}" for what, count in sorted(storm.happened.items()))
    outcomes = Counter(
        f"{one.value['status']}/{one.value['outcome']}"
        for one in system.watch.data.results
        if not one.value["resolves"]
    )
    starts = sum(process.starts for process in system.components.values())
    return f"after {seconds:.0f} s: {happened}; {starts} starts\nresults: {dict(outcomes)}\n"


def _keep_evidence(watch: Watch, terms: Terms, folder: Path) -> None:
    """Everything the judge saw, to look for the cause in."""
    with (folder / "records.pickle").open("wb") as kept:
        pickle.dump({"data": watch.data, "terms": terms}, kept)
    with (folder / "records.txt").open("w") as file:
        for topic in sorted(watch.data.topics):
            for one in watch.data.topics[topic]:
                file.write(f"{one.at_ms} {one.place} {one.key} {one.kind} {one.value}\n")
        for request in watch.data.venues.requests:
            file.write(f"request {request}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long it blows")
    parser.add_argument("--instructions", type=int, default=1500, help="how many times a strategy publishes")
    parser.add_argument("--seed", type=int, default=0, help="of an earlier run, to run it again")
    parser.add_argument("--folder", type=Path, help="where to keep the logs; it must not exist")
    parser.add_argument("--record", action="store_true", help="record it, and play the recording; old records stay")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="tightloop-chaos-"))
    folder.mkdir(parents=True, exist_ok=asked.folder is None)
    seed = asked.seed or new_seed()
    _, verdict = run(seed, asked.seconds, asked.instructions, f"chaos-{seed}.", folder, sys.stdout.write, asked.record)
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main())
