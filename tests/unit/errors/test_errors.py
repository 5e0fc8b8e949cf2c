"""The catalogue of errors, and the exception that carries its codes."""

from __future__ import annotations

import pickle

import pytest

from tightloop.errors import CATALOGUE, ExecutionError, error_entry, error_info
from tightloop.records.types import ErrorInfo

FAMILIES = {"EIM": 14, "EIF": 13, "REC": 14, "PUH": 13, "EXI": 15, "TLC": 11}
BY_CONTRACT = {
    "EIM-001": "HIGH",
    "EIM-002": "HIGH",
    "EIM-003": "MEDIUM",
    "EIM-004": "CRITICAL",
    "EIF-001": "HIGH",
    "EIF-002": "HIGH",
    "EIF-003": "CRITICAL",
    "REC-001": "HIGH",
    "REC-002": "HIGH",
    "REC-003": "CRITICAL",
    "REC-004": "HIGH",
    "PUH-001": "HIGH",
    "PUH-002": "MEDIUM",
    "PUH-003": "CRITICAL",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_codes_count_up_without_a_gap(family: str) -> None:
    numbers = [int(code[4:]) for code in CATALOGUE if code.startswith(f"{family}-")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= FAMILIES[family]


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_entry_is_complete(code: str) -> None:
    entry = CATALOGUE[code]
    assert entry.code == code
    assert entry.severity in {"CRITICAL", "HIGH", "MEDIUM", "LOW"}
    for text in (entry.cause, entry.system, entry.operator):
        assert len(text) >= 8 and text.endswith((".", ".)"))
    assert entry.title and not entry.title.endswith(".")


@pytest.mark.parametrize("code", BY_CONTRACT)
def test_severities_are_the_contracts(code: str) -> None:
    assert CATALOGUE[code].severity == BY_CONTRACT[code]


def test_titles_are_unique_within_a_family_but_for_what_several_components_say() -> None:
    for family in FAMILIES:
        titles = [entry.title for code, entry in CATALOGUE.items() if code.startswith(family)]
        assert len(set(titles)) == len(titles)


def test_an_error_takes_what_it_is_not_given_from_the_catalogue() -> None:
    error = ExecutionError("EXI-002", "429", context={"venue": "okx"})
    assert isinstance(error, ValueError)
    assert (error.severity, error.component) == ("MEDIUM", "executor")
    assert error.remedy == CATALOGUE["EXI-002"].operator
    assert str(error) == "EXI-002 rate limited: 429"
    assert error_info(error) == ErrorInfo(code="EXI-002", message="429", severity="MEDIUM")


def test_what_an_error_is_given_wins_over_the_catalogue() -> None:
    error = ExecutionError("EXI-002", "429", severity="LOW", component="x", remedy="wait", halts=False)
    assert (error.severity, error.component, error.remedy, error.halts) == ("LOW", "x", "wait", False)


def test_only_codes_of_records_without_a_strategy_halt_no_key() -> None:
    assert {code for code, entry in CATALOGUE.items() if not entry.halts} == {
        "EIM-009",
        "TLC-005",
        "TLC-006",
        "TLC-015",
    }
    assert ExecutionError("TLC-003", "").halts
    assert not ExecutionError("TLC-006", "").halts


def test_a_secret_is_never_shown() -> None:
    error = ExecutionError(
        "EIM-004",
        "refused: GET https://venue/order?apiKey=hunter2&signature=hunter2",
        context={
            "api_secret": "hunter2",
            "answer": '{"passphrase": "hunter2"}',
            "login": {"PRIVATE_KEY": "hunter2", "okx_passphrase": "hunter2"},
            "venue": "okx",
        },
    )
    assert "hunter2" not in repr(error) + str(error) + repr(error.context) + repr(vars(error)) + repr(error.args)
    assert "hunter2" not in error_info(error).message
    assert error.context["venue"] == "okx"


def test_an_error_survives_pickling() -> None:
    error = ExecutionError("REC-002", "off by one", context={"a": 1}, severity="LOW")
    copy = pickle.loads(pickle.dumps(error))
    assert vars(copy) == vars(error)


def test_a_code_that_is_not_in_the_catalogue_is_a_defect() -> None:
    with pytest.raises(KeyError):
        ExecutionError("XXX-001", "")


def test_entries_are_found_whatever_their_case() -> None:
    assert error_entry("exi-005").title == "outcome unknown"
    with pytest.raises(KeyError, match="EXI-001"):
        error_entry("EXI-999")
