"""Every page of our own, in a real browser: nothing it does is stopped, nothing goes wrong."""

import datetime as dt

import pytest

from tests.browser.conftest import Browse
from tests.journeys.conftest import System

CONSOLE = ("/console/finance", "/console/finance/reports/trial-balance")


@pytest.mark.parametrize("path", CONSOLE)
def test_the_console_shows_itself_without_a_complaint(
    browse: Browse, system: System, path: str
) -> None:
    visit = browse(who="finance")
    assert visit.goto(system.way_in.base_url + path).status == 200
    assert visit.page.get_by_role("heading", level=1).is_visible()
    ours = f"{system.way_in.base_url}/console/scripts/"
    assert all(url.startswith(ours) for url in visit.loaded("script"))


def test_the_page_of_a_month_shows_itself_without_a_complaint(
    browse: Browse, system: System
) -> None:
    month = dt.datetime.now(dt.UTC).strftime("%Y-%m")  # noqa: TID251 - the system's clock is real
    visit = browse(who="finance")
    url = f"{system.way_in.base_url}/console/finance/periods/{month}"
    assert visit.goto(url).status == 200
    assert visit.page.get_by_role("heading", level=1).is_visible()


def test_the_description_of_the_api_shows_itself_without_a_complaint(
    browse: Browse, system: System
) -> None:
    visit = browse()
    assert visit.goto(f"{system.way_in.base_url}/api/docs").status == 200
    assert visit.page.get_by_role("heading", level=1).is_visible()
    assert visit.loaded("script") == []


def test_who_has_no_session_is_led_to_one(browse: Browse, system: System) -> None:
    visit = browse()
    visit.expects(r"status of 401")
    assert visit.goto(f"{system.way_in.base_url}/console/finance").status == 401
    assert visit.page.get_by_role("heading", level=1).is_visible()
