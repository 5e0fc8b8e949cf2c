"""Slips in the journal of an engine in process: what is durable when, and what a start takes up."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

ENGINE = "runners/inprocess.py"
FILE = "runners/journal/file.py"
FRAMING = "runners/journal/framing.py"
JOURNAL = "runners/journal/journal.py"
LIVE = ("tests/unit/assembly/test_live_engine.py",)
BYTES = ("tests/unit/runners/journal",)

MUTANTS = (
    Mutant(
        "call-starts-before-its-intent-is-durable",
        "the machine fails behind the submission: the intent is gone, and the order is sent once more",
        ENGINE,
        """        if self._journal is not None and not all(isinstance(started.call, READS) for _, started in asked):
            self._journal.sync()
""",
        "",
        LIVE,
    ),
    Mutant(
        "subscribers-are-told-what-is-not-durable",
        "a result is told, and after the machine failed its loop ends in another",
        ENGINE,
        """        self._journal.sync()
        self.bus.release()
""",
        """        self.bus.release()
""",
        LIVE,
    ),
    Mutant(
        "durable-frames-are-cut-as-torn",
        "a disk has lost an intent that was acted on, and the journal starts without it and without a word",
        FRAMING,
        "        if later is not None and later.synced > last:\n",
        "        if False:\n",
        BYTES,
    ),
    Mutant(
        "two-processes-have-the-journal",
        "two engines act on the same intents",
        FILE,
        "            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n            if os",
        "            if os",
        BYTES,
    ),
    Mutant(
        "a-shorter-file-is-not-locked",
        "the same, once the journal was shortened",
        FILE,
        "            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n            size",
        "            size",
        BYTES,
    ),
    Mutant(
        "handled-records-are-handled-again",
        "a start gives every component all records since the journal was shortened once more",
        JOURNAL,
        "    seat.inbox = [one for one in seat.inbox if one.offset >= seat.read.get(one.topic, 0)]\n",
        "",
        LIVE,
    ),
    Mutant(
        "records-from-outside-are-not-journalled",
        "an instruction that was taken in, and not handled yet, is lost with the process",
        JOURNAL,
        "        bus.on_published = self.published\n",
        "",
        LIVE,
    ),
    Mutant(
        "another-environments-journal-is-taken-up",
        "orders of one environment are pursued with the credentials of another",
        JOURNAL,
        "        if frame.environment != self._environment:\n",
        "        if False:\n",
        LIVE,
    ),
    Mutant(
        "a-shorter-file-forgets-what-is-unread",
        "what waits in an inbox while the file is shortened is lost",
        JOURNAL,
        "            unread.update(((one.topic, one.partition, one.offset), one) for one in seat.inbox)\n",
        "",
        LIVE,
    ),
)
