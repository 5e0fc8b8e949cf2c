"""Starting and ending a system from the outside: its supervisor, and what a dead supervisor left running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from tightloop.broker import EmbeddedBroker
from tightloop.cli.system.plan import Plan, write_plan
from tightloop.cli.system.system_state import SystemState, read_state
from tightloop.errors import ExecutionError

STOP_S = 40.0
_POLL_S = 0.05


def start_system(plan: Plan, step: Callable[[str], None], timeout_s: float = 120.0) -> subprocess.Popen[bytes]:
    """Starts the supervisor, and returns once every process is ready. ``step`` is told what is being done.

    Raises ExecutionError: EIF-010 when one runs already or a process does not come up, else the supervisor's own error.
    """
    before = read_state(plan.directory)
    if before is not None and before.is_alive:
        raise ExecutionError(
            "EIF-010",
            f"a system runs from {plan.directory} already (pid {before.pid})",
            remedy="End it with `tightloop down`, or name another --dir.",
        )
    if before is not None:
        end_leftovers(before)
        end_broker(plan.directory / "broker")  # it ends with its supervisor, within a second
    supervisor = _launch(plan)
    try:
        await_ready(plan, supervisor, step, timeout_s)
    except BaseException:
        end_supervisor(supervisor)
        raise
    return supervisor


def _launch(plan: Plan) -> subprocess.Popen[bytes]:
    file = write_plan(plan)
    with (plan.logs / "supervisor.log").open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tightloop.cli.system.supervisor", str(file)],
            stdin=subprocess.PIPE if plan.until_closed else subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **plan.environment},
            start_new_session=True,  # it outlives this terminal, and Ctrl-C reaches its owner alone
        )


def await_ready(
    plan: Plan, supervisor: subprocess.Popen[bytes], step: Callable[[str], None], timeout_s: float
) -> SystemState:
    deadline = time.monotonic() + timeout_s
    said = ""
    while True:
        state = read_state(plan.directory)
        own = state if state is not None and state.pid == supervisor.pid else None
        if own is not None and own.problem is not None:
            raise ExecutionError(own.problem.code, own.problem.message, remedy=own.problem.remedy)
        if own is not None and own.phase == "ready":
            return own
        if own is not None and own.step != said:
            said = own.step
            step(said)
            deadline = max(deadline, time.monotonic() + timeout_s)  # a download makes steps as long as it goes on
        if supervisor.poll() is not None:
            log = plan.logs / "supervisor.log"
            raise ExecutionError("EIF-010", f"the supervisor ended with {supervisor.returncode}; its log is {log}")
        if time.monotonic() > deadline:
            raise ExecutionError("EIF-010", f"not every process was ready within {timeout_s:g} s; logs: {plan.logs}")
        time.sleep(_POLL_S)


def end_supervisor(supervisor: subprocess.Popen[bytes]) -> None:
    """In order: it ends everything it started. Returns when it is gone."""
    if supervisor.stdin is not None:
        supervisor.stdin.close()
    if supervisor.poll() is None:
        supervisor.terminate()
    try:
        supervisor.wait(STOP_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()


def stop_system(state: SystemState) -> int:
    """Ends the supervisor and all that it started, by their process ids; how many processes that were."""
    running = len(state.survivors) + int(state.broker_pid is not None and state.has_broker)
    if state.is_alive:
        supervisor = psutil.Process(state.pid)
        supervisor.terminate()
        try:
            supervisor.wait(STOP_S)
        except psutil.TimeoutExpired:
            supervisor.kill()
    end_leftovers(state)
    return running


def end_leftovers(state: SystemState) -> None:
    """What a supervisor that was killed left behind."""
    orphans = []
    for one in state.survivors:
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile, as it should
            orphan = psutil.Process(one.pid)
            orphan.terminate()
            orphans.append(orphan)
    _, stubborn = psutil.wait_procs(orphans, timeout=10)
    for orphan in stubborn:
        with suppress(psutil.NoSuchProcess):
            orphan.kill()
    psutil.wait_procs(stubborn, timeout=10)


def end_broker(data_dir: os.PathLike[str]) -> None:
    """The embedded broker on ``data_dir``, should it still run."""
    try:
        EmbeddedBroker.attach(os.fspath(data_dir)).stop()
    except ExecutionError as error:
        if error.code != "BRK-005":  # none runs there any more, as it should
            raise
