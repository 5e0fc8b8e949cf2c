"""The page of the contracts is made from them."""

from __future__ import annotations

import pytest

from tightloop.records import contracts_page
from tightloop.records.schemas import current_schemas
from tightloop.records.topics import contracts


def test_every_topic_and_every_field_of_what_it_holds_is_on_the_page() -> None:
    page = contracts_page.render()
    for name, contract in contracts().items():
        assert f"| `{name}` |" in page
        for value in contract.values:
            section = page.partition(f"\n### {value}\n")[2].partition("\n### ")[0]
            missing = [
                field["name"] for field in current_schemas()[value]["fields"] if f"`{field['name']}`" not in section
            ]
            assert not missing, value


def test_every_link_on_the_page_has_its_section() -> None:
    page = contracts_page.render()
    linked = {link.partition(")")[0] for link in page.split("](#")[1:]}
    sections = {line.removeprefix("### ").lower() for line in page.splitlines() if line.startswith("### ")}
    assert linked <= sections


def test_a_stale_page_is_found(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts_page, "TARGET", tmp_path / "contracts.md")
    assert contracts_page.main(["--check"]) == 1
    assert contracts_page.main([]) == 0
    assert contracts_page.main(["--check"]) == 0
