"""The day of a note."""

import sqlalchemy as sa
from alembic import op

revision = "second"
down_revision = "first"


def upgrade() -> None:
    # One statement per migration: on MySQL, DDL commits, so a migration that fails can't be rolled back.
    op.add_column("notes", sa.Column("day", sa.Date, nullable=True))


def downgrade() -> None:
    op.drop_column("notes", "day")
