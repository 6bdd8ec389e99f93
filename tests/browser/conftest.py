"""A real Chromium on the running system; what any page complains of fails its test.

def test_something(browse: Browse, system: System) -> None:
    visit = browse(who="finance")                     # signed in; without `who`, nobody
    visit.goto(f"{system.way_in.base_url}/console/finance")
    visit.page.get_by_role("heading", level=1)        # Playwright's page
    visit.picture("desk")                             # kept in test-output/browser/<test>/
    visit.expects(r"401")                             # complaints that belong to the test

A test that fails leaves a picture of each tab as it was then.
"""

import re
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.chromium import HOW_TO_GET_ONE, find_chromium, launch
from tests.browser.visit import Visit
from tests.databases import ROOT
from tests.journeys.conftest import System

PICTURES = ROOT / "test-output" / "browser"

Browse = Callable[..., Visit]

expect.set_options(timeout=15_000)  # a machine that is busy with other tests takes its time


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One browser for the whole session."""
    program = find_chromium(playwright)
    if program is None:
        pytest.skip(HOW_TO_GET_ONE)
    browser = launch(playwright, program)
    yield browser
    browser.close()


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path:
    """Where the screenshots of this test go: test-output/browser/<its name>."""
    name = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name).strip("-")
    folder = PICTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def browse(
    request: pytest.FixtureRequest, chromium: Browser, system: System, pictures: Path
) -> Iterator[Browse]:
    """Open a tab, signed in at Strongroom as a person of the sandbox or as nobody.

    Who signs in with a `token` of their own has done so just now. The arguments of Playwright's
    `new_context` (viewport, color_scheme…) may be given besides.
    """
    visits: list[Visit] = []

    def open_tab(*, who: str | None = None, token: str | None = None, **options: Any) -> Visit:
        context = chromium.new_context(**options)
        context.set_default_timeout(20_000)
        if token is None and who is not None:
            token = system.way_in.tokens[who]
        if token is not None:
            answer = context.request.post(
                f"{system.way_in.base_url}/api/session",
                headers={"Authorization": f"Bearer {token}"},
            )
            assert answer.status == 201, answer.text()
        visits.append(Visit.begin(context, pictures))
        return visits[-1]

    yield open_tab
    complaints = [visit.unexpected() for visit in visits]
    for number, visit in enumerate(visits, start=1):
        if complaints[number - 1] or request.node.stash.get(_FAILED, False):
            visit.picture(f"at-the-end-{number}", whole=False)
        visit.context.close()
    assert complaints == [[] for _ in visits]
