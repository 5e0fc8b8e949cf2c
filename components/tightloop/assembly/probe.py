"""Health, readiness, metrics and status of one component, over HTTP: on loopback, unless another host is given."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tightloop.errors import ExecutionError
from tightloop.runners import metrics
from tightloop.runners.kafka.runner import KafkaRunner

LOOPBACK = "127.0.0.1"
LIVE_S = 15.0  # the loop passes several times a second; a transaction may take five


def describe(runner: KafkaRunner) -> dict[str, Any]:
    """``live``: the loop turns; ``ready``: every partition assigned is restored; ``partitions``: those worked on."""
    active = dict(runner.assignment.active)
    return {
        "component": runner.handler.name,
        "replica": runner.settings.replica,
        "pid": os.getpid(),
        "live": time.monotonic() - runner.last_pass < LIVE_S,
        "ready": runner.ready,
        "partitions": sorted(active),
        "restoring": runner.assignment.restoring,
        "calls_under_way": sum(worker.calls_under_way for worker in active.values()),
        "state_entries": sum(len(worker.state) for worker in active.values()),
    }


def _set_gauges(status: dict[str, Any]) -> None:
    """What is only worth knowing when somebody looks."""
    component = status["component"]
    metrics.PARTITIONS.labels(component, "active").set(len(status["partitions"]))
    metrics.PARTITIONS.labels(component, "restoring").set(status["restoring"])
    metrics.STATE_ENTRIES.labels(component).set(status["state_entries"])


class Probe:
    """``/live`` and ``/ready`` answer 200 or 503, ``/status`` JSON, ``/metrics`` Prometheus' text.

    ``port`` 0: a free one. Raises ExecutionError EIF-010 when host and port can't be listened on.
    """

    def __init__(self, runner: KafkaRunner, port: int, host: str = LOOPBACK) -> None:
        try:
            self._server = ThreadingHTTPServer((host, port), _handler_for(runner))
        except OSError as error:
            raise ExecutionError(
                "EIF-010",
                f"the probe cannot listen on {host}:{port}: {error}",
                remedy="Correct --probe-host or --probe-port, or end what listens there.",
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="probe", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler_for(runner: KafkaRunner) -> type[BaseHTTPRequestHandler]:
    def answers() -> dict[str, Callable[[], tuple[int, str, bytes]]]:
        status = describe(runner)
        _set_gauges(status)
        shown = json.dumps(status).encode()
        return {
            "/live": lambda: (200 if status["live"] else 503, "application/json", shown),
            "/ready": lambda: (200 if status["ready"] else 503, "application/json", shown),
            "/status": lambda: (200, "application/json", shown),
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(metrics.REGISTRY)),
        }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers().get(self.path)
            code, kind, body = answer() if answer else (404, "text/plain", b"/live, /ready, /status, /metrics\n")
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes are asked every few seconds: nothing to log."""

    return Handler
