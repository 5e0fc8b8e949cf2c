"""Slips in the runner: what is undone, what is written, from when the send window counts."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

STATE = "runners/state.py"
TRANSACTION = "runners/kafka/transaction.py"
WORKER = "runners/worker.py"
EFFECTS = "runners/performer.py"
RUNNER = "runners/kafka/runner.py"
ASSIGNMENT = "runners/kafka/assignment.py"
UNIT = ("tests/unit/runners",)
CLOCKS = (*UNIT, "tests/unit/handlers/executor/test_clocks.py", "tests/unit/handlers/executor/test_acted_once.py")

MUTANTS = (
    Mutant(
        "gate-counts-from-the-calls-start",
        "a request may leave long after its journal's time: a successor has found nothing by then, and sent it again",
        EFFECTS,
        """                return await self._acting[entry.lane].submit(entry, gate)
""",
        """                until = submit_by(entry.routed)
                gate = self._gate(entry, self._clock.now(), until)
                return await self._acting[entry.lane].submit(entry, gate)
""",
        UNIT,
    ),
    Mutant(
        "cancels-gate-counts-from-the-calls-start",
        "the same for a cancel: it may act after its loop has ended as not cancelled",
        EFFECTS,
        """                return await self._acting[entry.lane].cancel(entry, gate)
""",
        """                gate = self._gate(entry, self._clock.now(), None)
                return await self._acting[entry.lane].cancel(entry, gate)
""",
        UNIT,
    ),
    Mutant(
        "answers-are-as-young-as-their-arrival",
        "an answer counts from when it came, not from when it was asked for: what came about in between is missed",
        EFFECTS,
        "            return replace(answer, asked_at=asked_at)\n",
        "            return replace(answer, asked_at=self._clock.now())\n",
        CLOCKS,
    ),
    Mutant(
        "clocks-that-differ-submit",
        "orders are submitted by a clock that is known to be wrong: neither window nor expiry holds by it",
        EFFECTS,
        "                if fault is not None:\n",
        "                if False:\n",
        CLOCKS,
    ),
    Mutant(
        "given-back-answers-are-lost",
        "the answer whose transaction was undone is never handled: the intent waits for ever",
        EFFECTS,
        "        self._answers.extendleft(reversed(answers))\n",
        "",
        UNIT,
    ),
    Mutant(
        "answers-are-not-given-back",
        "the same, in the runner",
        RUNNER,
        "        self._effects.give_back(self._batch.answers)\n",
        "",
        UNIT,
    ),
    Mutant(
        "rebalance-is-ignored",
        "what was read of a partition that has left and come back is still counted as read: offsets that are none",
        RUNNER,
        "        if self.assignment.changed and (messages or self._batch.is_open):\n",
        "        if False:\n",
        UNIT,
    ),
    Mutant(
        "offsets-elsewhere-are-not-compared",
        "a replica that has lost its partition without knowing does again what another has done",
        RUNNER,
        "        elsewhere = self.assignment.committed_elsewhere()\n",
        "        elsewhere: list[str] = []\n",
        UNIT,
    ),
    Mutant(
        "offsets-elsewhere-are-fine",
        "the same, in the comparison",
        ASSIGNMENT,
        "            if found is None or 0 <= found != here:\n",
        "            if found is None:\n",
        UNIT,
    ),
    Mutant(
        "revoke-leaves-the-epoch",
        "a partition that was revoked while it was restored is worked on: two replicas on one key",
        ASSIGNMENT,
        """            self._epochs[partition] += 1
            self._restoring.pop(partition, None)
""",
        """            self._restoring.pop(partition, None)
""",
        UNIT,
    ),
    Mutant(
        "starts-behind-its-state",
        "somebody reset the group's offsets: what the state knows was done is done again",
        "runners/kafka/restore.py",
        "        if least and committed < least:\n",
        "        if False:\n",
        ("tests/integration/runner/test_refusals.py::test_a_start_behind_the_state_is_refused",),
    ),
    Mutant(
        "undone-work-is-kept",
        "what an undone transaction did is kept, and done once more",
        RUNNER,
        "            worker.rollback()\n",
        "            pass\n",
        UNIT,
    ),
    Mutant(
        "undone-records-are-not-read-again",
        "the records of an undone transaction are lost",
        RUNNER,
        "        self.assignment.rewind()\n",
        "",
        UNIT,
    ),
    Mutant(
        "stands-where-it-began",
        "the runner does not note how far it has committed: after an undone transaction it reads from there again",
        RUNNER,
        "        self.assignment.moved_to(offsets)\n",
        "",
        UNIT,
    ),
    Mutant(
        "offset-counts-before-the-commit",
        "an offset counts as committed before it is: after an undone transaction it is never sent again",
        TRANSACTION,
        "            self._call(self._producer.commit_transaction, CALL_S)\n",
        """            self._committed.update(offsets)
            self._call(self._producer.commit_transaction, CALL_S)
""",
        UNIT,
    ),
    Mutant(
        "answers-alone-are-not-fenced",
        "a transaction for an answer or a timer names no offset: a replica that lost the partition still commits",
        TRANSACTION,
        "                needed[topic, partition] = at\n",
        "                pass\n",
        UNIT,
    ),
    Mutant(
        "abort-counts-as-commit",
        "what was aborted counts as written: reports that nobody will ever see",
        TRANSACTION,
        "        raise Undone(str(error)) from cause\n",
        "",
        UNIT,
    ),
    Mutant(
        "records-out-of-order",
        "the first record of a partition is written after its others: a final report before the working ones",
        TRANSACTION,
        "    return firsts + others\n",
        "    return others + firsts\n",
        UNIT,
    ),
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
        "            if value is not None or before is not None:  # else the changelog never knew it\n",
        "            if value is not None:\n",
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
