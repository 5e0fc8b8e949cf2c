"""`record`: off by default, and honoured by whatever runs a component."""

from __future__ import annotations

from typing import Any

import pytest

from tightloop.assembly import process
from tightloop.assembly.config import load
from tightloop.runners.kafka.settings import KafkaSettings


@pytest.mark.parametrize(("said", "records"), [(None, False), ("true", True), ("false", False)])
def test_a_component_records_what_it_is_given_when_the_configuration_says_so(
    monkeypatch: pytest.MonkeyPatch, said: str | None, records: bool
) -> None:
    if said is not None:
        monkeypatch.setenv("TIGHTLOOP_RECORD", said)
    settings: list[KafkaSettings] = []

    def run_handler(handler: Any, adapters: Any, given: KafkaSettings, *others: Any) -> int:
        settings.append(given)
        return 0

    monkeypatch.setattr(process, "run_handler", run_handler)
    assert process.run_component("position-update-handler", None, load()[0]) == 0
    assert [one.record for one in settings] == [records]
