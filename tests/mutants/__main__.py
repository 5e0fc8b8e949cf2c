"""Breaks the code in one place at a time, and looks whether a test notices. By hand: pytest does not collect it.

    python -m tests.mutants             all of them, a quarter of an hour
    python -m tests.mutants NAME ...    these
    python -m tests.mutants --list      what there is, and whether it still fits the code

Each mutant (``tests/mutants/listed``) is a mistake that could be made where money is decided: an exact change of one
file's text. It is made in a copy of the working tree, never in the tree itself, and the tests that are likely to catch
it run there until one fails, for two minutes at most. In the end those that failed run without any mutant, and must
pass: a test that fails anyhow has caught nothing. Some start a broker, as the integration tests do.

Exit code 1: a mutant survived, or is stale (its text is no longer in the code exactly once: change it along with the
code), or its tests did not run. What survives wants a test; or the code that it broke was not needed, and goes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.listed import (
    bybit_live,
    bybit_sandbox,
    exchanges,
    executor,
    groups,
    journal,
    limits,
    live,
    live_transfers,
    live_unified_transfers,
    manager,
    okx_live,
    okx_sandbox,
    positions,
    protocols,
    recording,
    runner,
    steps,
    transfers,
)
from tests.mutants.mutant import Mutant, Stale
from tests.mutants.trial import LIMIT_S, ROOT, Copy, NotTried

ALL: tuple[Mutant, ...] = (
    *journal.MUTANTS,
    *runner.MUTANTS,
    *recording.MUTANTS,
    *executor.MUTANTS,
    *exchanges.MUTANTS,
    *bybit_live.MUTANTS,
    *bybit_sandbox.MUTANTS,
    *okx_live.MUTANTS,
    *okx_sandbox.MUTANTS,
    *manager.MUTANTS,
    *groups.MUTANTS,
    *limits.MUTANTS,
    *live.MUTANTS,
    *live_transfers.MUTANTS,
    *live_unified_transfers.MUTANTS,
    *positions.MUTANTS,
    *protocols.MUTANTS,
    *steps.MUTANTS,
    *transfers.MUTANTS,
)


def main(arguments: Sequence[str]) -> int:
    names = [one for one in arguments if not one.startswith("-")]
    unknown = sorted(set(names) - {one.name for one in ALL})
    options = set(arguments) - set(names)
    if unknown or options - {"--list"}:
        _say(f"no such mutant: {', '.join(unknown)}" if unknown else __doc__ or "")
        return 2
    mutants = [one for one in ALL if not names or one.name in names]
    stale = [one for one in mutants if not _is_fresh(one)]
    if "--list" in options:
        for one in mutants:
            _say(f"{one.name:<44} {one.file:<42} {one.breaks}")
    return 1 if stale or ("--list" not in options and not _all_are_killed(mutants)) else 0


def _is_fresh(mutant: Mutant) -> bool:
    try:
        mutant.mutated(ROOT)
    except Stale as stale:
        _say(f"STALE {mutant.name}: {stale}")
        return False
    return True


def _all_are_killed(mutants: Sequence[Mutant]) -> bool:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Copy(Path(folder))
        killers: dict[str, str | None] = {mutant.name: _try(copy, mutant) for mutant in mutants}
        proofs = sorted({killer for killer in killers.values() if killer is not None})
        sound = not proofs or _pass_without_a_mutant(copy, proofs)
    survivors = [name for name, killer in killers.items() if killer is None]
    _say(f"{len(mutants)} mutants, {len(proofs)} tests caught {len(mutants) - len(survivors)}")
    if survivors:
        _say(f"not caught: {', '.join(survivors)}")
    return sound and not survivors


def _try(copy: Copy, mutant: Mutant) -> str | None:
    """The test that killed it, said in a line of the table."""
    with copy.with_mutant(mutant):
        try:
            trial = copy.run(mutant.tests)
        except NotTried as error:
            _say(f"{mutant.name:<44} NOT TRIED: its tests did not run\n{error}")
            return None
    if trial.killed_by is not None:
        end = f"killed in {trial.seconds:5.1f} s by {trial.killed_by}"
    elif trial.in_time:
        end = f"SURVIVED ({trial.seconds:.0f} s of tests passed)"
    else:
        end = f"SURVIVED (nothing failed in {LIMIT_S:.0f} s)"
    _say(f"{mutant.name:<44} {mutant.breaks}\n{'':<44} {end}")
    return trial.killed_by


def _pass_without_a_mutant(copy: Copy, tests: Sequence[str]) -> bool:
    trial = copy.run(tests, limit_s=5 * LIMIT_S)
    if trial.killed_by is not None:
        _say(f"{trial.killed_by} fails without a mutant, too: it proves nothing")
    elif not trial.in_time:
        _say("the tests that caught something did not come to their end without a mutant: they prove nothing")
    return trial.killed_by is None and trial.in_time


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
