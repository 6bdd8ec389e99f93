"""`strongroom ledger periods`, `close-period` and `reopen-period`.

Reopening takes two: who runs the commands counts as one person, by the name they log in with.
"""

import click
from flask.cli import with_appcontext

from payments.access.caller import Role
from payments.database import in_transaction
from payments.errors import ConflictError
from payments.periods.close_period import close_period as close
from payments.periods.months import read_month
from payments.periods.read_periods import closing_as_json, list_periods, read_period
from payments.periods.reopen_period import reopen_period as reopen
from web.commands.output import json_option, print_json, print_rows, print_told
from web.commands.people import new_reference, reference_option, who_runs_it
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

_PATIENT_S = 3600
"""On the command line a statement of the checklist may take an hour."""


@click.command()
@click.argument("month", metavar="[YYYY-MM]", required=False)
@json_option
@with_appcontext
def periods(*, month: str | None, as_json: bool) -> None:
    """List the months; or show one, with its checklist and the reports kept of it."""
    parts = current_parts()
    if month is None:
        months = in_transaction(
            parts.engine, lambda session: list_periods(session, now=parts.now())
        )
        rows = [
            {
                "month": str(one.month),
                "state": one.state,
                "revision": one.closing.revision if one.closing else None,
                "closed_by": one.closing.closed_by if one.closing else None,
                "as_of": one.closing.as_of if one.closing else None,
            }
            for one in months
        ]
        print_rows(rows, as_json=as_json, empty="Nothing was posted yet.")
        return
    shown = read_period(
        parts.engine, read_month(month), now=parts.now(), statement_timeout_s=_PATIENT_S
    ).as_json()
    if as_json:
        print_json(shown)
        return
    click.echo(f"{month} is {shown['state']}.\n")
    for item in shown["checklist"] or ():
        click.echo(f"{'ok' if item['ok'] else 'NO':4}{item['name']}: {item['detail']}")
    for report in shown["reports"]:
        name = f"{report['name']}.{report['format']}"
        click.echo(f"    revision {report['revision']}  {name}  sha256 {report['sha256']}")


@click.command("close-period")
@click.argument("month", metavar="YYYY-MM")
@click.option(
    "--explain",
    "explained",
    metavar="ID=WHY",
    multiple=True,
    help="Why something that the checklist names may stay open; it is kept.",
)
@reference_option
@json_option
@click.pass_context
@with_appcontext
def close_period(
    context: click.Context,
    *,
    month: str,
    explained: tuple[str, ...],
    reference: str | None,
    as_json: bool,
) -> None:
    """Close a month when its checklist is green; exit with 1 when it is not."""
    parts = current_parts()
    try:
        closing = close(
            parts.engine,
            caller=who_runs_it(Role.FINANCE),
            reference=reference or new_reference(),
            month=read_month(month),
            explanations=dict(_explanation(text) for text in explained),
            now=parts.now(),
            statement_timeout_s=_PATIENT_S,
        ).resource
    except ConflictError as error:
        if error.code != "period_not_ready":
            raise
        rows = [{"item": name, "why": why[0]} for name, why in error.errors.items()]
        print_rows(rows, as_json=as_json, empty="")
        click.echo(f"{month} is not ready to be closed.", err=True)
        context.exit(1)
    print_told(
        f"{month} is closed, as of {closing.as_of.isoformat()}: {closing.id}.",
        closing_as_json(closing),
        as_json=as_json,
    )


@click.command("reopen-period")
@click.argument("month", metavar="YYYY-MM")
@click.option("--reason", required=True, help="Why; it stays written down.")
@reference_option
@json_option
@dry_run_option
@with_appcontext
def reopen_period(*, month: str, reason: str, reference: str | None, as_json: bool) -> None:
    """Ask to reopen the month that was closed last, or reopen it when somebody else asked."""
    parts, caller = current_parts(), who_runs_it(Role.FINANCE)
    row = in_transaction(
        parts.engine,
        lambda session: reopen(
            session,
            caller=caller,
            reference=reference or new_reference(),
            month=read_month(month),
            reason=reason,
            now=parts.now(),
        ),
    ).resource
    if as_json:
        print_json(closing_as_json(row))
    elif row.state == "reopened":
        click.echo(f"{month} is open again.")
    else:
        click.echo(f"{month} is still closed: somebody else must reopen it, too.")


def _explanation(text: str) -> tuple[str, str]:
    name, is_there, why = text.partition("=")
    if not is_there:
        raise click.BadParameter("An explanation reads ID=WHY.")
    return name, why
