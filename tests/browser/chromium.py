"""Finds a Chromium: one on the PATH, or the one that `playwright install chromium` has fetched."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
HOW_TO_GET_ONE = (
    "no Chromium: install one (Debian: apt install chromium), or run "
    ".venv/bin/playwright install chromium"
)


def find_chromium(playwright: Playwright) -> Path | None:
    """Return the program; None when this machine has none."""
    own = playwright.chromium.executable_path
    for candidate in (*map(shutil.which, _NAMES), own):
        if candidate is not None and Path(candidate).exists():
            return Path(candidate)
    return None


def launch(playwright: Playwright, program: Path) -> Browser:
    """Start it without a window; root may not use Chromium's own sandbox."""
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=program, args=args)
