"""The shop's JavaScript has words for everything that the API may say to a buyer."""

import re
from pathlib import Path

from payments.lifecycle.stages import Status
from payments.providers.stripe.declines import NextStep
from sandbox.shop import app as shop_app
from web.problems import PROBLEMS

STATIC = Path(shop_app.__file__).parent / "static"
ROOT = STATIC.parents[2]


def keys_of(file: str, table: str) -> set[str]:
    """Return the keys of a JavaScript object that is written out."""
    text = (STATIC / file).read_text(encoding="utf-8")
    [body] = re.findall(rf"const {table} = {{\n(.*?)\n}};", text, re.DOTALL)
    return set(re.findall(r"^  ([a-z_]+): ", body, re.MULTILINE))


def test_every_status_of_a_payment_is_said() -> None:
    statuses = {str(status) for status in Status}
    assert keys_of("payment_state.js", "BY_STATUS") == statuses
    assert keys_of("escrow_state.js", "BY_STATUS") <= statuses
    assert keys_of("bank_state.js", "BY_STATUS") <= statuses


def test_every_next_step_is_said() -> None:
    assert keys_of("problems.js", "NEXT_STEP") == {str(step) for step in NextStep}


def test_the_problems_it_has_words_for_are_known() -> None:
    own = {"unreachable"}  # there was no answer at all
    assert keys_of("problems.js", "BY_CODE") - own <= set(PROBLEMS)


def test_the_documentation_names_the_files_there_are() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    [section] = re.findall(r"^## Your frontend\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"`(?:static/)?([a-z_]+\.js)`", section))
    assert named == {file.name for file in STATIC.glob("*.js")} - {
        "page.js",  # banner.js for pages without a script of their own
        "staff.js",
        "timeline.js",
    }
