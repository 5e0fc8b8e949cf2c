"""The configuration: where values come from, and what is refused by name."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tightloop.assembly import build
from tightloop.assembly.config import load
from tightloop.errors import ExecutionError
from tightloop.runners.kafka.settings import KafkaSettings


def written(text: str) -> Path:
    path = Path("given.toml")
    path.write_text(text)
    return path


def test_nothing_given_is_a_valid_configuration() -> None:
    config, origins = load()
    assert (config.environment, tuple(config.lanes), origins) == ("dev", ("binance", "ethereum"), {})


def test_later_sources_win_and_each_value_knows_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    file = written('prefix = "file."\nbootstrap = "file:1"\n[timing]\nevidence = 70\n')
    monkeypatch.setenv("TIGHTLOOP_BOOTSTRAP", "environment:1")
    monkeypatch.setenv("TIGHTLOOP_TIMING__EVIDENCE", "80")
    config, origins = load(file, {"bootstrap": "flag:1", "prefix": None})
    assert (config.prefix, config.bootstrap, config.timing.evidence) == ("file.", "flag:1", 80.0)
    assert origins == {
        "prefix": f"{file}:1",
        "bootstrap": "flag --bootstrap",
        "timing.evidence": "variable TIGHTLOOP_TIMING__EVIDENCE",
    }


def test_names_of_assets_and_accounts_keep_their_case_in_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIGHTLOOP_RECONCILIATION__DUST__BTC", "0.0001")
    monkeypatch.setenv("TIGHTLOOP_ACCOUNTS__Main__STRATEGY", "s1")
    monkeypatch.setenv("TIGHTLOOP_ACCOUNTS__Main__LANE", "binance")
    config, _ = load()
    assert config.reconciliation.dust == {"BTC": Decimal("0.0001")}
    assert config.accounts["Main"].strategy == "s1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('bootstrp = "x"', "did you mean 'bootstrap'?"),
        ("[timing]\nevidnce = 1", "did you mean 'evidence'?"),
        ('lanes = ["binanc"]', "unknown lane 'binanc': did you mean 'binance'?"),
        ('[accounts.a]\nstrategy = "s"\nlane = "okx"', "account 'a' is on lane 'okx'"),
        ('[accounts.a]\nstrategy = "s 1"\nlane = "binance"', "strategy 's 1'"),
        ('[accounts."a/b"]\nstrategy = "s1"\nlane = "binance"', "account 'a/b'"),
        ("[timing]\nmax_age = 1e300", "timing.max_age"),
        ("[timing]\nsuspend = inf", "timing.suspend"),
        ("[timing]\nrefresh = 0", "timing.refresh"),
        ("environment = ", "given.toml"),
        ('environment = "production"', "environment"),
    ],
)
def test_what_is_wrong_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ExecutionError) as refused:
        load(written(text))
    assert refused.value.code == "EIF-010"
    assert said in refused.value.message


def test_times_under_which_not_found_would_be_no_evidence_are_refused() -> None:
    config, _ = load(written("[timing]\nevidence = 5\n"))
    with pytest.raises(ExecutionError, match="'not found' is no evidence"):
        build.executor_settings("binance", config)


def test_an_account_named_like_a_strategy_that_would_trade_it_too_is_refused() -> None:
    given = '[accounts.s1]\nstrategy = "s2"\nlane = "binance"\n'
    elsewhere = '[accounts.other]\nstrategy = "s1"\nlane = "ethereum"\n'
    with pytest.raises(ExecutionError, match="strategy s1, which has no other there, would trade it too") as refused:
        load(written(given + elsewhere))
    assert refused.value.code == "EIF-010"
    there = '[accounts.other]\nstrategy = "s1"\nlane = "binance"\n'
    config, _ = load(written(given + there))
    binance = config.directory().lanes["binance"]
    assert [one.account for one in config.directory().accounts_of("s1", binance)] == ["other"]
    load(written(given))  # whether there is a strategy s1 is not known; its instructions would be refused


def test_no_secret_of_kafkas_client_is_in_a_repr_or_in_what_is_said_of_a_wrong_value() -> None:
    config, _ = load(written('[kafka]\n"sasl.password" = "hunter2"\n'))
    settings = KafkaSettings(bootstrap="b:1", client=dict(config.kafka))
    assert "hunter2" not in repr(config) + str(config) + repr(settings) + str(settings)
    assert "'b:1'" in repr(settings)
    with pytest.raises(ExecutionError) as raised:
        load(written('kafka = "sasl.password=hunter2"\n'))
    assert "hunter2" not in f"{raised.value} {raised.value.__cause__}"


def test_limits_are_set_by_variables_with_names_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIGHTLOOP_LIMITS__DEFAULT__ORDER_NOTIONAL", "500.5")
    monkeypatch.setenv("TIGHTLOOP_LIMITS__STRATEGIES__Basis-1__SYMBOLS", "BTC/USDT,ETH/USDT")
    monkeypatch.setenv("TIGHTLOOP_LIMITS__STRATEGIES__Basis-1__POSITION__BTC", "2")
    config, _ = load()
    assert config.limits is not None
    assert config.limits.default is not None
    assert config.limits.default.order_notional == Decimal("500.5")
    own = config.limits.strategies["Basis-1"]
    assert (own.symbols, own.position) == (("BTC/USDT", "ETH/USDT"), {"BTC": Decimal(2)})
    limits = config.dispatch_limits()
    assert limits is not None
    assert limits.measure_by_price


def test_without_the_section_there_are_no_limits() -> None:
    assert load()[0].dispatch_limits() is None
