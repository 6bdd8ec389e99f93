"""The command line `strongroom`, on Flask's click group: errors are sentences, not tracebacks."""

import sys
from typing import Any

import click
from flask import Flask
from flask.cli import FlaskGroup
from sqlalchemy.exc import DBAPIError

from ledger.errors import LedgerError
from payments.database import APPLICATION_ROLE
from payments.errors import StrongroomError
from payments.log_lines import configure_log_lines
from payments.privacy.encryption import KeysetError
from payments.privacy.redaction import redact_text
from payments.settings import SettingsError, read_settings
from web.commands.alerts import alerts
from web.commands.audit import audit
from web.commands.backup import backup
from web.commands.bank import bank
from web.commands.chain import chain_group
from web.commands.dead_letters import dead_letters
from web.commands.deadlines import deadlines
from web.commands.declines import payments_group
from web.commands.deeds import bind_command
from web.commands.doctor import doctor
from web.commands.duplicates import duplicates
from web.commands.encryption import encryption
from web.commands.events import events
from web.commands.freezes import freeze, freezes, releases, unfreeze
from web.commands.incidents import incidents
from web.commands.keys import keys
from web.commands.ledger import ledger_group
from web.commands.notices import notices
from web.commands.pending import pending
from web.commands.reconcile import reconcile
from web.commands.reconciliation import statements
from web.commands.restore import restore
from web.commands.search import find
from web.commands.secrets import secrets_group, sessions_group
from web.commands.stripe import stripe_group
from web.commands.webhooks import webhooks
from web.parts import install_parts, make_parts

_FORESEEN = (SettingsError, KeysetError, StrongroomError, LedgerError)


class CommandLine(FlaskGroup):
    """Lists its commands without an application, and prints foreseen errors plainly."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands' names."""
        return sorted(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command.

        Raises:
            ClickException: it failed in a way that one sentence explains.
        """
        try:
            return super().invoke(ctx)
        except _FORESEEN as error:
            faults = getattr(error, "errors", {}).items()
            lines = [f"  {field}: {' '.join(told)}" for field, told in faults]
            raise click.ClickException("\n".join([str(error), *lines])) from error
        except DBAPIError as error:
            reason = redact_text(str(error.orig)).strip()
            raise click.ClickException(f"PostgreSQL refused or is away: {reason}") from error


def _make_app() -> Flask:
    # Commands need the parts and no route: without them, each starts half a second sooner.
    settings = read_settings()
    configure_log_lines("WARNING", stream=sys.stderr)  # standard output is the command's answer
    app, parts = Flask(__name__), make_parts(settings, role=APPLICATION_ROLE)
    install_parts(app, parts)
    context = click.get_current_context()
    context.find_root().call_on_close(parts.close)
    bind_command(context, parts)
    return app


main = CommandLine(
    name="strongroom",
    help="Look after a Strongroom: what runs, API keys, encryption, the ledger, webhooks.",
    create_app=_make_app,
    add_default_commands=False,
    add_version_option=False,
    load_dotenv=False,
    set_debug_flag=False,
)
for _command in (
    alerts,
    audit,
    backup,
    bank,
    chain_group,
    dead_letters,
    deadlines,
    doctor,
    keys,
    duplicates,
    encryption,
    events,
    find,
    freeze,
    freezes,
    incidents,
    ledger_group,
    notices,
    payments_group,
    pending,
    reconcile,
    releases,
    restore,
    secrets_group,
    sessions_group,
    stripe_group,
    statements,
    unfreeze,
    webhooks,
):
    main.add_command(_command)

if __name__ == "__main__":
    main()
