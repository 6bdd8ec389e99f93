"""Whether PostgreSQL writes what people entered into its log."""

from sqlalchemy import Connection, text

from payments.provider_checks import Check, State

NAME = "PostgreSQL log"

SHOULD_BE = {
    "log_statement": ("none", "ddl"),
    "log_parameter_max_length": ("0",),
    "log_parameter_max_length_on_error": ("0",),
    "log_error_verbosity": ("terse",),
    "debug_print_parse": ("off",),
    "debug_print_plan": ("off",),
    "debug_print_rewritten": ("off",),
}
"""Statements carry no data, since all of it is bound; parameters and the DETAIL of an error do."""


def postgres_logs(connection: Connection) -> Check:
    """Look for settings that bring names, addresses or amounts into the log.

    Source: https://www.postgresql.org/docs/current/runtime-config-logging.html
    """
    query = text("SELECT name, setting FROM pg_settings WHERE name = ANY (:names)")
    rows = connection.execute(query, {"names": list(SHOULD_BE)}).all()
    wrong = [row for row in rows if row.setting not in SHOULD_BE[row.name]]
    if not wrong:
        return Check(NAME, State.OK, "no parameters, and no rows in details")
    changes = ", ".join(f"{row.name} = {SHOULD_BE[row.name][0]}" for row in wrong)
    told = ", ".join(f"{row.name} is {row.setting}" for row in wrong)
    change = f"set {changes} in postgresql.conf"
    return Check(NAME, State.WARN, f"{told}: what people entered may be logged", change)
