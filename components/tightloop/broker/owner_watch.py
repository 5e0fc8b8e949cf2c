"""Ends the broker when the program that owns it has ended in any way.

A shell waits at a pipe whose other end only the owner holds. When the owner dies, even by SIGKILL, the kernel closes
the pipe, and the shell acts. PR_SET_PDEATHSIG would not do: it has to be set between fork and exec, which is unsafe
with threads, it fires when the starting *thread* ends, and only Linux has it. The shell costs one megabyte and sleeps.
"""

from __future__ import annotations

import os
import subprocess
import weakref
from pathlib import Path

# $1: the broker's pid; $2: its temporary data, or nothing. Data that is kept gets an orderly stop first.
_SCRIPT = """
read -r _
kill -CONT "$1" 2>/dev/null
if [ -n "$2" ]; then kill -KILL "$1"; else kill -TERM "$1"; fi 2>/dev/null
n=0; while kill -0 "$1" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
kill -KILL "$1" 2>/dev/null
[ -z "$2" ] || rm -rf -- "$2"
"""

_LIVE: weakref.WeakSet[Watchdog] = weakref.WeakSet()


class Watchdog:
    """Watches over the process ``pid`` until ``dismiss`` is called; ``remove`` is deleted with it."""

    def __init__(self, pid: int, remove: Path | None) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "tightloop-broker-watchdog", str(pid), str(remove or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _LIVE.add(self)

    def dismiss(self) -> None:
        """Ends the watch; the broker and its data are left as they are."""
        self._shell.kill()
        self._shell.wait()
        self.let_go()

    def let_go(self) -> None:
        """Closes this process's end of the pipe."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()


def _let_go_in_child() -> None:
    """A forked child would hold the pipe open, and the owner's death would go unnoticed."""
    for watchdog in list(_LIVE):
        watchdog.let_go()


os.register_at_fork(after_in_child=_let_go_in_child)
