"""Modes, scans, comments, mentions, shared channels; drafts; cards that ask which case a thread is about."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ties", sa.Column("replied", sa.Text(), nullable=True))
    for table in ("sightings", "insights"):
        op.add_column(table, sa.Column("draft", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("cards", sa.Column("rolling", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("cards", sa.Column("asks", sa.Text(), nullable=True))
    op.add_column("cards", sa.Column("answer", sa.String(length=110), nullable=True))
    op.add_column("cards", sa.Column("answered_by", sa.String(length=32), nullable=True))
    op.add_column("cards", sa.Column("answered_at", sa.Double(), nullable=True))
    op.create_table(
        "modes",
        *_place(),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "channel", "thread_ts", name="pk_modes"),
    )
    op.create_table(
        "scans",
        *_place(),
        sa.Column("by", sa.String(length=32), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "channel", "thread_ts", name="pk_scans"),
    )
    op.create_table(
        "comments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        *_place(),
        sa.Column("refs", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
    )
    op.create_index("ix_comments_work", "comments", ["org", "case_id", "state"])
    op.create_table(
        "mentions",
        sa.Column("workspace", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("ts", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "channel", "ts", name="pk_mentions"),
    )
    op.create_table(
        "channels",
        sa.Column("workspace", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "channel", name="pk_channels"),
    )


def _place() -> list[sa.Column[str]]:
    """A thread, or a whole channel ("" as thread_ts)."""
    return [
        sa.Column("workspace", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("thread_ts", sa.String(length=32), nullable=False),
    ]
