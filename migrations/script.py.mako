"""${message}."""

revision = "${up_revision}"
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Apply this migration."""


def downgrade() -> None:
    """Undo this migration."""
