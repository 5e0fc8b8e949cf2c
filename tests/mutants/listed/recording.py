"""Slips in the recording: it is looked at after an incident, and must say what happened, no more and no less."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

RECORDER = "runners/recording/recorder.py"
REPLAY = "runners/recording/replay.py"
PARTS = "runners/recording/parts.py"
WORKER = "runners/worker.py"
ANSWERS = "runners/answers.py"
UNIT = ("tests/unit/runners/test_recording.py", "tests/unit/runners/test_recording_on_kafka.py")

MUTANTS = (
    Mutant(
        "recording-keeps-what-was-undone",
        "an aborted transaction's events are in the recording as if they had happened, and again when they do",
        RECORDER,
        """The batch never happened.\"\"\"
        self._events = []
""",
        """The batch never happened.\"\"\"
        return
""",
        UNIT,
    ),
    Mutant(
        "recording-counts-what-was-not-committed",
        "a number is missing wherever a transaction was undone, and nobody notices a commit that really is",
        RECORDER,
        """The batch never happened.\"\"\"
        self._events = []
""",
        """The batch never happened.\"\"\"
        self._number += 1
        self._events = []
""",
        UNIT,
    ),
    Mutant(
        "an-undone-start-is-not-recorded-again",
        "the recording does not say that another process took over",
        WORKER,
        """            self._told_now = True  # should it be undone, it must be recorded again
""",
        "",
        UNIT,
    ),
    Mutant(
        "what-is-handled-is-not-what-was-written",
        "a handler sees more digits of an answer than the recording has: it can't be played",
        RECORDER,
        "        return as_answer(event.answer)\n",
        "        return answer\n",
        UNIT,
    ),
    Mutant(
        "a-missing-commit-is-passed-over",
        "a recording with a hole is played as if it were whole, and says something else than what happened",
        REPLAY,
        "        if not started and (before is None or number != before + 1):\n",
        "        if not started and before is None:\n",
        UNIT,
    ),
    Mutant(
        "parts-do-not-say-that-there-is-more",
        "of a large commit only a part is played",
        PARTS,
        "events=recording.events[:half], more=True)",
        "events=recording.events[:half])",
        UNIT,
    ),
    Mutant(
        "messages-keep-their-secrets",
        "what a venue says, with a key in it, is on every record that tells of it",
        ANSWERS,
        "    return bounded(redacted(text[: 2 * MESSAGE_CHARS]))\n",
        "    return bounded(text)\n",
        ("tests/unit/runners/test_answers.py",),
    ),
)
