"""Pages of our own beside the console's: nothing they do is stopped, nothing goes wrong."""

from tests.browser.accessible import faults_of
from tests.browser.conftest import Browse
from tests.journeys.conftest import System


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
    assert faults_of(visit.page) == []
    visit.picture("sign-in")
