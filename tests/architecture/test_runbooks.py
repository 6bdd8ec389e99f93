"""Every runbook is whole: its section, commands, calls, pages and the test that plays it exist."""

import importlib
import re
from functools import cache

import click
import pytest

from payments.settings import read_settings
from tests.architecture.routes import Route, routes_of
from tests.architecture.sources import ROOT
from tests.web.conftest import environment
from web.app import create_app
from web.command_line import main
from web.handbook import Section, anchor_of, read_sections
from web.runbooks import RUNBOOKS, Runbook

NAMES = [each.name for each in RUNBOOKS]
each_runbook = pytest.mark.parametrize("book", RUNBOOKS, ids=NAMES)


@pytest.fixture(scope="module")
def routes() -> set[str]:
    nowhere = "postgresql://a:b@127.0.0.1:9/c"
    environ = environment(database_url=nowhere, redis_url="redis://127.0.0.1:9")
    found: list[Route] = routes_of(create_app(read_settings(environ)))
    return {str(route) for route in found}


@cache
def handbook() -> dict[str, Section]:
    return {section.heading: section for section in read_sections()}


def command(words: str) -> click.Command | None:
    """Find a command by what is typed after `strongroom`."""
    found: click.Command | None = main
    for word in words.split():
        if not isinstance(found, click.Group):
            return None
        found = found.get_command(click.Context(found), word)
    return found


@each_runbook
def test_its_section_names_every_command(book: Runbook) -> None:
    section = handbook()[book.heading]
    for words in book.commands:
        found = command(words)
        assert found is not None, f"strongroom {words}"
        assert not isinstance(found, click.Group) or found.invoke_without_command, words
        assert f"strongroom {words}" in section.text, words


@each_runbook
def test_its_calls_and_pages_are_served(book: Runbook, routes: set[str]) -> None:
    assert set(book.endpoints) - routes == set()
    assert {f"GET {page.path}" for page in book.pages} - routes == set()


@each_runbook
def test_it_is_played_from_start_to_finish(book: Runbook) -> None:
    assert book.test == f"tests/incidents/test_{book.name.replace('-', '_')}.py"
    file = ROOT / book.test
    assert file.exists()
    assert re.search(r"^def test_", file.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_played_incident_has_a_runbook() -> None:
    played = {str(file.relative_to(ROOT)) for file in (ROOT / "tests/incidents").glob("test_*.py")}
    assert {each.test for each in RUNBOOKS} == played


def test_the_handbook_begins_with_a_way_to_every_runbook() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    beginning = text.partition("\n## ")[0]
    for book in RUNBOOKS:
        assert f"(#{anchor_of(book.heading)})" in beginning, book.name


def test_no_link_within_the_handbook_leads_nowhere() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    anchors = {anchor_of(found) for found in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) - anchors == set()


def test_every_alert_leads_to_a_runbook() -> None:
    conditions = importlib.import_module("payments.alerts.all_conditions")
    assert {each.runbook for each in conditions.CONDITIONS} <= set(NAMES)
