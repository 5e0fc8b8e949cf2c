"""What an executor is told: its lane, and the times by which it judges evidence, in seconds."""

from __future__ import annotations

from msgspec import Struct

from tightloop.domain.backoff import backoff
from tightloop.domain.directory import Directory, LaneSpec
from tightloop.handlers.executor.evidence import Policy
from tightloop.handlers.executor.nonce import NoncePolicy
from tightloop.handlers.executor.window import WindowPolicy

_POLICIES: dict[str, Policy] = {"window": WindowPolicy(), "nonce": NoncePolicy()}


class ExecutorSettings(Struct, frozen=True, kw_only=True):
    """Raises ValueError for times that could not hold guarantee 3 (docs/architecture.md)."""

    lane: LaneSpec  # with its windows, and what keeps a late request from acting there
    directory: Directory
    environment: str = "dev"
    clock_margin_s: float = 0.5
    evidence_s: float = 60.0  # without evidence for so long, a loop ends `unknown`
    poll_s: float = 0.25  # how soon a working order is asked for again; doubles up to `poll_max_s`
    poll_max_s: float = 2.0
    read_s: float = 10.0  # how long a preparation, refresh, verify or adopt tries to read the venue
    replace_s: float = 30.0  # how long a transaction may be pending before its fees are raised (chains)
    arrival_s: float = 3600.0  # how long a transfer may be under way before its key halts
    arrival_poll_s: float = 0.5  # how soon its destination is asked again; doubles up to `arrival_poll_max_s`
    arrival_poll_max_s: float = 5.0
    watch_s: float = 5.0  # how soon an unknown intent is asked for again; doubles up to `watch_max_s`
    watch_max_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("evidence_s", "poll_s", "read_s", "replace_s", "watch_s", "arrival_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above zero, not {getattr(self, name)}")
        for name in ("send_window_s", "acceptance_window_s"):
            if getattr(self.lane, name) <= 0:
                raise ValueError(f"{name} of {self.lane.name} must be above zero, not {getattr(self.lane, name)}")
        if self.clock_margin_s < 0:
            raise ValueError(f"clock_margin_s must not be negative, not {self.clock_margin_s}")
        if self.evidence_s <= self.absence_s:
            raise ValueError(
                f"evidence_s ({self.evidence_s}) must be above send window + acceptance window + clock margin "
                f"({self.absence_s}): before that, 'not found' is no evidence"
            )

    def poll_pause(self, earlier: int) -> float:
        """Seconds until a venue is asked again, after ``earlier`` questions that told nothing new."""
        return backoff(self.poll_s, self.poll_max_s, earlier)

    def watch_pause(self, earlier: int) -> float:
        """The same for an intent whose loop has ended without evidence."""
        return backoff(self.watch_s, self.watch_max_s, earlier)

    def arrival_pause(self, earlier: int) -> float:
        """The same for a transfer: of its source and of its destination."""
        return backoff(self.arrival_poll_s, self.arrival_poll_max_s, earlier)

    @property
    def absence_s(self) -> float:
        """How long after the journalled time 'not found' begins to count as evidence."""
        return self.lane.send_window_s + self.lane.acceptance_window_s + self.clock_margin_s

    @property
    def policy(self) -> Policy:
        """What "not found" proves on this lane."""
        return _POLICIES[self.lane.policy]
