from __future__ import annotations

import pytest
from tests.support.reconciliation_desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
