"""Who logs in to PostgreSQL, and what the roles of our processes may do there."""

from sqlalchemy import Connection, text

from payments.database import (
    API_ROLE,
    APPLICATION_ROLE,
    AUDITOR_ROLE,
    RELAY_ROLE,
    SIGNER_ROLE,
    WORKER_ROLE,
)
from payments.provider_checks import Check, State

_LOGIN = text("""
    SELECT session_user AS login, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
           EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('ledger.postings')
                      AND pg_has_role(session_user, relowner, 'MEMBER')) AS is_owner
      FROM pg_roles WHERE rolname = session_user
""")
_MIGHTY = text("""
    SELECT rolname FROM pg_roles
     WHERE rolname = ANY (:roles)
       AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
            OR has_table_privilege(rolname, 'ledger.postings', 'UPDATE, DELETE, TRUNCATE')
            OR has_table_privilege(rolname, 'ledger.entries', 'UPDATE, DELETE, TRUNCATE'))
     ORDER BY rolname
""")
_KNOWN = text("SELECT count(*) FROM pg_roles WHERE rolname = ANY (:roles)")
_SHARED = text("""
    SELECT usename AS login, array_agg(DISTINCT application_name ORDER BY application_name) AS roles
      FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = ANY (:roles)
     GROUP BY usename HAVING count(DISTINCT application_name) > 1 ORDER BY usename
""")
_PROCESSES = [API_ROLE, WORKER_ROLE, RELAY_ROLE, SIGNER_ROLE]


def postgres_role(connection: Connection, *, is_sandbox: bool) -> Check:
    """Look at the login: one that owns the tables undoes every guard with RESET ROLE."""
    name = "PostgreSQL role"
    row = connection.execute(_LOGIN).one()
    connection.execute(text(f"SET LOCAL ROLE {APPLICATION_ROLE}"))
    change = f"CREATE ROLE … LOGIN IN ROLE {APPLICATION_ROLE}, and log in as that"
    if row.rolsuper:
        detail = f"{row.login} is a superuser: nothing in the database can hold it back"
        return Check(name, State.WARN if is_sandbox else State.FAIL, detail, change)
    powers = [
        told
        for told, has in (
            ("owns the tables", row.is_owner),
            ("may make roles", row.rolcreaterole),
            ("may make databases", row.rolcreatedb),
            ("goes round row security", row.rolbypassrls),
        )
        if has
    ]
    if powers and not is_sandbox:
        detail = f"{row.login} {' and '.join(powers)}; only migrations should"
        return Check(name, State.FAIL, detail, change)
    return Check(name, State.OK, f"{row.login}, working as {APPLICATION_ROLE}")


def process_roles(connection: Connection) -> Check:
    """Look whether a role of ours may do more than the migrations gave it."""
    name = "Process roles"
    roles = [APPLICATION_ROLE, *_PROCESSES, AUDITOR_ROLE]
    if connection.execute(_KNOWN, {"roles": roles}).scalar_one() < len(roles):
        return Check(name, State.FAIL, "some are missing", "run make migrate")
    mighty = list(connection.execute(_MIGHTY, {"roles": roles}).scalars())
    if mighty:
        detail = f"{', '.join(mighty)} may change the ledger or make themselves able to"
        change = "take it away: ALTER ROLE … NOSUPERUSER NOCREATEROLE, REVOKE … ON ledger.…"
        return Check(name, State.FAIL, detail, change)
    return Check(name, State.OK, "none may change what is in the ledger")


def shared_logins(connection: Connection) -> Check:
    """Look for a login that several kinds of processes use at this moment."""
    name = "Process logins"
    rows = connection.execute(_SHARED, {"roles": _PROCESSES}).all()
    if rows:
        told = "; ".join(f"{row.login} is that of {' and '.join(row.roles)}" for row in rows)
        change = "give each process a login of its own, IN ROLE of its process"
        return Check(name, State.WARN, told, change)
    return Check(name, State.OK, "no two kinds of processes share one")
