"""What can be measured of whether everybody can use a page: names, language, contrast, width."""

from pathlib import Path

from playwright.sync_api import Page

_FAULTS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def faults_of(page: Page) -> list[str]:
    """Return what stands between a page and some of its readers."""
    faults: list[str] = page.evaluate(_FAULTS)
    return faults
