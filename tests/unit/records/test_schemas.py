"""The schemas as they are: documented, complete, and what the classes and the catalogue are made from."""

from __future__ import annotations

import fastavro
import pytest

from tightloop.records import freeze, generate
from tightloop.records.schemas import (
    catalogue,
    current_schemas,
    expand,
    frozen_schema,
    in_order,
    latest_ids,
    references,
    schemas_dir,
    top_level,
)
from tightloop.records.topics import contracts
from tightloop.records.types import RECORDS, TOP_LEVEL

SCHEMAS = current_schemas()
RECORD_NAMES = sorted(name for name, schema in SCHEMAS.items() if schema["type"] == "record")
ENUM_NAMES = sorted(name for name, schema in SCHEMAS.items() if schema["type"] == "enum")


def test_types_are_what_the_schemas_say_now() -> None:
    assert generate.main(["--check"]) == 0, "run python -m tightloop.records.generate"


def test_every_current_schema_is_frozen() -> None:
    assert freeze.main(["--check"]) == 0, "run python -m tightloop.records.freeze"


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_type_says_what_it_is(name: str) -> None:
    assert len(SCHEMAS[name]["doc"]) > 10


@pytest.mark.parametrize("name", RECORD_NAMES)
def test_every_field_says_what_it_means(name: str) -> None:
    undocumented = [field["name"] for field in SCHEMAS[name]["fields"] if len(field.get("doc", "")) < 5]
    assert undocumented == []


@pytest.mark.parametrize("name", RECORD_NAMES)
def test_field_names_are_snake_case(name: str) -> None:
    assert all(field["name"] == field["name"].lower() for field in SCHEMAS[name]["fields"])


@pytest.mark.parametrize("name", ENUM_NAMES)
def test_every_enum_ends_with_unknown_as_its_default(name: str) -> None:
    assert SCHEMAS[name]["symbols"][-1] == "UNKNOWN"
    assert SCHEMAS[name]["default"] == "UNKNOWN"


@pytest.mark.parametrize(
    "name",  # a recording is of a partition: of many strategies, and caused by all that is in it
    sorted({value for contract in contracts().values() for value in contract.values} - {"Recording"}),
)
def test_every_record_of_a_topic_says_whose_it_is_and_where_it_comes_from(name: str) -> None:
    assert set(RECORDS[name].__struct_fields__) >= {"strategy_id", "produced_at", "trace_id", "causation_id"}


@pytest.mark.parametrize("name", RECORD_NAMES)
def test_amounts_and_times_have_the_one_type_there_is_for_them(name: str) -> None:
    def check(node: object) -> None:
        if isinstance(node, list):
            for branch in node:
                check(branch)
        elif isinstance(node, dict):
            if node.get("logicalType") == "decimal":
                assert (node["type"], node["precision"], node["scale"]) == ("bytes", 76, 18)
            else:
                assert node.get("logicalType", "timestamp-micros") == "timestamp-micros"
            check(node.get("items", node.get("values")))
        else:
            assert node not in ("float", "double")

    for field in SCHEMAS[name]["fields"]:
        check(field["type"])


@pytest.mark.parametrize("name", sorted(TOP_LEVEL))
def test_a_frozen_schema_is_whole_and_other_avro_libraries_take_it(name: str) -> None:
    schema = frozen_schema(latest_ids()[name])
    fastavro.parse_schema(schema)
    assert schema["name"] == name


def test_every_id_leads_to_its_own_file() -> None:
    entries = catalogue().values()
    assert len({entry.file for entry in entries}) == len(entries)
    assert all((schemas_dir() / entry.file).is_file() for entry in entries)


def test_types_stand_after_those_they_refer_to() -> None:
    order = in_order(SCHEMAS)
    assert all(order.index(reference) < order.index(name) for name in order for reference in references(SCHEMAS[name]))


def test_a_named_type_is_written_out_once_where_it_is_first_used() -> None:
    text = str(expand("ExecutionReport", SCHEMAS))
    assert text.count("'name': 'Delta'") == 1
    assert text.count("'name': 'ErrorInfo'") == 1


def test_a_record_without_produced_at_is_a_part_of_others() -> None:
    assert "Delta" not in top_level(SCHEMAS)
    assert set(top_level(SCHEMAS)) == TOP_LEVEL
