"""All gates, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from tightloop.cli.gates import basis, factory, integration, interfaces, live, manager, positions, reconciliation
from tightloop.cli.gates.basis import BasisSystem
from tightloop.cli.gates.gate import Gate
from tightloop.errors import ExecutionError
from tightloop.errors.nearest import hint

IN_PROCESS: tuple[Gate, ...] = (
    *manager.GATES,
    *interfaces.GATES,
    *(live.GATES if live.can_be_tried() else ()),
    *factory.GATES,
    *reconciliation.GATES,
    *positions.GATES,
    *integration.GATES,
)


def all_gates(system: BasisSystem) -> list[Gate]:
    """Those in process first; the last ones start ``system``."""
    return [*IN_PROCESS, *basis.gates(system)]


def chosen(gates: Sequence[Gate], sections: Sequence[str]) -> list[Gate]:
    """Those of the sections; all, where none is named. Raises ExecutionError EIF-010, with the nearest section."""
    known = list(dict.fromkeys(gate.section for gate in gates))
    for name in sections:
        if name not in known:
            what = f"no section {name!r}{hint(name, known)}"
            raise ExecutionError("EIF-010", what, remedy="Name a section, or none for all.")
    return [gate for gate in gates if not sections or gate.section in sections]
