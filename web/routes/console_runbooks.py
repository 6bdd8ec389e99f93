"""The console's runbooks: what to do when something is wrong, and the ways to where one does it."""

from flask import render_template

from payments.errors import NotFoundError
from web.console_pages import ConsolePages
from web.handbook import anchor_of, read_sections, rendered
from web.runbooks import RUNBOOKS, runbook

blueprint = ConsolePages("console_runbooks")


@blueprint.page("/runbooks")
def list_all() -> str:
    """List the incidents there are runbooks for, and the other sections of the handbook."""
    known = {anchor_of(each.heading) for each in RUNBOOKS}
    others = [section for section in read_sections() if section.anchor not in known]
    return render_template("console/runbooks.html", runbooks=RUNBOOKS, others=others)


@blueprint.page("/runbooks/<name:name>")
def show(name: str) -> str:
    """Show what to do: a runbook by its name, or any section of the handbook by its anchor.

    Raises:
        NotFoundError: there is neither.
    """
    book = runbook(name)
    every = read_sections()
    anchor = name if book is None else anchor_of(book.heading)
    section = next((each for each in every if each.anchor == anchor), None)
    if book is None and section is None:
        raise NotFoundError("There is no such runbook.")
    return render_template(
        "console/runbook.html",
        book=book,
        section=section,
        text=None if section is None else rendered(section, every),
    )
