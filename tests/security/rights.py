"""What each role may do in the database, as a table people can read and a test compares.

`python -m tests.security.rights` writes it anew, after a migration changed rights on purpose.
"""

from collections import defaultdict
from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from tests.databases import ServerProcess, wait_for_servers

FILE = Path(__file__).with_name("database_rights.txt")
ROLES = ("app", "api", "worker", "relay", "auditor", "signer")
SCHEMAS = ["strongroom", "ledger"]
_VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_HEAD = """\
What each role of the database may do: strongroom_app is that of commands, and a member of api,
worker and relay. S select, I insert, U update, D delete; a small letter: some columns only, which
stand below. Nobody of these owns, truncates or alters anything, and PUBLIC has nothing.
"""

_TABLES = text("""
    SELECT n.nspname || '.' || c.relname AS name, a.grantee::regrole::text AS role,
           a.privilege_type AS verb, NULL AS column
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
     WHERE (n.nspname = ANY (:schemas) OR c.relname = 'alembic_version') AND c.relkind IN ('r', 'p')
       AND a.grantee <> c.relowner
     UNION ALL
    SELECT n.nspname || '.' || c.relname, a.grantee::regrole::text, a.privilege_type, t.attname
      FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
     WHERE n.nspname = ANY (:schemas) AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner
""")
_COLUMNS = text("""
    SELECT table_schema || '.' || table_name AS name, column_name FROM information_schema.columns
     WHERE table_schema = ANY (:schemas)
""")
_NAMES = text("""
    SELECT n.nspname || '.' || c.relname
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE (n.nspname = ANY (:schemas) OR c.relname = 'alembic_version') AND c.relkind IN ('r', 'p')
""")
_CALLS = text("""
    SELECT p.oid::regproc::text AS name, a.grantee::regrole::text AS role
      FROM pg_proc p, aclexplode(p.proacl) a
     WHERE p.pronamespace::regnamespace::text = ANY (:schemas) AND a.grantee <> p.proowner
     UNION
    SELECT c.oid::regclass::text, a.grantee::regrole::text FROM pg_class c, aclexplode(c.relacl) a
     WHERE c.relnamespace::regnamespace::text = ANY (:schemas) AND c.relkind = 'S'
       AND a.grantee <> c.relowner
""")


def read_rights(connection: Connection) -> str:
    """Return the table of rights, as the database has them."""
    schemas = {"schemas": SCHEMAS}
    columns: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(_COLUMNS, schemas):
        columns[row.name].add(row.column_name)
    whole: set[tuple[str, str, str]] = set()
    partial: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in connection.execute(_TABLES, schemas):
        key = (row.name, row.role.removeprefix("strongroom_"), row.verb)
        if row.column is None:
            whole.add(key)
        else:
            partial[key].add(row.column)
    names = sorted(connection.scalars(_NAMES, schemas))
    other = {verb for _, _, verb in whole} - set(_VERBS)
    lines = [_HEAD, _line("table", ROLES)]
    lines += [
        _line(name, [_letters(name, role, whole, partial) for role in ROLES]) for name in names
    ]
    lines += ["", "Rights on some columns:", *_partial_lines(whole, partial, columns)]
    lines += ["", "Functions and sequences:", *_call_lines(connection)]
    lines += [f"AND MORE: {verb}" for verb in sorted(other)]
    return "\n".join(lines) + "\n"


def _line(name: str, cells: tuple[str, ...] | list[str]) -> str:
    return (name.ljust(38) + "".join(cell.ljust(9) for cell in cells)).rstrip()


def _letters(
    name: str,
    role: str,
    whole: set[tuple[str, str, str]],
    partial: dict[tuple[str, str, str], set[str]],
) -> str:
    cell = ""
    for verb in _VERBS:
        if (name, role, verb) in whole:
            cell += verb[0]
        elif (name, role, verb) in partial:
            cell += verb[0].lower()
    return cell or "-"


def _partial_lines(
    whole: set[tuple[str, str, str]],
    partial: dict[tuple[str, str, str], set[str]],
    columns: dict[str, set[str]],
) -> list[str]:
    lines = []
    for (name, role, verb), named in sorted(partial.items()):
        if (name, role, verb) in whole:
            continue
        if verb == "SELECT" and named == columns[name]:
            continue  # every column there is now
        rest = columns[name] - named
        told = (
            f"all but {', '.join(sorted(rest))}" if verb == "SELECT" else ", ".join(sorted(named))
        )
        lines.append(f"{name} {verb} {role}: {told}")
    return lines


def _call_lines(connection: Connection) -> list[str]:
    roles: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(_CALLS, {"schemas": SCHEMAS}):
        roles[row.name].add(row.role.removeprefix("strongroom_"))
    return [f"{name}: {' '.join(sorted(who))}" for name, who in sorted(roles.items())]


def main() -> None:
    """Write the file from a freshly migrated database."""
    process = ServerProcess()
    try:
        engine = create_engine(wait_for_servers(process.folder, timeout_s=120).owner_url)
        with engine.connect() as connection:
            FILE.write_text(read_rights(connection), encoding="utf-8")
        engine.dispose()
    finally:
        process.stop()


if __name__ == "__main__":
    main()
