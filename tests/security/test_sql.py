"""Statements of SQL are constants, and what callers send is bound to them (row 39)."""

import ast
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from payments.access.caller import Role
from tests.architecture.routes import routes_of
from tests.architecture.sources import ROOT
from tests.web.conftest import KeyOf
from web.openapi import openapi_document

FOLDERS = ("ledger", "payments", "web", "jobs")
SQL = re.compile(
    r"\b(SELECT|SET ROLE|INSERT INTO|UPDATE \w|DELETE FROM|SET LOCAL|FROM \w|WHERE|ORDER BY"
    r"|SET \w+ =)\b"
)
CONSTANT = re.compile(r"(\w+\.)*_?[A-Z][A-Z0-9_]*")

# What else stands in statements, or in messages that read like some, and why that is no input.
KNOWN = {
    ("payments/at_rest/retention.py", "table"): "names of a table in that module",
    (
        "payments/at_rest/retention.py",
        "', '.join((f'{column} = NULL' for column in columns))",
    ): "names of columns in that module",
    ("payments/at_rest/retention.py", "names"): "as above",
    ("payments/at_rest/retention.py", "some"): "a condition of that module",
    ("payments/at_rest/retention.py", "old"): "as above",
    ("payments/audit/write_deeds.py", "', '.join(_COLUMNS)"): "a constant, joined",
    ("payments/audit/write_deeds.py", "', '.join((f':{name}' for name in _COLUMNS))"): "as above",
    ("payments/audit/write_deeds.py", "_WRITE.text"): "the constant above it",
    ("payments/database.py", "role"): "one of three constants, checked there",
    ("payments/idempotency.py", "changes"): "two texts of that module",
    ("payments/periods/checklist.py", "statement_timeout_s"): "a whole number of ours",
    ("payments/reports/open_report.py", "statement_timeout_s"): "a whole number of ours",
    ("payments/reports/reading.py", "query"): "a statement that was made before",
    ("jobs/audit_ledger.py", "ROUTINE.timeout_s"): "a whole number of ours",
}

PROBES = (
    "'",
    "1' OR '1'='1",
    '"; DROP TABLE x; --',
    "1) UNION SELECT 1 --",
    "%",
    "\\",
    "$$",
    "%(a)s",
)


def test_row_39_no_statement_is_put_together_from_values() -> None:
    found = set(_put_together())
    assert found - set(KNOWN) == set(), "bind it as a parameter"
    assert {place for place, _ in KNOWN} <= {place for place, _ in found}, "take it out of the list"
    configuration = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    rules = configuration.partition("ignore = [")[2].partition("]\n")[0]
    assert 'select = ["ALL"]' in configuration
    assert "S608" not in rules, "ruff looks, too, wherever something runs"


def test_the_scan_finds_what_it_is_there_for() -> None:
    bad = "def f(name):\n    run(f\"SELECT a FROM b WHERE c = '{name}'\")\n"
    worse = 'def f(name):\n    run("SELECT a FROM b WHERE c = " + name)\n'
    older = 'def f(name):\n    run("SELECT a FROM b WHERE c = %s" % name)\n'
    oldest = 'def f(name):\n    run("SELECT a FROM b WHERE c = {}".format(name))\n'
    fine = 'def f(name):\n    run(f"SELECT {_COLUMNS} FROM b WHERE c = :name", name=name)\n'
    for source in (bad, worse, older, oldest):
        assert list(_values_in(ast.parse(source))) == ["name"], source
    assert list(_values_in(ast.parse(fine))) == []


@pytest.mark.parametrize("probe", PROBES)
def test_no_parameter_of_any_route_reaches_the_database_as_sql(
    app: Flask, key_of: KeyOf, probe: str
) -> None:
    client, admin = app.test_client(), key_of(Role.ADMIN)
    with app.app_context():
        paths = openapi_document()["paths"]
    tried = 0
    for route in routes_of(app):
        if route.method != "GET" or route.endpoint.startswith(("events", "api-docs")):
            continue
        operation = paths.get(re.sub(r"<\w+:(\w+)>", r"{\1}", route.rule), {}).get("get", {})
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                query = {parameter["name"]: probe}
                answer = client.get(route.example, query_string=query, headers=admin)
                assert answer.status_code < 500, (str(route), parameter["name"], answer.text)
                tried += 1
    assert tried > 40


def _put_together() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for value in _values_in(ast.parse(file.read_text(encoding="utf-8"))):
                yield str(file.relative_to(ROOT)), value


def _values_in(tree: ast.AST) -> Iterator[str]:
    """Yield what is put into texts that read like SQL, apart from constants."""
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        match node:
            case ast.JoinedStr(values=values):
                fixed = "".join(str(v.value) for v in values if isinstance(v, ast.Constant))
                parts = [v.value for v in values if isinstance(v, ast.FormattedValue)]
            case ast.BinOp(left=ast.Constant(str(fixed)), op=ast.Add() | ast.Mod(), right=right):
                parts = [right]
            case ast.Call(func=ast.Attribute(ast.Constant(str(fixed)), "format"), args=args):
                parts = list(args)
        if parts and SQL.search(fixed):
            for part in parts:
                text = ast.unparse(part)
                if not CONSTANT.fullmatch(text) and not isinstance(part, ast.Constant):
                    yield text
