"""Records in Avro's binary form: each schema is compiled to one function that writes and one that reads.

The functions are made once per schema as source text, in which every field is a few lines, so that nothing has to be
looked up per field: many times as fast on these records as a general codec, which tries each branch of a union on the
value and builds amounts digit by digit. ``tests/property/test_codec.py`` compares every record with fastavro, both
ways.

Reading takes the schema the bytes were written with. What the class has and that schema has not gets the class's
default, what the class has not is passed over, and a symbol that the class's schema has not becomes ``UNKNOWN``: Avro's
resolution, for schemas that are compatible both ways.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, cast

from msgspec import Struct

from tightloop.records.schemas import NAMESPACE, Schema
from tightloop.wire import avro

Writer = Callable[[Struct], bytes]
Reader = Callable[[bytes, int], tuple[Struct, int]]
Finder = Callable[[Struct], str | None]

_NAMES = {
    "SMALL": avro.SMALL,
    "FEW": len(avro.SMALL),
    "varint": avro.varint,
    "read_varint": avro.read_varint,
    "read_length": avro.read_length,
    "read_count": avro.read_count,
    "write_time": avro.write_time,
    "read_time": avro.read_time,
    "write_amount": avro.write_amount,
    "read_amount": avro.read_amount,
    "Corrupt": avro.CorruptError,
    "BOOL": {False: b"\x00", True: b"\x01"},
    "SOME": tuple(b"\x02" + length for length in avro.SMALL),
    "JOIN": b"".join,
    "Decimal": Decimal,
    "AMOUNTS": avro.written_amounts.get,
    "TIMES": avro.written_times.get,
    "READ_TIME": avro.read_times.get,
    "READ_AMOUNT": avro.read_amounts.get,
}
UNKNOWN = "UNKNOWN"


def compile_writer(schema: Schema) -> Writer:
    """``write(record)`` gives the record's bytes.

    It raises AttributeError, TypeError, KeyError, ValueError, OverflowError or a signal of ``decimal`` on what the
    schema does not allow; ``codec`` then says what and where.
    """
    return cast("Writer", _WriterSource(schema).function("write", schema))


def compile_reader(schema: Schema, classes: Mapping[str, type[Struct]], current: Mapping[str, Schema]) -> Reader:
    """``read(data, at)`` gives the record at ``at``, as one of ``classes``, and where it ends.

    ``schema`` is what it was written with, ``current`` what the classes were made from. It raises CorruptError,
    AmountError, IndexError, KeyError, UnicodeDecodeError or OverflowError on bytes that are not what the schema says;
    an end behind the data's own end means that they stop early.
    """
    return cast("Reader", _ReaderSource(schema, classes, current).function("read", schema))


def compile_finder(schema: Schema) -> Finder:
    """``find(record)`` gives the path of the first enum that holds ``UNKNOWN``, or ``None``."""
    return cast("Finder", _FinderSource(schema).function("find", schema))


class _Source(ABC):
    """Source text, one function per record type, and the names that it uses."""

    def __init__(self, schema: Schema) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = dict(_NAMES)
        self.types: dict[str, Schema] = {}
        self._variables = 0
        self._collect(schema)

    def _collect(self, node: Any) -> None:
        """Remembers every named type where it is written out, so that references find it."""
        if isinstance(node, list):
            for branch in node:
                self._collect(branch)
        elif isinstance(node, dict):
            if node["type"] in ("record", "enum"):
                self.types[f"{NAMESPACE}.{node['name']}"] = node
            for field in node.get("fields", ()):
                self._collect(field["type"])
            self._collect(node.get("items"))
            self._collect(node.get("values"))

    def function(self, verb: str, schema: Schema) -> Any:
        for record in self.types.values():
            if record["type"] == "record":
                self.record(record)
        exec("\n".join(self.lines), self.names)
        return self.names[f"{verb}_{schema['name']}"]

    @abstractmethod
    def record(self, schema: Schema) -> None:
        """Write the function of one record type."""

    def kind(self, node: Any) -> tuple[str, Any]:
        """What a type is (a logical type by its own name), and the type with a reference resolved."""
        node = self.types.get(node, node) if isinstance(node, str) else node
        if isinstance(node, str):
            return node, node
        if isinstance(node, list):
            if len(node) != 2 or node[0] != "null":
                raise ValueError(f"a union must be null and one other type: {node}")
            return "union", node[1]
        return node.get("logicalType", node["type"]), node

    def variable(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

    def constant(self, value: Any) -> str:
        name = f"C{len(self.names)}"
        self.names[name] = value
        return name

    def add(self, lines: Iterator[str]) -> None:
        self.lines.extend(lines)


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


class _WriterSource(_Source):
    """Each record's function is one ``join`` over all its parts: no call and no list entry a field."""

    def record(self, schema: Schema) -> None:
        parts = [part for field in schema["fields"] for part in self.parts(field["type"], f"r.{field['name']}")]
        self.lines.append(f"def write_{schema['name']}(r):")
        self.lines.append("    return JOIN((")
        self.lines.extend(f"        {part}," for part in parts)
        self.lines.append("    ))")

    def parts(self, node: Any, text: str) -> Iterator[str]:
        """Expressions, evaluated in this order, whose bytes are the value of the expression ``text``."""
        kind, _ = self.kind(node)
        if kind in ("string", "bytes"):
            yield f"SMALL[n] if (n := len(b := {_raw(kind, text)})) < FEW else varint(n)"
            yield "b"
        else:
            yield self.whole(node, text)

    def whole(self, node: Any, text: str) -> str:
        """One expression for the whole value."""
        kind, node = self.kind(node)
        if kind == "union":
            return self.nullable(node, text)
        if kind in ("string", "bytes"):
            return f"(SMALL[n] if (n := len(b := {_raw(kind, text)})) < FEW else varint(n)) + b"
        if kind in ("int", "long"):
            bits = ", 32" if kind == "int" else ""
            return f"SMALL[n] if 0 <= (n := {text}) < FEW else varint(n{bits})"
        if kind == "boolean":
            return f"BOOL[{text}]"
        if kind == "enum":
            return f"{self.constant(_symbols(node))}[{text}]"
        if kind == "record":
            return f"write_{node['name']}({text})"
        if kind == "decimal":
            # only a Decimal may be looked up: a float or an int would equal one, and be found
            return f"((AMOUNTS(a) if (a := {text}).__class__ is Decimal else None) or write_amount(a))"
        if kind == "timestamp-micros":
            return f"(TIMES(t := {text}) or write_time(t))"
        if kind in ("array", "map"):
            return self.block(kind, node, text)
        raise ValueError(f"no way to write {node}")

    def nullable(self, node: Any, text: str) -> str:
        kind, inner = self.kind(node)
        if kind == "enum":
            symbols: dict[str | None, bytes] = {symbol: b"\x02" + raw for symbol, raw in _symbols(inner).items()}
            symbols[None] = b"\x00"
            return f"{self.constant(symbols)}[{text}]"
        variable = self.variable()
        if kind in ("string", "bytes"):
            raw = _raw(kind, variable)
            present = f"SOME[n] + b if (n := len(b := {raw})) < FEW else b'\\x02' + varint(n) + b"
        else:
            present = f"b'\\x02' + ({self.whole(node, variable)})"
        return f"b'\\x00' if ({variable} := {text}) is None else {present}"

    def block(self, kind: str, node: Schema, text: str) -> str:
        items, item = self.variable(), self.variable()
        if kind == "array":
            each = f"{self.whole(node['items'], item)} for {item} in {items}"
        else:
            name = self.variable()
            pair = f"({self.whole('string', name)}) + ({self.whole(node['values'], item)})"
            each = f"{pair} for {name}, {item} in {items}.items()"
        count = "(SMALL[n] if n < FEW else varint(n))"
        return f"b'\\x00' if not (n := len({items} := {text})) else {count} + JOIN([{each}]) + b'\\x00'"


def _raw(kind: str, text: str) -> str:
    return f"{text}.encode()" if kind == "string" else text


def _symbols(node: Schema) -> dict[str, bytes]:
    return {symbol: avro.varint(number) for number, symbol in enumerate(node["symbols"])}


class _ReaderSource(_Source):
    def __init__(self, schema: Schema, classes: Mapping[str, type[Struct]], current: Mapping[str, Schema]) -> None:
        super().__init__(schema)
        self.classes = classes
        self.current = current

    def record(self, schema: Schema) -> None:
        name = schema["name"]
        self.lines.append(f"def read_{name}(d, i):")
        arguments = []
        record_class = self.classes.get(name)
        known = record_class.__struct_fields__ if record_class else ()
        for field in schema["fields"]:
            variable = self.variable()
            self.add(_indented(self.value(field["type"], variable)))
            if field["name"] in known:
                arguments.append(f"{field['name']}={variable}")
        made = f"{self.constant(record_class)}({', '.join(arguments)})" if record_class else "None"
        self.lines.append(f"    return {made}, i")

    def value(self, node: Any, variable: str) -> Iterator[str]:
        """Lines that read the value at ``i`` of ``d`` into ``variable``, and move ``i`` behind it."""
        kind, node = self.kind(node)
        if kind == "union":
            yield "n = d[i]; i += 1"
            yield f"if n == 0: {variable} = None"
            yield "elif n == 2:"
            yield from _indented(self.value(node, variable))
            yield "else: raise Corrupt('a union has a branch that is not there')"
        elif kind in ("string", "bytes"):
            decode = ".decode()" if kind == "string" else ""
            yield "n = d[i]"
            yield "if n & 129:"  # longer than a byte can say, or below zero
            yield "    n, i = read_length(d, i); j = i + n"
            yield "else:"
            yield "    i += 1; j = i + (n >> 1)"
            yield f"{variable} = d[i:j]{decode}; i = j"
        elif kind in ("int", "long"):
            bits = ", 32" if kind == "int" else ""
            yield "n = d[i]"
            yield f"if n < 128: {variable} = (n >> 1) ^ -(n & 1); i += 1"
            yield f"elif d[i + 1] > 127: {variable}, i = read_varint(d, i{bits})"
            yield f"else: n = n & 127 | d[i + 1] << 7; {variable} = (n >> 1) ^ -(n & 1); i += 2"
        elif kind == "boolean":
            yield f"{variable} = {self.constant({0: False, 1: True})}[d[i]]; i += 1"
        elif kind == "enum":
            yield f"{variable} = {self.constant(self.symbols(node))}[d[i]]; i += 1"
        elif kind == "record":
            yield f"{variable}, i = read_{node['name']}(d, i)"
        elif kind == "decimal":
            yield "n = d[i]; j = i + 1 + (n >> 1)"
            yield f"{variable} = None if n & 129 else READ_AMOUNT(d[i + 1:j])"
            yield f"if {variable} is None: {variable}, i = read_amount(d, i)"
            yield "else: i = j"
        elif kind == "timestamp-micros":
            yield f"{variable} = READ_TIME(d[i:i + {avro.TIME_BYTES}])"
            yield f"if {variable} is None: {variable}, i = read_time(d, i)"
            yield f"else: i += {avro.TIME_BYTES}"
        elif kind in ("array", "map"):
            yield from self.block(kind, node, variable)
        else:
            raise ValueError(f"no way to read {node}")

    def block(self, kind: str, node: Schema, variable: str) -> Iterator[str]:
        items, item, count = self.variable(), self.variable(), self.variable()
        yield f"if d[i] == 0: {variable} = {'()' if kind == 'array' else '{}'}; i += 1"
        yield "else:"
        yield f"    {items} = {'[]' if kind == 'array' else '{}'}"
        yield "    while True:"
        yield "        n = d[i]"
        yield f"        if n & 129: {count}, i = read_count(d, i)"
        yield f"        else: {count} = n >> 1; i += 1"
        yield f"        if {count} == 0: break"
        yield f"        for _ in range({count}):"
        inside: list[str] = []
        if kind == "array":
            inside += [*self.value(node["items"], item), f"{items}.append({item})"]
        else:
            name = self.variable()
            inside += [*self.value("string", name), *self.value(node["values"], item), f"{items}[{name}] = {item}"]
        yield from _indented(_indented(_indented(iter(inside))))
        yield f"    {variable} = {'tuple(' + items + ')' if kind == 'array' else items}"

    def symbols(self, node: Schema) -> dict[int, str]:
        """By the byte a symbol is written as; more than 64 symbols would not fit into one."""
        if len(node["symbols"]) > 64:
            raise ValueError(f"{node['name']} has more than 64 symbols")
        reader = self.current.get(node["name"], node)
        known = frozenset(reader["symbols"])
        return {
            number << 1: symbol if symbol in known else reader.get("default", UNKNOWN)
            for number, symbol in enumerate(node["symbols"])
        }


class _FinderSource(_Source):
    def record(self, schema: Schema) -> None:
        self.lines.append(f"def find_{schema['name']}(r):")
        for field in schema["fields"]:
            self.add(_indented(self.value(field["type"], f"r.{field['name']}", field["name"])))
        self.lines.append("    return None")

    def value(self, node: Any, text: str, path: str) -> Iterator[str]:
        """Lines that return the path of an ``UNKNOWN`` in the value of the expression ``text``; none if it can't be."""
        kind, node = self.kind(node)
        if kind == "enum":
            yield f"if {text} == {UNKNOWN!r}: return {path!r}"
        elif kind == "record" and self.has_enums(node, set()):
            yield f"p = find_{node['name']}({text})"
            yield f"if p is not None: return {path + '.'!r} + p"
        elif kind == "union":
            inside = list(self.value(node, text, path))
            if inside:
                yield f"if {text} is not None:"
                yield from _indented(iter(inside))
        elif kind in ("array", "map"):
            item = self.variable()
            inside = list(self.value(node.get("items", node.get("values")), item, f"{path}[]"))
            if inside:
                yield f"for {item} in {text}{'' if kind == 'array' else '.values()'}:"
                yield from _indented(iter(inside))

    def has_enums(self, schema: Schema, seen: set[str]) -> bool:
        """Whether an enum lies in a record, however deep."""
        if schema["name"] in seen:
            return False
        seen.add(schema["name"])
        return any(self.leads_to_enum(field["type"], seen) for field in schema["fields"])

    def leads_to_enum(self, node: Any, seen: set[str]) -> bool:
        kind, node = self.kind(node)
        if kind == "record":
            return self.has_enums(node, seen)
        if kind in ("union", "array", "map"):
            return self.leads_to_enum(node if kind == "union" else node.get("items", node.get("values")), seen)
        return kind == "enum"
