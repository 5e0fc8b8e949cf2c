"""BUS: what readers of the bus are told: exports, frames, ranges. No record on a topic is touched."""

from __future__ import annotations

from tightloop.errors.catalogue.entry import ErrorEntry
from tightloop.records.types import Severity


def _entry(
    code: str,
    title: str,
    cause: str,
    operator: str,
    *,
    severity: Severity = "LOW",
    system: str = "Refuses before anything is read or written.",
) -> ErrorEntry:
    return ErrorEntry(
        code=code, title=title, severity=severity, component="bus-client", cause=cause, system=system, operator=operator
    )


ENTRIES = (
    _entry(
        "BUS-001",
        "an optional package is missing",
        "What was asked for needs a package that tightloop itself does not: pyarrow for Parquet, pandas for frames.",
        "Install the extra that the message names, or choose another format.",
    ),
    _entry(
        "BUS-002",
        "a file of the export cannot be written",
        "A file of that name is there already, or the folder cannot be written to: no permission, no room, no folder.",
        "Choose another folder, or give --overwrite to replace the files of an earlier export; make room.",
        system="Leaves the folder as it was: files appear only when all of them are complete.",
        severity="MEDIUM",
    ),
    _entry(
        "BUS-003",
        "no such range of records",
        "A range ends before it begins, begins after its partition's end, or names a partition that is not there; or "
        "retention removed records of it while they were read.",
        "Correct the range: the message says what there is. Where retention was faster, export again.",
        system="Exports nothing, and leaves the folder as it was.",
    ),
    _entry(
        "BUS-004",
        "topic is no table",
        "The topic has no contract, or it is a component's state, whose entries are of several kinds and nobody else's "
        "business.",
        "Correct the topic's name: docs/contracts.md lists those with records.",
    ),
)
