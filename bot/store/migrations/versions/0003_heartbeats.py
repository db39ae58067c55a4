"""Heartbeats: which replicas live, and when Slack last told one of them something."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("replica", sa.String(length=32), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("last_event_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("replica", name="pk_heartbeats"),
    )
