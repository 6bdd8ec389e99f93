"""The desk of dead letters: looked into with a reason, tried again, or given up for good."""

from flask import render_template

from payments.database import in_transaction
from payments.dead_letters.list_dead import count_dead, list_dead
from web.console_pages import ConsolePages
from web.console_queries import PAGE, asked, page_after, read_filters
from web.parts import current_parts
from web.schemas.dead_letters import DeadLettersQuery

blueprint = ConsolePages("console_dead_letters")


@blueprint.page("/dead-letters", action="dead_letters.read")
def show() -> str:
    """Show dead letters of one kind: the asked for, or the first of which there are any.

    With `discarded` in the address, those that were given up for good.
    """
    engine = current_parts().engine
    query = read_filters(DeadLettersQuery, ("kind", "after", "discarded"))
    discarded: bool = query["discarded"]
    counts = in_transaction(engine, lambda session: count_dead(session, discarded=discarded))
    others = in_transaction(engine, lambda session: count_dead(session, discarded=not discarded))
    there_are = [kind for kind, number in counts.items() if number]
    kind = query.get("kind") or next(iter(there_are), next(iter(counts)))
    page = in_transaction(
        engine,
        lambda session: list_dead(
            session, limit=PAGE, kind=kind, after=query.get("after"), discarded=discarded
        ),
    )
    return render_template(
        "console/dead_letters.html",
        letters=page.data,
        counts=counts,
        kind=kind,
        discarded=discarded,
        others=sum(others.values()),
        older=page_after(page.next, asked("kind", "discarded")),
    )
