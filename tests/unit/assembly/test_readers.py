"""What reconciliation is given to look at venues with can't trade."""

from __future__ import annotations

import inspect

from tightloop.assembly import build
from tightloop.assembly.config import Config
from tightloop.venues.adapter import VenueAdapter, VenueReader
from tightloop.venues.sim.inprocess import InProcessReader

READS = {"open", "positions", "ledger", "find_arrival", "deposit_address", "close"}


def methods(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def test_reconciliation_gets_no_method_that_changes_anything() -> None:
    config = Config.model_validate({"lanes": ["binance", "okx", "ethereum"]})
    readers = build.make_adapters("reconciliation", None, config)
    assert set(readers) == {"binance", "okx", "ethereum"}
    for reader in readers.values():
        assert methods(type(reader)) == READS
        assert not isinstance(reader, VenueAdapter)
    for lane in config.lanes:
        acting = build.make_adapters("executor", lane, config)[lane]
        assert isinstance(acting, VenueAdapter)
        assert methods(type(acting)) - READS == {"prepare", "replace", "submit", "find", "cancel"}


def test_a_reader_is_the_lesser_half_of_an_adapter_in_process_too() -> None:
    assert methods(InProcessReader) == READS == methods(VenueReader)
