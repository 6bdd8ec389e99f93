"""`strongroom ledger mappings`: which account of a package stands for which of ours."""

from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from payments.access.caller import Role
from payments.database import in_transaction
from payments.reports.mappings.packages import PACKAGES, Target
from payments.reports.mappings.read_mappings import read_mappings, unmapped_accounts
from payments.reports.mappings.set_mappings import remove_mapping, set_mapping
from web.commands.output import json_option, print_rows, print_told
from web.commands.people import command_line
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

mappings = AppGroup("mappings", help="Say what our accounts are called in Xero and QuickBooks.")

_package = click.argument("package", type=click.Choice(PACKAGES))


@mappings.command("list")
@_package
@json_option
def list_all(*, package: str, as_json: bool) -> None:
    """List a package's mappings; accounts that moved and have none come last, without a code."""
    parts = current_parts()

    def work(session: Session) -> list[dict[str, Any]]:
        found = [
            {"account": one.control, "code": one.code, "tax_code": one.tax_code}
            for one in read_mappings(session, package)
        ]
        lacking = unmapped_accounts(session.connection(), package, now=parts.now())
        return found + [{"account": one, "code": None, "tax_code": None} for one in lacking]

    rows = in_transaction(parts.engine, work)
    print_rows(rows, as_json=as_json, empty="Nothing is mapped yet, and nothing has moved.")


@mappings.command("set")
@_package
@click.argument("account")
@click.argument("code")
@click.option("--tax-code", help="Xero: the tax rate's full name, such as No Tax.")
@json_option
@dry_run_option
def set_one(*, package: str, account: str, code: str, tax_code: str | None, as_json: bool) -> None:
    """Map one of our accounts to the package's account CODE."""
    parts = current_parts()
    in_transaction(
        parts.engine,
        lambda session: set_mapping(
            session,
            package,
            account,
            Target(code, tax_code),
            caller=command_line(Role.FINANCE),
            now=parts.now(),
        ),
    )
    told = {"package": package, "account": account, "code": code, "tax_code": tax_code}
    print_told(f"{account} is {code} in {package}.", told, as_json=as_json)


@mappings.command()
@_package
@click.argument("account")
@json_option
@dry_run_option
def remove(*, package: str, account: str, as_json: bool) -> None:
    """Remove a mapping."""
    in_transaction(
        current_parts().engine, lambda session: remove_mapping(session, package, account)
    )
    told = f"{account} is not mapped to {package} any more."
    print_told(told, {"package": package, "account": account, "code": None}, as_json=as_json)
