"""What the loop writes in random courses, as one hash a course: the interpreted and the compiled build print the same.

``python -m tests.support.build_digests [COURSES]``; ``.ci/compiled`` runs it in both builds. The courses are those of
the property tests, the same ones each time; the bytes of every record and of all state count. Then follows what is said
of each impossible instruction.
"""

from __future__ import annotations

import sys
from hashlib import blake2b

from hypothesis import HealthCheck, Phase, given, settings
from tests.support.lanes import VENUES
from tests.support.loop_world import Life, Step, lives
from tests.unit.domain.test_validate import IMPOSSIBLE

import tightloop
from tightloop.domain.validate import check_instruction
from tightloop.errors import ExecutionError

COURSES = 300


def courses(count: int) -> list[str]:
    digests: list[str] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(lives)
    def live(steps: list[Step]) -> None:
        life = Life(encodes=True).live(steps)
        hashed = blake2b(life.driver.digest().encode(), digest_size=16)
        for component, seats in life.driver.runner._seats.items():
            for seat in seats:
                for entry in sorted(seat.worker.state.entries()):
                    hashed.update(repr((component, entry)).encode())
        digests.append(hashed.hexdigest())

    live()
    return digests


def refusals() -> list[str]:
    said = []
    for what, (made, _, _) in IMPOSSIBLE.items():
        try:
            check_instruction(made, VENUES)
        except ExecutionError as error:
            said.append(f"{what}: {error}")
        else:
            said.append(f"{what}: accepted")
    return said


if __name__ == "__main__":
    sys.stderr.write(f"{'compiled' if tightloop.is_compiled() else 'interpreted'}\n")
    for line in (*courses(int(sys.argv[1]) if len(sys.argv) > 1 else COURSES), *refusals()):
        sys.stdout.write(line + "\n")
