"""The console's runbooks: every one is a page of words with ways to act, and nothing in it runs."""

import re

import pytest
from flask.testing import FlaskClient

from payments.access.caller import STAFF_ROLES, Role
from tests.web.conftest import Headers, KeyOf
from web.handbook import Section, anchor_of, read_sections, rendered, sections
from web.runbooks import RUNBOOKS


@pytest.fixture
def support(key_of: KeyOf) -> Headers:
    return key_of(Role.SUPPORT)


def test_all_of_the_staff_read_them_and_nobody_else(client: FlaskClient, key_of: KeyOf) -> None:
    for path in ("/console/runbooks", "/console/runbooks/duplicate-release"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=key_of(Role.SERVICE)).status_code == 403
        for role in STAFF_ROLES:
            assert client.get(path, headers=key_of(role)).status_code == 200


def test_the_list_leads_to_every_runbook_and_to_every_section(
    client: FlaskClient, support: Headers
) -> None:
    page = client.get("/console/runbooks", headers=support).text
    led_to = set(re.findall(r'href="/console/runbooks/([^"]+)"', page))
    known = {anchor_of(each.heading) for each in RUNBOOKS}
    others = {each.anchor for each in read_sections()} - known
    assert led_to == {each.name for each in RUNBOOKS} | others
    for name in led_to:
        assert client.get(f"/console/runbooks/{name}", headers=support).status_code == 200, name


def test_a_runbook_shows_its_section_and_leads_to_where_one_acts(
    client: FlaskClient, support: Headers
) -> None:
    page = client.get("/console/runbooks/duplicate-release", headers=support).text
    assert "strongroom unfreeze" in page
    assert 'href="/console/releases"' in page
    assert not re.search(r"<script(?! type=\"module\" src)|\sstyle=|\son\w+=|javascript:", page)
    unknown = client.get("/console/runbooks/horoscope", headers=support)
    assert unknown.status_code == 404


def test_html_in_the_handbook_stays_text() -> None:
    section = Section(
        "Evil", "<script>alert(1)</script> [x](javascript:alert(1)) ![y](https://a/b)"
    )
    html = rendered(section, [section])
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "<img" not in html


def test_links_lead_to_pages_of_the_console_or_stay_words() -> None:
    links = "[one](#two) [in](#deep) [own](#near) [file](finance.md#x) [far](https://a.test/b)"
    text = f"{links}\n\n### Near\n"
    first, other = Section("One", text), Section("Two", "### Deep\n")
    html = rendered(first, [first, other])
    assert re.findall(r'href="([^"]*)"', html) == [
        "/console/runbooks/two",
        "/console/runbooks/two#deep",
        "#near",
        "https://a.test/b",
    ]
    assert '<h3 id="near">' in html


def test_a_hash_in_code_begins_no_section() -> None:
    text = "# Title\n\n## One\n\n```sh\n## no heading\n```\n\n## Two\n\nwords\n"
    assert [each.heading for each in sections(text)] == ["One", "Two"]
    assert "## no heading" in sections(text)[0].text
