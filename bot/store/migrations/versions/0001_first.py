"""The first schema; the tables of installations and states are slack_sdk's, with room for encrypted tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cards",
        *_required(sa.String(16), "id", "kind"),
        *_required(sa.String(32), "workspace", "channel", "thread_ts"),
        *_required(sa.String(64), "org"),
        *_required(sa.String(36), "case_id"),
        *_optional(sa.String(32), "ts"),
        *_required(sa.Integer, "version", "shown_version"),
        *_optional(sa.String(32), "digest"),
        *_optional(sa.Double, "posting_since"),
        *_required(sa.Double, "first_link_at"),
        *_required(sa.Boolean, "open"),
        *_optional(sa.String(16), "continued_in"),
        *_optional(sa.String(80), "ended", "refused"),
        sa.Column("late_replies_due", sa.Integer, server_default="0", nullable=False),
        sa.Column("late_replies_posted", sa.Integer, server_default="0", nullable=False),
        *_optional(sa.Double, "late_reply_since"),
        sa.Column("rolling", sa.Boolean, server_default=sa.text("false"), nullable=False),
        *_optional(sa.Text, "asks"),
        *_optional(sa.String(110), "answer"),
        *_optional(sa.String(32), "answered_by"),
        *_optional(sa.Double, "answered_at"),
        sa.PrimaryKeyConstraint("id", name="pk_cards"),
    )
    op.create_index("ix_cards_thread", "cards", ["workspace", "channel", "thread_ts"])
    _partial_index("ix_cards_continued_in", "cards", ["continued_in"], "continued_in IS NOT NULL")
    op.create_index("ix_cards_message", "cards", ["workspace", "channel", "ts"])
    op.create_index("ix_cards_latest", "cards", ["workspace", "channel", "first_link_at"])
    op.create_index("ix_cards_first_link_at", "cards", ["first_link_at"])
    _partial_index("ix_cards_behind", "cards", ["id"], "ended IS NULL AND version > shown_version")
    _partial_index("ix_cards_rolling", "cards", ["workspace", "channel"], "rolling = 1", postgresql="rolling")
    _partial_index(
        "uq_cards_open", "cards", ["workspace", "channel", "thread_ts", "org", "case_id"], "open", unique=True
    )
    op.create_table(
        "cases",
        *_required(sa.String(64), "org"),
        *_required(sa.String(36), "case_id"),
        *_required(sa.String(64), "key"),
        *_required(sa.Text, "title"),
        *_required(sa.Boolean, "closed", "archived"),
        *_required(sa.Text, "on_case"),
        *_required(sa.Double, "read_at"),
        sa.PrimaryKeyConstraint("org", "case_id", name="pk_cases"),
    )
    op.create_index("ix_cases_key", "cases", ["org", "key"])
    op.create_table(
        "channels",
        *_required(sa.String(32), "workspace", "channel"),
        *_required(sa.Boolean, "shared"),
        *_required(sa.Double, "at"),
        sa.PrimaryKeyConstraint("workspace", "channel", name="pk_channels"),
    )
    op.create_table(
        "heartbeats",
        *_required(sa.String(32), "replica"),
        *_required(sa.Double, "seen_at"),
        *_optional(sa.Double, "last_event_at", "dropped_at"),
        sa.PrimaryKeyConstraint("replica", name="pk_heartbeats"),
    )
    op.create_table(
        "insights",
        *_required(sa.Integer, "id"),
        *_required(sa.String(64), "org"),
        *_required(sa.String(36), "case_id"),
        *_required(sa.String(40), "type"),
        *_required(sa.String(64), "scope"),
        *_required(sa.Text, "resource_id", "ref", "host"),
        sa.Column("draft", sa.Boolean, server_default=sa.text("false"), nullable=False),
        *_required(sa.String(16), "state"),
        *_optional(sa.String(32), "by"),
        *_required(sa.Double, "at"),
        *_optional(sa.Double, "confirmed_at", "sent_at"),
        *_required(sa.Boolean, "ours", "left_out"),
        *_required(sa.Text, "note"),
        *_optional(sa.String(100), "from_thread"),
        sa.PrimaryKeyConstraint("id", name="pk_insights"),
        sa.UniqueConstraint("org", "case_id", "type", "scope", "resource_id", name="uq_insights_identity"),
    )
    _partial_index("ix_insights_at_work", "insights", ["org", "case_id", "state"], "state IN ('confirmed', 'undoing')")
    _partial_index("ix_insights_unfinished", "insights", ["at"], "state IN ('confirmed', 'undoing', 'failed')")
    op.create_index("ix_insights_work", "insights", ["org", "case_id", "state"])
    op.create_table(
        "jobs",
        *_required(sa.Integer, "id"),
        *_required(sa.String(16), "kind"),
        *_required(sa.String(220), "key"),
        *_required(sa.Double, "due_at"),
        *_required(sa.Integer, "enqueued"),
        *_optional(sa.Double, "again_at"),
        *_optional(sa.String(32), "token"),
        *_required(sa.Integer, "attempts"),
        *_optional(sa.Double, "since"),
        *_required(sa.Integer, "batch_size", "refused"),
        *_required(sa.Text, "note"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("kind", "key", name="uq_jobs_kind_key"),
    )
    op.create_index("ix_jobs_due_at", "jobs", ["kind", "due_at"])
    op.create_table(
        "mentions",
        *_required(sa.String(32), "workspace", "channel", "ts"),
        *_required(sa.Double, "at"),
        sa.PrimaryKeyConstraint("workspace", "channel", "ts", name="pk_mentions"),
    )
    op.create_index("ix_mentions_at", "mentions", ["at"])
    op.create_table(
        "reactions",
        *_required(sa.String(32), "workspace", "channel", "ts", "by", "event_ts"),
        *_optional(sa.String(64), "org"),
        *_optional(sa.String(36), "case_id"),
        *_required(sa.Double, "at"),
        sa.PrimaryKeyConstraint("workspace", "channel", "ts", "by", name="pk_reactions"),
    )
    op.create_index("ix_reactions_at", "reactions", ["at"])
    op.create_table(
        "modes",
        *_required(sa.String(32), "workspace", "channel", "thread_ts"),
        *_required(sa.String(8), "mode"),
        *_required(sa.String(32), "by"),
        *_required(sa.Double, "at"),
        sa.PrimaryKeyConstraint("workspace", "channel", "thread_ts", name="pk_modes"),
    )
    op.create_table(
        "creations",
        *_required(sa.String(32), "marker", "workspace", "channel", "thread_ts", "by", "priority", "state"),
        *_required(sa.String(64), "org"),
        *_required(sa.Double, "at"),
        *_required(sa.Text, "title", "description", "type_id", "project_id", "note"),
        *_optional(sa.Double, "sent_at", "posting_since"),
        *_optional(sa.String(36), "case_id"),
        sa.PrimaryKeyConstraint("marker", name="pk_creations"),
    )
    _partial_index("ix_creations_pending", "creations", ["org"], "state <> 'done'")
    op.create_index("ix_creations_at", "creations", ["at"])
    op.create_table(
        "scans",
        *_required(sa.String(32), "workspace", "channel", "thread_ts"),
        *_optional(sa.String(32), "by"),
        *_required(sa.Text, "cursor"),
        *_required(sa.Integer, "left", "read", "new"),
        *_required(sa.Double, "at"),
        sa.PrimaryKeyConstraint("workspace", "channel", "thread_ts", name="pk_scans"),
    )
    op.create_table(
        "sites",
        *_required(sa.String(32), "workspace", "site"),
        *_required(sa.Double, "at"),
        sa.PrimaryKeyConstraint("workspace", "site", name="pk_sites"),
    )
    op.create_table(
        "thread_comments",
        *_required(sa.String(64), "org"),
        *_required(sa.String(36), "case_id"),
        *_required(sa.String(32), "workspace", "channel", "thread_ts"),
        sa.Column("told_at", sa.Double, server_default="0", nullable=False),
        *_optional(sa.String(80), "cell"),
        *_optional(sa.Double, "sent_at"),
        sa.Column("removing", sa.Boolean, server_default=sa.text("false"), nullable=False),
        sa.Column("lost", sa.Boolean, server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("org", "case_id", "workspace", "channel", "thread_ts", name="pk_thread_comments"),
    )
    _partial_index(
        "ix_thread_comments_lost", "thread_comments", ["workspace", "told_at"], "lost = 1", postgresql="lost"
    )
    op.create_table(
        "ties",
        *_required(sa.String(32), "workspace", "channel", "thread_ts"),
        *_required(sa.String(16), "kind", "source"),
        *_optional(sa.String(64), "org"),
        *_optional(sa.String(36), "case_id"),
        *_optional(sa.Text, "named", "replied"),
        *_optional(sa.String(32), "by"),
        *_required(sa.Double, "at"),
        sa.PrimaryKeyConstraint("workspace", "channel", "thread_ts", name="pk_ties"),
    )
    _partial_index("ix_ties_no_case", "ties", ["at"], "kind = 'no_case'")
    _partial_index("ix_ties_latest", "ties", ["workspace", "channel", "at"], "kind = 'tied'")
    op.create_table(
        "card_insights",
        *_required(sa.String(16), "card"),
        *_required(sa.Integer, "insight", "group", "joined_version"),
        *_optional(sa.String(32), "poster"),
        *_required(sa.String(32), "message_ts"),
        sa.ForeignKeyConstraint(["card"], ["cards.id"], name="fk_card_insights_card", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["insight"], ["insights.id"], name="fk_card_insights_insight"),
        sa.PrimaryKeyConstraint("card", "insight", name="pk_card_insights"),
    )
    op.create_index("ix_card_insights_insight", "card_insights", ["insight"])
    op.create_table(
        "sightings",
        *_required(sa.Integer, "id"),
        *_required(sa.String(32), "workspace", "channel", "message_ts", "thread_ts"),
        *_required(sa.String(40), "type"),
        *_required(sa.String(64), "scope"),
        *_required(sa.Text, "resource_id", "ref", "host", "orgs"),
        sa.Column("draft", sa.Boolean, server_default=sa.text("false"), nullable=False),
        sa.Column("quoted", sa.Boolean, server_default=sa.text("false"), nullable=False),
        *_optional(sa.String(32), "poster"),
        *_required(sa.String(16), "state"),
        *_optional(sa.String(80), "reason"),
        *_optional(sa.Integer, "insight"),
        *_required(sa.Double, "at"),
        sa.ForeignKeyConstraint(["insight"], ["insights.id"], name="fk_sightings_insight"),
        sa.PrimaryKeyConstraint("id", name="pk_sightings"),
        sa.UniqueConstraint(
            "workspace", "channel", "message_ts", "type", "scope", "resource_id", name="uq_sightings_message"
        ),
    )
    _partial_index("ix_sightings_pending", "sightings", ["workspace", "channel", "thread_ts"], "state = 'pending'")
    op.create_index("ix_sightings_at", "sightings", ["at"])
    op.create_index("ix_sightings_insight", "sightings", ["insight"])
    op.create_index("ix_sightings_thread", "sightings", ["workspace", "channel", "thread_ts", "state"])
    op.create_table(
        "transitions",
        *_required(sa.Integer, "id"),
        *_required(sa.Double, "at"),
        *_required(sa.Integer, "insight"),
        *_optional(sa.String(16), "old"),
        *_required(sa.String(16), "new"),
        *_optional(sa.String(32), "by"),
        *_optional(sa.String(80), "message"),
        *_required(sa.Text, "note"),
        sa.ForeignKeyConstraint(["insight"], ["insights.id"], name="fk_transitions_insight"),
        sa.PrimaryKeyConstraint("id", name="pk_transitions"),
    )
    op.create_index("ix_transitions_at", "transitions", ["at"])
    op.create_index("ix_transitions_insight", "transitions", ["insight"])

    op.create_table("slack_bots", *_of_both(), sa.PrimaryKeyConstraint("id", name="pk_slack_bots"))
    op.create_index("slack_bots_idx", "slack_bots", ["client_id", "enterprise_id", "team_id", "installed_at"])
    webhook = ("url", "channel", "channel_id", "configuration_url")
    op.create_table(
        "slack_installations",
        *_of_both(),
        *_optional(sa.Text, "enterprise_url"),
        *_required(sa.String(32), "user_id"),
        *_optional(sa.Text, "user_token", "user_scopes", "user_refresh_token"),
        *_optional(sa.DateTime, "user_token_expires_at"),
        *_optional(sa.Text, *(f"incoming_webhook_{name}" for name in webhook)),
        *_optional(sa.String(32), "token_type"),
        sa.PrimaryKeyConstraint("id", name="pk_slack_installations"),
    )
    latest = ["client_id", "enterprise_id", "team_id", "user_id", "installed_at"]
    op.create_index("slack_installations_idx", "slack_installations", latest)
    op.create_table(
        "slack_oauth_states",
        sa.Column("id", sa.Integer, autoincrement=True),
        *_required(sa.String(200), "state"),
        *_required(sa.DateTime, "expire_at"),
        sa.PrimaryKeyConstraint("id", name="pk_slack_oauth_states"),
    )
    op.create_index("slack_oauth_states_idx", "slack_oauth_states", ["state"], unique=True)  # each is used once


def _required(type_: object, *names: str) -> list[sa.Column]:
    return [sa.Column(name, type_, nullable=False) for name in names]


def _optional(type_: object, *names: str) -> list[sa.Column]:
    return [sa.Column(name, type_) for name in names]


def _partial_index(
    name: str, table: str, columns: list[str], sqlite: str, postgresql: str = "", **kwargs: bool
) -> None:
    where = {"sqlite_where": sa.text(sqlite), "postgresql_where": sa.text(postgresql or sqlite)}
    op.create_index(name, table, columns, **where, **kwargs)


def _of_both() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Integer, autoincrement=True),
        *_required(sa.String(64), "client_id"),
        *_required(sa.String(32), "app_id"),
        *_optional(sa.String(32), "enterprise_id"),
        *_optional(sa.Text, "enterprise_name"),
        *_optional(sa.String(32), "team_id"),
        *_optional(sa.Text, "team_name", "bot_token"),
        *_optional(sa.String(32), "bot_id", "bot_user_id"),
        *_optional(sa.Text, "bot_scopes", "bot_refresh_token"),
        *_optional(sa.DateTime, "bot_token_expires_at"),
        *_required(sa.Boolean, "is_enterprise_install"),
        *_required(sa.DateTime, "installed_at"),
    ]
