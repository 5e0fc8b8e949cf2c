"""The topic contracts hold together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tightloop.records import topics
from tightloop.records.types import RECORDS

ALL = topics.all_topics(["binance", "ethereum"])
NAMES = [contract.name for contract in ALL]


def test_every_topic_of_the_contract_is_there() -> None:
    assert NAMES == [
        "control",
        "dead_letters",
        "execution_audit",
        "execution_journal.binance",
        "execution_journal.ethereum",
        "fills",
        "instruction_results",
        "instructions",
        "instructions.binance",
        "instructions.ethereum",
        "loop_state",
        "market_data",
        "position_updates",
        "positions",
        "reconciliation_results",
        "reconciliation_state",
        "recordings",
        "venue_positions",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_topic_holds_is_a_record(name: str) -> None:
    contract = topics.contract_of(name)
    assert all(value in RECORDS for value in contract.values)
    assert bool(contract.values) == (contract.visibility != "state")
    assert contract.visibility == "state" or contract.value == contract.values[0]


def test_topics_that_go_together_have_the_same_number_of_partitions() -> None:
    assert len({contract.partitions for contract in ALL if contract.co_partitioned}) == 1
    assert [contract.name for contract in ALL if not contract.co_partitioned] == [
        "execution_audit",
        "market_data",
        "recordings",
    ]


def test_what_is_written_to_a_topic_with_partitions_of_its_own_goes_to_one_of_them() -> None:
    assert [topics.contract_of("fills").partition_from(number) for number in (0, 5, 15)] == [0, 5, 15]
    assert [topics.contract_of("execution_audit").partition_from(number) for number in (0, 5, 15)] == [0, 0, 0]


def test_dead_letters_take_whatever_fits_anywhere_else() -> None:
    largest = max(contract.max_message_bytes for contract in ALL if contract.name != "dead_letters")
    assert topics.contract_of("dead_letters").max_message_bytes > largest


def test_what_comes_of_an_instruction_is_never_refused_for_its_size() -> None:
    limit = topics.contract_of("instructions").max_message_bytes
    for name in ("instructions.binance", "loop_state", "execution_journal.binance", "execution_audit"):
        assert topics.contract_of(name).max_message_bytes > limit


@pytest.mark.parametrize("name", NAMES)
def test_state_is_compacted_and_belongs_to_one_component(name: str) -> None:
    contract = topics.contract_of(name)
    assert (contract.visibility == "state") == (contract.cleanup == "compact")
    assert (contract.retention_days is None) == (contract.cleanup == "compact")
    if contract.visibility == "state":
        assert len(contract.writers) == 1
    assert (contract.visibility == "public") == ("everyone" in contract.readers)


def test_only_operators_write_control() -> None:
    assert topics.contract_of("control").writers == ("operators",)


def test_kafkas_settings_fit_the_cluster() -> None:
    contract = topics.contract_of("fills")
    assert contract.config(brokers=3)["min.insync.replicas"] == "2"
    assert contract.config(brokers=1)["min.insync.replicas"] == "1"
    assert (contract.replicas(1), contract.replicas(5)) == (1, 3)
    assert contract.config(brokers=1)["message.timestamp.type"] == "LogAppendTime"
    assert contract.config(brokers=1)["retention.ms"] == str(90 * 86_400_000)
    assert "retention.ms" not in topics.contract_of("positions").config(brokers=1)


def test_a_lane_has_its_topic_by_the_template() -> None:
    assert topics.contract_of("instructions.okx") == topics.contract_of(topics.lane_topic("okx"))
    assert topics.contract_of("instructions.okx").value == "RoutedInstruction"
    assert topics.contract_of("instructions").value == "Instruction"


@pytest.mark.parametrize("name", ["fill", "instructions.", "", "t42.fills"])
def test_a_topic_without_a_contract_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        topics.contract_of(name)


def test_a_bad_file_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "odd.toml").write_text('name = "odd"\nretention = 5\n')
    monkeypatch.setattr(topics, "contracts_dir", lambda: tmp_path)
    topics.contracts.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"odd\.toml"):
            topics.contracts()
    finally:
        topics.contracts.cache_clear()
