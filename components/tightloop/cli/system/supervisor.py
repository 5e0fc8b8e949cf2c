"""The supervisor: keeps broker, simulated venues and every component running until it is told to end.

``python -m tightloop.cli.system.supervisor PLAN`` is started by ``tightloop up`` and ``demo``; ``PLAN`` is a file that
``plan.py`` writes. With ``until_closed`` it ends when its standard input is closed, as it is when its owner ends in any
way.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import psutil
import structlog

from tightloop.broker import EmbeddedBroker, Step
from tightloop.broker.ports import free_port
from tightloop.cli import logs
from tightloop.cli.system.child import Child, Spec, tail_of
from tightloop.cli.system.plan import Plan, component_specs, read_plan, simulator_spec
from tightloop.cli.system.system_state import Phase, Problem, SystemState, write_state
from tightloop.errors import ExecutionError
from tightloop.records.topics import all_topics
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin

log = structlog.get_logger()
PASS_S = 0.05
GRACE_S = 10.0  # for components that finish what is under way
FAILED_AFTER = 4  # restarts of one process before the first start counts as failed


class Supervisor:
    """``run`` returns when everything has ended."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._broker: EmbeddedBroker | None = None
        self._children: list[Child] = []
        self._stopping = False
        self._phase: Phase = "starting"
        self._step = ""
        self._problem: Problem | None = None
        self._bootstrap = plan.config.bootstrap
        self._simulator = plan.config.simulator
        self._created = psutil.Process().create_time()
        self._started_at = datetime.now(UTC)
        self._broker_due = 0.0

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> int:
        try:
            self._start()
            self._keep()
            return 0
        except ExecutionError as error:
            log.error("the system could not be started", code=error.code, error=error.message)
            self._problem = Problem(error.code, error.message, error.remedy)
            return 1
        finally:
            self._end()

    # --- starting -----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._write("starting", "Starting")
        port = 0 if self._bootstrap else free_port()  # the venues start first, and are told where the broker will be
        if self.plan.starts_simulator:
            spec = simulator_spec(self.plan, self._bootstrap or f"127.0.0.1:{port}")
            self._simulator = f"127.0.0.1:{spec.port}"
            self._launch(spec)
        if not self._bootstrap:
            self._start_broker(port)
        self._write("starting", "Creating the topics")
        self._create_topics()
        for spec in component_specs(self.plan, self._bootstrap, self._simulator):
            self._launch(spec)
        self._write("starting", "Waiting until every component is ready")

    def _start_broker(self, port: int) -> None:
        self._broker = EmbeddedBroker(self.plan.directory / "broker", port, fast=self.plan.fast)
        self._broker.start(self._progress)
        self._bootstrap = self._broker.bootstrap

    def _progress(self, step: Step) -> None:
        size = f" ({step.done / 1e6:.0f} of {step.total / 1e6:.0f} MB)" if step.total else ""
        self._write("starting", f"{step.text}{size}")

    def _create_topics(self) -> None:
        from tightloop.client.connect import reaching

        config = self.plan.config
        settings = KafkaSettings(bootstrap=self._bootstrap, prefix=config.prefix, client=dict(config.kafka))
        with reaching(self._bootstrap):
            TopicAdmin(settings).create(all_topics(config.lanes), self.plan.partitions)

    def _launch(self, spec: Spec) -> None:
        child = Child(spec, self.plan.logs / f"{spec.name}.log", self.plan.environment)
        child.start()
        self._children.append(child)
        self._write(self._phase, self._step)  # from now on the process can be found, also when this one is killed

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        while not self._stopping and not self._owner_gone():
            changed = [child.watch() for child in self._children]
            changed.append(self._watch_broker())
            if self._phase == "starting":
                self._check_start()
            if any(changed):
                self._write(self._phase, self._step)
            time.sleep(PASS_S)

    def _check_start(self) -> None:
        """Raises ExecutionError EIF-010 when a process keeps ending before all were ready once."""
        if all(child.ready for child in self._children):
            self._write("ready", "")
            return
        for child in self._children:
            state = child.describe(False)
            if state.restarts >= FAILED_AFTER:
                said = "\n".join(tail_of(Path(state.log)))
                raise ExecutionError(
                    "EIF-010",
                    f"{state.name} ended {state.restarts} times (exit code {state.exit_code}); its log ends:\n{said}",
                    remedy=f"Correct what {state.log} complains of.",
                )

    def _watch_broker(self) -> bool:
        if self._broker is None or self._broker.is_running or time.monotonic() < self._broker_due:
            return False
        log.warning("the broker ended, and is started again")
        self._broker_due = time.monotonic() + 1.0
        try:
            self._broker.start()
        except ExecutionError as error:
            log.error("the broker could not be started again", code=error.code, error=error.message)
        return True

    def _owner_gone(self) -> bool:
        if not self.plan.until_closed:
            return False
        readable, _, _ = select.select([0], [], [], 0)
        return bool(readable) and os.read(0, 1024) == b""

    # --- ending -------------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        self._write("stopping", "Stopping")
        deadline = time.monotonic() + GRACE_S
        for child in self._children:
            if child.spec.component != "simulator":
                child.terminate()
        for child in reversed(self._children):  # the venues last: components may still be asking them
            child.terminate()
            child.kill(deadline)
        if self._broker is not None:
            self._broker.stop()
        self._write("failed" if self._problem else "stopped", "")

    def _write(self, phase: Phase, step: str) -> None:
        self._phase, self._step = phase, step
        broker_pid, broker_created = self._broker_process()
        ended = phase in ("stopped", "failed")
        write_state(
            self.plan.directory,
            SystemState(
                pid=os.getpid(),
                created=self._created,
                phase=phase,
                step=step,
                started_at=self._started_at,
                bootstrap=self._bootstrap,
                prefix=self.plan.config.prefix,
                simulator=self._simulator,
                broker_pid=broker_pid,
                broker_created=broker_created,
                processes=tuple(child.describe(ended) for child in self._children),
                problem=self._problem,
            ),
        )

    def _broker_process(self) -> tuple[int | None, float | None]:
        if self._broker is None or not self._broker.is_running:
            return None, None
        try:
            pid = self._broker.pid
            return pid, psutil.Process(pid).create_time()
        except (ExecutionError, psutil.Error):  # it ended just now
            return None, None


def main(arguments: list[str]) -> int:
    logs.configure()
    supervisor = Supervisor(read_plan(Path(arguments[0])))
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, supervisor.stop)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
