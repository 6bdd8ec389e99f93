"""The tables that foreign keys of other modules name.

A command imports what it needs and little else; but as it writes a row, SQLAlchemy asks for every
table that one of the row's foreign keys leads to.
"""

import importlib

MODULES = (
    "payments.escrow.tables",
    "payments.lifecycle.tables",
    "payments.orders.tables",
    "payments.parties.tables",
)


def load_foreign_tables() -> None:
    """Make them known."""
    for module in MODULES:
        importlib.import_module(module)
