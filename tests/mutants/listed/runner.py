"""Slips in the runner: what is undone, what is written, from when the send window counts."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

STATE = "runners/state.py"
TRANSACTION = "runners/kafka/transaction.py"
WORKER = "runners/worker.py"
EFFECTS = "runners/effects.py"
UNIT = ("tests/unit/runners",)

MUTANTS = (
    Mutant(
        "failed-event-undoes-its-neighbours",
        "an event that fails undoes what the events before it did, whose records count as handled",
        STATE,
        "        while len(self._undo) > mark:\n",
        "        while self._undo:\n",
        UNIT,
    ),
    Mutant(
        "deleted-entries-come-back",
        "what was deleted from the state is there again after a restart",
        STATE,
        "        if value is None:\n            self._remove(key, name)\n        else:\n",
        "        if value is not None:\n",
        UNIT,
    ),
    Mutant(
        "undone-deletion-is-lost",
        "what an undone event had deleted stays deleted: an intent is forgotten though its event never happened",
        STATE,
        "                self._put_back(key, name, before)\n",
        "                pass\n",
        UNIT,
    ),
    Mutant(
        "another-id-is-forgotten",
        "after an undone event the memory of ids forgets another than the oldest",
        STATE,
        "            self._groups[group] = {name: None, **names}\n",
        "            self._groups[group] = {**names, name: None}\n",
        UNIT,
    ),
    Mutant(
        "deletions-are-not-written",
        "a deletion never reaches the changelog: the intent of a loop that ended is there after a restart",
        STATE,
        "            if entry is None and before is None:\n",
        "            if entry is None:\n",
        UNIT,
    ),
    Mutant(
        "failed-events-calls-are-made",
        "a call that a failing event had asked for is made, though its journal entry is undone",
        WORKER,
        "            del self.asked[asked:]\n",
        "",
        UNIT,
    ),
    Mutant(
        "failed-events-outputs-are-published",
        "what a failing event had told by then is published, though its state is undone",
        WORKER,
        "            del self.outputs[told:]\n",
        "",
        UNIT,
    ),
)
