"""Runs the migrations: one at a time, under an advisory lock, never waiting long for a lock."""

from alembic import context
from sqlalchemy import create_engine, text

from payments.settings import SettingsError, read_migration_url

LOCK_TIMEOUT = "4s"
STATEMENT_TIMEOUT = "120s"
MIGRATION_LOCK = 7_305_112  # any number no other program locks in this database


def run_migrations() -> None:
    """Upgrade or downgrade on the connection given by the caller, or on our own."""
    try:
        url = context.config.attributes.get("database_url") or read_migration_url()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.execute(text("SET timezone = 'UTC'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
    engine.dispose()


run_migrations()
