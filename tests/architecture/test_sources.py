"""Sizes, names, docstrings, and what only few modules may do."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import ALL, PRODUCT, Module, definitions, imported, modules

LONGEST_MODULE = 300
LONGEST_TEST_MODULE = 500  # a table of cases is read line by line, not as a whole
LONGEST_FUNCTION = 70
BANNED = set("util utils helper helpers common manager base misc handler service".split())  # noqa: SIM905 - a list of words
NAMED_BY_OTHERS = {("payments/database.py", "Base")}  # SQLAlchemy's own word for it
MAY_READ_THE_ENVIRONMENT = {"payments/settings.py", "web/gunicorn.py", "web/gunicorn_signer.py"}
STRIPE = "payments/providers/stripe/"
NOT_THE_PRODUCT = {"sandbox", "tests", "benchmarks", "pytest"}


def test_modules_fit_on_a_few_screens_and_functions_on_one() -> None:
    assert not [
        f"{module.path} has {lines} lines"
        for module in modules(*ALL)
        for lines in [len(module.text.splitlines())]
        for in_tests in [module.path.startswith("tests/")]
        if lines > (LONGEST_TEST_MODULE if in_tests else LONGEST_MODULE)
    ]
    assert not [
        f"{module.path}: {node.name}"
        for module in modules(*ALL)
        for node in definitions(module)
        if not isinstance(node, ast.ClassDef)
        if (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
    ]


def test_names_say_what_a_thing_is() -> None:
    assert not [
        f"{module.path}: {name}"
        for module in modules(*ALL)
        for name, banned in names_of(module)
        if words_of(name) & banned and (module.path, name) not in NAMED_BY_OTHERS
    ]


def names_of(module: Module) -> Iterator[tuple[str, set[str]]]:
    """Yield what is named in a module, each with the words that say nothing there."""
    for part in module.path.removesuffix(".py").split("/"):
        yield part, BANNED
    if module.path.startswith("tests/"):
        return  # fixtures are named for the caller they stand for, such as `service`
    for node in definitions(module):
        # `base_url` and base 62 do say something.
        yield node.name, BANNED if isinstance(node, ast.ClassDef) else BANNED - {"base"}


def words_of(name: str) -> set[str]:
    """Return the words a name is made of: `http_handler`, `HttpHandler` -> http, handler."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_modules_and_what_is_public_in_them_have_docstrings() -> None:
    assert not [
        f"{module.path}: {name}" for module in modules(*PRODUCT) for name in undocumented(module)
    ]


def undocumented(module: Module) -> Iterator[str]:
    """Yield the module, public classes, functions and methods that have no docstring."""
    if not ast.get_docstring(module.tree):
        yield "the module itself"
    nodes: list[ast.stmt] = list(module.tree.body)
    for node in nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield node.name
            nodes += node.body if isinstance(node, ast.ClassDef) else []


def test_only_the_settings_read_the_environment() -> None:
    assert {
        module.path
        for module in modules(*PRODUCT)
        if re.search(r"\bos\.(environ|getenv|environb)\b|from os import", module.text)
    } <= MAY_READ_THE_ENVIRONMENT


def test_only_stripes_own_folder_knows_its_sdk() -> None:
    users = [
        module.path
        for module in modules(*PRODUCT)
        if any(name.split(".")[0] == "stripe" for name in imported(module))
    ]
    assert users
    assert all(path.startswith(STRIPE) for path in users), users


def test_the_product_knows_no_sandbox_and_no_tests() -> None:
    assert not [
        module.path
        for module in modules(*PRODUCT)
        if {name.split(".")[0] for name in imported(module)} & NOT_THE_PRODUCT
    ]


def test_nothing_is_made_a_float() -> None:
    assert not [
        f"{module.path}:{node.lineno}"
        for module in modules(*PRODUCT)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id == "float"
    ]


def test_every_exception_from_a_rule_has_its_reason() -> None:
    assert not [
        f"{module.path}:{number} {mark}"
        for module in modules(*ALL)
        for number, line in enumerate(module.text.splitlines(), start=1)
        for mark in re.findall(r"# (?:noqa|type: ignore)[^#\"']*(?:#[^#]*)?", line)
        if not has_reason(mark)
    ]


def has_reason(mark: str) -> bool:
    """Tell whether words follow the name of the rule."""
    rest = re.sub(r"noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\]", "", mark)
    return re.search(r"[A-Za-z0-9]{2}", rest) is not None
