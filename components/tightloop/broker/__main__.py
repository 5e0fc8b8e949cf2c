"""``python -m tightloop.broker``: an embedded broker in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from tightloop.broker.console import console_progress
from tightloop.broker.embedded import EmbeddedBroker
from tightloop.broker.jars import ensure_jars
from tightloop.broker.java import find_java
from tightloop.broker.prepare import ensure_prepared
from tightloop.errors import ExecutionError


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 after an orderly end, 3 when the broker cannot be had."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways to be asked to stop are one
    try:
        return _prepare() if options.prepare else _run(options)
    except ExecutionError as error:
        sys.stderr.write(f"{error}\n{error.remedy}\n")
        return 3


def _prepare() -> int:
    with console_progress() as report:
        jars = ensure_jars(report)
        ensure_prepared(find_java(), jars, report)
    sys.stdout.write(f"{jars[0].parent}\n")
    return 0


def _run(options: argparse.Namespace) -> int:
    broker = EmbeddedBroker(options.data, options.port, fast=options.fast, heap_mb=options.heap)
    try:
        with console_progress() as report:
            broker.start(report)
        sys.stdout.write(f"{broker.bootstrap}\n")
        sys.stdout.flush()
        broker.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        broker.stop()
    sys.stderr.write("The broker ended by itself.\n")
    return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tightloop.broker",
        description="A real Apache Kafka on loopback, until Ctrl-C. Its address is printed once it takes requests.",
        epilog="example: python -m tightloop.broker --port 9092 --data ./kafka",
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; a free one by default")
    parser.add_argument("--data", type=Path, help="directory to keep the data in; temporary by default")
    parser.add_argument("--fast", action="store_true", help="the full JIT: slower to start, faster once warm")
    parser.add_argument("--heap", type=int, metavar="MIB", help="largest heap of the JVM")
    parser.add_argument("--prepare", action="store_true", help="only fill the cache, and print where the jars are")
    return parser


if __name__ == "__main__":
    sys.exit(main())
