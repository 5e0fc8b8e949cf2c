"""What an endpoint of a live exchange's own may be: ``check`` of the exchanges' plug-ins."""

from __future__ import annotations

from urllib.parse import urlsplit

from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.venues.credentials import Credentials

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def check_endpoint(lane: LaneSpec, credentials: Credentials) -> None:
    """Raises ExecutionError EIF-010 for one in the clear, or with a path: the exchange's own paths follow it."""
    if lane.endpoint is None:
        return
    parts = urlsplit(lane.endpoint)
    if parts.path.strip("/"):
        raise ExecutionError("EIF-010", f"lanes.{lane.name}.endpoint: {lane.endpoint} must end with its host and port")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ExecutionError("EIF-010", f"lanes.{lane.name}.endpoint: {lane.endpoint} is in the clear: use https")
