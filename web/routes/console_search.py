"""Search in the console: by whatever somebody has of a thing."""

from collections.abc import Mapping
from itertools import groupby

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from payments.database import in_transaction
from payments.search.find import LONGEST_TEXT, Findings, find
from payments.search.found import Found
from web.authentication import current_caller
from web.console_links import link_to
from web.console_pages import ConsolePages
from web.parts import current_parts
from web.policies import POLICIES

blueprint = ConsolePages("console_search")

_PAGES = ("/console/payments/", "/console/orders/", "/console/escrows/")


@blueprint.page("/search", action="things.search")
def search() -> str | Response:
    """Show what is found; a thing that is named exactly, and alone, is gone to at once."""
    asked = request.args.get("q", "").strip()
    findings = _find(asked[:LONGEST_TEXT]) if asked else Findings([])
    exact = [found for found in findings.items if found.id == asked]
    link = link_to(exact[0]) if exact else None
    if link is not None and link.startswith(_PAGES):
        return redirect(link, 303)
    return render_template(
        "console/search.html",
        asked=asked,
        findings=findings,
        groups=_groups(findings),
        link_to=link_to,
    )


def _find(asked: str) -> Findings:
    parts, people = current_parts(), current_caller().role in POLICIES["parties.find"]
    return in_transaction(
        parts.engine,
        lambda session: find(session, text=asked, cipher=parts.cipher, people=people),
    )


def _groups(findings: Findings) -> Mapping[str, list[Found]]:
    """Return what was found by its kind, in the order in which the kinds came."""
    order = list(dict.fromkeys(found.kind for found in findings.items))
    by_kind = sorted(findings.items, key=lambda found: order.index(found.kind))
    return {kind: list(group) for kind, group in groupby(by_kind, key=lambda found: found.kind)}
