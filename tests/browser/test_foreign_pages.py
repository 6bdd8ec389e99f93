"""Pages of others in the browser of somebody who is signed in: they change and learn nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Browse
from tests.browser.foreign_site import ForeignSite, foreign_site
from tests.browser.visit import Visit
from tests.journeys.conftest import System

FETCH = """async ([url, options]) => {
  try {
    const answer = await fetch(url, {credentials: 'include', ...options});
    return [answer.type, answer.status, await answer.text()];
  } catch (error) { return ['refused', 0, String(error)]; }
}"""
ENTRY = '{"reference": "stolen", "report": "journal", "format": "csv"}'


@pytest.fixture(scope="module")
def evil() -> Iterator[ForeignSite]:
    with foreign_site() as site:
        yield site


@pytest.fixture(params=["beside_us", "elsewhere"])
def lured(request: pytest.FixtureRequest, browse: Browse, evil: ForeignSite) -> Visit:
    """Finance, signed in, on a page of another origin, or of another site altogether."""
    visit = browse(who="finance")
    visit.expects(".")  # the browser says what it refuses
    visit.goto(getattr(evil, request.param))
    return visit


def answered(system: System, method: str, path: str) -> list[int]:
    """How the web process says that it has answered since the system began."""
    lines = (system.home.logs / "web.log").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines if path in line and '"request"' in line]
    return [each["status"] for each in told if (each["method"], each["path"]) == (method, path)]


def fetched(visit: Visit, url: str, **options: Any) -> list[Any]:
    told: list[Any] = visit.page.evaluate(FETCH, [url, options])
    return told


def test_it_cannot_read(lured: Visit, system: System) -> None:
    for path in ("/api/payments", "/console/finance", "/api/ledger/accounts"):
        assert fetched(lured, system.way_in.base_url + path)[0] == "refused"
    blind = fetched(lured, f"{system.way_in.base_url}/api/payments", mode="no-cors")
    assert blind[0] == "refused" or blind == ["opaque", 0, ""]


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_it_cannot_write(lured: Visit, system: System, content_type: str) -> None:
    path = "/api/ledger/exports"
    before = len(answered(system, "POST", path))
    is_json = content_type == "application/json"
    for mode in ("cors",) if is_json else ("cors", "no-cors"):
        told = fetched(
            lured,
            system.way_in.base_url + path,
            method="POST",
            mode=mode,
            body=ENTRY,
            headers={"Content-Type": content_type},
        )
        assert told[0] == "refused" or told == ["opaque", 0, ""]
    reached = answered(system, "POST", path)[before:]
    # JSON is asked about first, and not sent; text is sent, and refused here.
    assert len(reached) == (0 if is_json else 2)
    assert set(reached) <= {401, 403}


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "text/plain"])
def test_its_form_is_refused(lured: Visit, system: System, encoding: str) -> None:
    lured.page.set_content(
        f'<form method="post" enctype="{encoding}" action="{system.way_in.base_url}'
        """/api/ledger/exports"><input name='{"reference": "x", "a": "' value='"}'></form>"""
    )
    with lured.page.expect_navigation() as navigation:
        lured.page.evaluate("document.forms[0].submit()")
    assert navigation.value.status in (401, 403)


def test_it_cannot_frame_us(lured: Visit, system: System) -> None:
    paths = ("/console/finance", "/api/docs")
    addresses = [system.way_in.base_url + path for path in paths]
    addresses += [f"{system.way_in.shop_url}{path}" for path in ("/", "/staff")]
    lured.page.set_content("".join(f'<iframe src="{url}"></iframe>' for url in addresses))
    lured.until(lambda: sum("frame-ancestors" in each for each in lured.complaints) >= 4)
    for frame in lured.page.frames[1:]:
        assert "Strongroom" not in frame.content()
        assert "Kiln" not in frame.content()
    lured.picture("framed")


def test_it_cannot_load_us_as_picture_script_or_style(lured: Visit, system: System) -> None:
    base = system.way_in.base_url
    chart = f"{base}/api/ledger/charts/result.svg?asset=USD"
    loaded = lured.page.evaluate(
        """async (addresses) => Promise.all(addresses.map(([tag, at, url]) =>
             new Promise((resolve) => {
               const made = document.createElement(tag);
               made.onload = () => resolve(true);
               made.onerror = () => resolve(false);
               if (tag === 'link') made.rel = 'stylesheet';
               made[at] = url;
               document.head.append(made);
             })))""",
        [
            ["img", "src", chart],
            ["script", "src", f"{base}/api/payments"],
            ["link", "href", f"{base}/console/console.css"],
            ["img", "src", f"{base}/console/icon.svg"],
        ],
    )
    assert loaded == [False, False, False, False]
    assert answered(system, "GET", "/api/ledger/charts/result.svg")[-1] in (401, 403)


def test_it_has_no_hold_on_a_window_of_ours(lured: Visit, system: System) -> None:
    with lured.context.expect_page() as opened:
        lured.page.evaluate(
            "(url) => { window.opened = window.open(url); }",
            f"{system.way_in.base_url}/console/finance",
        )
    ours = opened.value
    ours.wait_for_load_state()
    assert ours.evaluate("window.opener") is None
    lured.until(lambda: bool(lured.page.evaluate("window.opened.closed")))


def test_a_link_from_elsewhere_is_followed(
    browse: Browse, system: System, evil: ForeignSite
) -> None:
    visit = browse(who="finance")
    visit.goto(evil.elsewhere)
    visit.page.set_content(f'<a href="{system.way_in.base_url}/console/finance">The desk</a>')
    with visit.page.expect_navigation() as navigation:
        visit.page.get_by_text("The desk").click()
    assert navigation.value.status == 200


def test_no_script_sees_the_cookie(browse: Browse, system: System) -> None:
    visit = browse(who="finance")
    visit.goto(f"{system.way_in.base_url}/console/finance")
    assert visit.page.evaluate("document.cookie") == ""
    (cookie,) = visit.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
