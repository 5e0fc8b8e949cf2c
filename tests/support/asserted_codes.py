"""Which error codes the tests assert: found in their syntax, so that a mention is not enough."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

CODE = re.compile(r"\b[A-Z]{3}-\d{3}\b")
_DENIES = (ast.NotEq, ast.NotIn, ast.IsNot)


def asserted_codes(source: str, helpers: Collection[str] = ()) -> set[str]:
    """Codes that a test of this module expects: in what an ``assert`` compares, in the ``match`` of ``pytest.raises``,
    in a table that a test is parametrized with, or given to a helper that asserts its ``code``. A code in a comment, a
    docstring, an input, or in what an ``assert`` denies is none. ``helpers``: those that other modules have.
    """
    tree = ast.parse(source)
    tables, known = _tables(tree), _helpers(tree) | set(helpers)
    found: set[str] = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and not _is_fixture(function):
            for decorator in function.decorator_list:
                if _called(decorator) == "parametrize":
                    found |= _codes(decorator) | _of_tables(decorator, tables)
            for node in ast.walk(function):
                found |= _expected(node) | (_codes(node) if _called(node) in known else set())
                if isinstance(node, ast.Assert):
                    found |= _of_tables(node, tables)
    return found


def helpers_of(source: str) -> set[str]:
    """Functions of a module that assert something of their parameter ``code``."""
    return _helpers(ast.parse(source))


def _expected(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Assert):
        return _codes(node.test) if not _denies(node.test) else set()
    if _called(node) == "raises" and isinstance(node, ast.Call):
        return set().union(*(_codes(word.value) for word in node.keywords if word.arg == "match"))
    return set()


def _helpers(tree: ast.Module) -> set[str]:
    """Functions of the module that assert something of their parameter ``code``."""
    return {
        function.name
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        and any(one.arg == "code" for one in (*function.args.args, *function.args.kwonlyargs))
        and any("code" in _names(node) for node in ast.walk(function) if isinstance(node, ast.Assert))
    }


def _tables(tree: ast.Module) -> dict[str, set[str]]:
    """Codes in the constants of the module, by name."""
    found: dict[str, set[str]] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name) and target.id.isupper():
                found[target.id] = _codes(node.value)
    return found


def _of_tables(node: ast.AST, tables: dict[str, set[str]]) -> set[str]:
    return set().union(*(tables[name] for name in _names(node) & tables.keys()))


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _codes(node: ast.AST) -> set[str]:
    texts: Iterator[str] = (
        one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    )
    return {code for text in texts for code in CODE.findall(text)}


def _denies(test: ast.expr) -> bool:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return True
    return isinstance(test, ast.Compare) and any(isinstance(one, _DENIES) for one in test.ops)


def _called(node: ast.AST) -> str:
    """The last name of what is called: ``parametrize`` of ``pytest.mark.parametrize(...)``."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def _is_fixture(function: ast.FunctionDef) -> bool:
    names = (getattr(one, "attr", "") or _called(one) for one in function.decorator_list)
    return "fixture" in names
