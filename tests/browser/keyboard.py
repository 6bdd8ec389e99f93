"""Going through a page without a mouse."""

import re

from playwright.sync_api import Page

_FOCUSED = """() => {
  const it = document.activeElement;
  if (it.matches('body, main, dialog')) return it.tagName;
  return it.ariaLabel || it.labels?.[0]?.textContent.trim() || it.textContent.trim() || it.name
    || it.tagName;
}"""
_SHOWS_IT = """() => {
  const it = document.activeElement;
  const {outlineStyle, boxShadow} = getComputedStyle(it);
  return outlineStyle !== 'none' || boxShadow !== 'none'
    || Boolean(it.closest('.StripeElement--focus'));
}"""


def tab_to(page: Page, name: str, *, most: int = 60) -> None:
    """Press Tab until what has this name (a regular expression) has the focus, and shows it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if re.search(name, page.evaluate(_FOCUSED)):
            break
    found = page.evaluate(_FOCUSED)
    assert re.search(name, found), f"Tab leads to {found!r} and not to {name}"
    assert page.evaluate(_SHOWS_IT), f"no focus is seen on {name}"
