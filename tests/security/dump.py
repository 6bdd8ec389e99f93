"""Everything that lies in a database, as text."""

from sqlalchemy import Engine, text

_TABLES = text("""
    SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'
""")


def dumped(owner: Engine) -> str:
    """Return every row of every table; bytes as the characters they would be."""
    lines: list[str] = []
    with owner.connect() as connection:
        for table in connection.execute(_TABLES).scalars().all():
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}")
            lines.extend(table + " ".join(map(_text, row)) for row in rows)
    return "\n".join(lines)


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
