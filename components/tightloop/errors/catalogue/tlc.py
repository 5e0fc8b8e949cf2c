"""TLC: records that cannot be handled at all, on any component."""

from __future__ import annotations

from tightloop.errors.catalogue.entry import ErrorEntry
from tightloop.records.types import Severity

_HALTS = "Writes the record, byte for byte, to `dead_letters` and halts its key; other keys go on."
_NO_HALT = "Writes the record, byte for byte, to `dead_letters`; no key is halted."
_NO_START = "Refuses to start: nothing is sent, and the file stays as it is."
_RETRY = "Correct its writer; once this side can read it, `tightloop dead-letters retry`; then resume the key."


def _entry(
    code: str,
    title: str,
    cause: str,
    *,
    system: str = _HALTS,
    operator: str = _RETRY,
    severity: Severity = "HIGH",
    halts: bool = True,
) -> ErrorEntry:
    return ErrorEntry(
        code=code,
        title=title,
        severity=severity,
        component="runtime",
        cause=cause,
        system=system,
        operator=operator,
        halts=halts,
    )


ENTRIES = (
    _entry(
        "TLC-001",
        "not a record of ours",
        "The value is too short for the five bytes before every record, or does not begin with the magic byte 0.",
        operator="Find the program that writes it: values are Avro with Confluent's five-byte header. Then resume the "
        "key.",
    ),
    _entry(
        "TLC-002",
        "unknown schema id",
        "The value names a schema id that the catalogue of this version does not have.",
        operator="Upgrade the components to a version that knows the id, or correct the publisher; "
        "then `tightloop dead-letters retry` and resume the key.",
    ),
    _entry(
        "TLC-003",
        "truncated or corrupt body",
        "The bytes after the header are not what the schema says: they end early, are too many, or have no meaning.",
    ),
    _entry(
        "TLC-004",
        "wrong type for the topic",
        "The value is a record of ours, but not of the type that the topic holds.",
    ),
    _entry(
        "TLC-005",
        "no key",
        "The record has no key, or one that is not text: it belongs to no strategy.",
        system=_NO_HALT,
        halts=False,
        operator="Make the publisher set the strategy_id as the key, and publish again.",
    ),
    _entry(
        "TLC-006",
        "wrong partition",
        "The key does not belong on the partition it arrived on: the publisher uses another partitioner.",
        system=_NO_HALT,
        halts=False,
        operator="Set `partitioner=murmur2_random` on the publisher (librdkafka), or use the Java client's default, "
        "and publish again.",
    ),
    _entry(
        "TLC-007",
        "key and strategy_id differ",
        "The record's key is not the strategy_id inside it.",
        system="Writes the record, byte for byte, to `dead_letters` and halts the Kafka key; other keys go on.",
        operator="Make the publisher set the strategy_id as the key; then resume the key.",
    ),
    _entry(
        "TLC-008",
        "unknown enum symbol",
        "An enum holds `UNKNOWN`, or a symbol this version does not have: nothing may act on it.",
        operator="Upgrade the components, or correct the publisher; then `tightloop dead-letters retry` and resume.",
    ),
    _entry(
        "TLC-009",
        "amount out of range",
        "An amount is not a number, infinite, has more than 18 places, or is 10^58 or more.",
    ),
    _entry(
        "TLC-010",
        "too large",
        "The record is larger than its topic allows.",
        operator="Make it smaller: fewer actions, checks or notes in one record.",
    ),
    _entry(
        "TLC-011",
        "record does not fit its schema",
        "A record that was to be written has a value that its schema does not allow; the message names the field.",
        system="Refuses to write it. Within a component the event is undone, its record goes to `dead_letters`, and "
        "its key "
        "is halted; other keys go on.",
        operator="Correct what wrote the record; then `tightloop dead-letters retry` and resume the key.",
    ),
    _entry(
        "TLC-012",
        "input overtaken by retention",
        "A component starts where it stood, and the log of an input begins later: records were removed before it read "
        "them. It was down, or stood still, for longer than the topic keeps its records.",
        system="Ends the component, each time it is started, as it is not known whose records they were.",
        operator="Find out what was missed, halt the keys that it may concern, and only then set the group to the "
        "log's "
        'beginning: docs/operators.md, "Retention has overtaken a component".',
        severity="CRITICAL",
    ),
    _entry(
        "TLC-013",
        "state entry cannot be read",
        "An entry of the component's own state topic was written by a newer version, or is damaged.",
        system="Leaves the entry as it is. The record whose handling needed it goes to `dead_letters`, and the key is "
        "halted; other keys go on.",
        operator="Start the version that wrote the entry again. Then `tightloop dead-letters retry` the refused "
        "records, "
        "and resume the key.",
        severity="CRITICAL",
    ),
    _entry(
        "TLC-014",
        "too large to be written",
        "A record or state entry that an event would write is larger than its topic takes.",
        system="Undoes the event, writes its record to `dead_letters` and halts its key; other keys go on.",
        operator="The message names topic, entry and size: make the records smaller that it is made of; then "
        "`tightloop dead-letters retry` and resume the key.",
    ),
    _entry(
        "TLC-015",
        "key too long",
        "The record's key is longer than 1,024 bytes, which no strategy_id is.",
        system=_NO_HALT + " The letter has no key of its own; the record's is inside it.",
        halts=False,
        operator="Make the publisher set the strategy_id as the key, and publish again.",
    ),
    _entry(
        "TLC-016",
        "key stopped: a halt could not be written",
        "A record of the key could not be processed, and the component failed to write the halt for it as well.",
        system="Keeps the halt in its state and tries to write it before every further event of the key; until it can, "
        "nothing of the key is handled, and its records go to `dead_letters`. Other keys go on.",
        operator="Look for the cause in the component's log (`a halt could not be written`) and correct it; in "
        "most cases that needs a fixed version. Then `tightloop dead-letters retry` the refused records, and resume "
        "the key.",
        severity="CRITICAL",
    ),
    _entry(
        "TLC-017",
        "journal damaged",
        "The journal of an engine in process, a local file, is none, or part of it that was durable can't be read: the "
        "disk has lost or changed it, or something else wrote to the file.",
        system=_NO_START,
        operator="Keep the file. What it held of open orders is at the venue: halt and look there before anything is "
        "traded again; then start with another file, which takes the accounts over as they are (adopt).",
        severity="CRITICAL",
    ),
    _entry(
        "TLC-018",
        "journal of another version or system",
        "The journal was written in a form that this version does not know, or for another environment, another number "
        "of partitions, or a component that the configuration does not have.",
        system=_NO_START,
        operator="Start the version, and the configuration, that wrote it. A lane may be taken away once its journal "
        "holds no open order.",
        severity="CRITICAL",
    ),
    _entry(
        "TLC-019",
        "journal in use",
        "Another process has the journal open: two engines would act on the same intents.",
        system=_NO_START,
        operator="End the other process, or let it be the one. The lock ends with its process.",
        severity="CRITICAL",
    ),
    _entry(
        "TLC-020",
        "journal cannot be written",
        "The file system refused to open, write or sync the journal: no space, no permission, or a failing disk.",
        system="Stops the engine, and sends nothing more: what was not journalled is not acted on. What was written "
        "before is there.",
        operator="Mend what the message names and start again: every open intent is asked for at its venue.",
        severity="CRITICAL",
    ),
)
