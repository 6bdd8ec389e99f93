"""The project's own modules, read as text and as syntax trees, for the tests beside this file."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PRODUCT = ("ledger", "payments", "web", "jobs")
ALL = (*PRODUCT, "sandbox", "migrations", "benchmarks", "tests")


class Module(NamedTuple):
    """A Python file: its path from the root, its text, its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The module's dotted name."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def modules(*packages: str) -> list[Module]:
    """Return the modules of packages, and `wsgi.py`."""
    files = [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]
    return [
        Module(str(file.relative_to(ROOT)), text, ast.parse(text))
        for file in [*files, ROOT / "wsgi.py"]
        for text in [file.read_text(encoding="utf-8")]
    ]


def definitions(
    module: Module,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield every function, method and class of a module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return (node for node in ast.walk(module.tree) if isinstance(node, kinds))


def imported(module: Module) -> set[str]:
    """Return the dotted names a module imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def crash_points(*kinds: str) -> set[str]:
    """Return the names of the product's crash points that begin with one of some words."""
    named = re.compile(rf'\breach\(\s*f?"((?:{"|".join(kinds)})\.[^"]+)"')
    return {name for module in modules(*PRODUCT) for name in named.findall(module.text)}
