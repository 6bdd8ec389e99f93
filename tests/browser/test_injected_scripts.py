"""What somebody has got into a page of ours does not run, whichever kind of page it is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import Browse
from tests.browser.foreign_site import ForeignSite, foreign_site
from tests.browser.visit import Visit
from tests.journeys.conftest import System

RAN = "window.inlineRan || window.handlerRan || window.foreignScriptRan || window.sneakedIn"

# path, who is signed in, on which server
KINDS = {
    "a page of the console": ("strongroom", "/console/finance", "finance"),
    "the way to sign in": ("strongroom", "/console/finance", None),
    "the description of the API": ("strongroom", "/api/docs", None),
    "an answer of the API": ("strongroom", "/api/payments", "finance"),
    "a refusal of the API": ("strongroom", "/api/nowhere", None),
    "a chart": ("strongroom", "/api/ledger/charts/result.svg?asset=USD", "finance"),
    "the shop's catalogue": ("shop", "/", None),
    "the shop's checkout": ("shop", "/checkout/{order}", None),
    "the shop's order": ("shop", "/orders/{order}", None),
    "the shop's staff page": ("shop", "/staff", None),
}


@pytest.fixture(scope="module")
def evil() -> Iterator[ForeignSite]:
    with foreign_site() as site:
        yield site


def infect(visit: Visit, url: str, evil: ForeignSite) -> None:
    """Show a page with its own headers, in which somebody has got markup of theirs."""
    markup = f"""
      <script>window.inlineRan = true</script>
      <img src="x:" onerror="window.handlerRan = true">
      <script src="{evil.elsewhere}/evil.js"></script>
      <link rel="stylesheet" href="{evil.elsewhere}/evil.css">
      <style>body {{ background: url("{evil.elsewhere}/evil.png") }}</style>
      <iframe src="{evil.elsewhere}/frame"></iframe>
      <object data="{evil.elsewhere}/object"></object>
      <base href="{evil.elsewhere}/">
      <a id="evil-link" href="javascript:window.sneakedIn = true">x</a>
      <form id="evil-form" action="{evil.elsewhere}/form"><input name="a"></form>
    """

    def answer(route: Route) -> None:
        honest = route.fetch()
        headers = {**honest.headers, "content-type": "text/html"}
        body = honest.text().replace("</body>", "") + markup
        route.fulfill(response=honest, headers=headers, body=body)

    visit.page.route(url, answer)
    visit.goto(url)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_was_brought_in_runs_or_calls_home(
    browse: Browse, system: System, evil: ForeignSite, kind: str
) -> None:
    server, path, who = KINDS[kind]
    base = {"strongroom": system.way_in.base_url, "shop": system.way_in.shop_url}[server]
    visit = browse(who=who)
    visit.expects(".")  # all of it is refused, loudly
    asked_before = len(evil.asked)
    order = system.order()["id"] if "{order}" in path else ""
    infect(visit, base + path.format(order=order), evil)
    visit.until(lambda: len({each.directive for each in visit.violations}) >= 4)
    visit.page.evaluate("document.querySelector('#evil-link').click()")
    visit.page.evaluate("document.querySelector('#evil-form').submit()")
    stopped = {each.directive for each in visit.violations}
    assert stopped >= {"script-src-elem", "script-src-attr", "style-src-elem", "frame-src"}, stopped
    assert visit.page.evaluate(RAN) is None or visit.page.evaluate(RAN) is False
    visit.page.wait_for_load_state()
    assert evil.asked[asked_before:] == []
    assert visit.page.url.startswith(base)


def test_an_attribute_is_not_made_code(browse: Browse, system: System) -> None:
    visit = browse()
    visit.expects("inline event handler", "script-src-attr")
    visit.goto(f"{system.way_in.shop_url}/checkout/{system.order()['id']}")
    visit.page.evaluate("document.body.setAttribute('onclick', 'window.handlerRan = true')")
    visit.page.evaluate("document.body.click()")
    visit.until(lambda: bool(visit.violations))
    assert not visit.page.evaluate("Boolean(window.handlerRan)")
