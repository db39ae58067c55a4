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
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("workspace", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("thread_ts", sa.String(32), nullable=False),
        sa.Column("org", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("ts", sa.String(32)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("shown_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(32)),
        sa.Column("posting_since", sa.Double()),
        sa.Column("first_link_at", sa.Double(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("continued", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.String(40)),
        sa.Column("late_replies_due", sa.Integer(), server_default="0", nullable=False),
        sa.Column("late_replies_posted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("late_reply_since", sa.Double()),
        sa.Column("rolling", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("asks", sa.Text()),
        sa.Column("answer", sa.String(110)),
        sa.Column("answered_by", sa.String(32)),
        sa.Column("answered_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_cards"),
    )
    op.create_index("ix_cards_thread", "cards", ["workspace", "channel", "thread_ts"])
    op.create_index("ix_cards_message", "cards", ["workspace", "channel", "ts"])
    op.create_index("ix_cards_latest", "cards", ["workspace", "channel", "first_link_at"])
    op.create_index("ix_cards_first_link_at", "cards", ["first_link_at"])
    op.create_index(
        "ix_cards_behind",
        "cards",
        ["id"],
        sqlite_where=sa.text("ended IS NULL AND version > shown_version"),
        postgresql_where=sa.text("ended IS NULL AND version > shown_version"),
    )
    op.create_index(
        "ix_cards_rolling",
        "cards",
        ["workspace", "channel"],
        sqlite_where=sa.text("rolling = 1"),
        postgresql_where=sa.text("rolling"),
    )
    op.create_index(
        "uq_cards_open",
        "cards",
        ["workspace", "channel", "thread_ts", "org", "case_id"],
        unique=True,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "cases",
        sa.Column("org", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("on_case", sa.Text(), nullable=False),
        sa.Column("read_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("org", "case_id", name="pk_cases"),
    )
    op.create_index("ix_cases_key", "cases", ["org", "key"])
    op.create_table(
        "channels",
        sa.Column("workspace", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "channel", name="pk_channels"),
    )
    op.create_table(
        "comments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("workspace", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("thread_ts", sa.String(32), nullable=False),
        sa.Column("refs", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
    )
    op.create_index("ix_comments_work", "comments", ["org", "case_id", "state"])
    op.create_table(
        "heartbeats",
        sa.Column("replica", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("last_event_at", sa.Double()),
        sa.PrimaryKeyConstraint("replica", name="pk_heartbeats"),
    )
    op.create_table(
        "insights",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("draft", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("by", sa.String(32)),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("confirmed_at", sa.Double()),
        sa.Column("sent_at", sa.Double()),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("left_out", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_insights"),
        sa.UniqueConstraint("org", "case_id", "type", "scope", "resource_id", name="uq_insights_identity"),
    )
    op.create_index(
        "ix_insights_at_work",
        "insights",
        ["org", "case_id", "state"],
        sqlite_where=sa.text("state IN ('confirmed', 'undoing')"),
        postgresql_where=sa.text("state IN ('confirmed', 'undoing')"),
    )
    op.create_index(
        "ix_insights_unfinished",
        "insights",
        ["at"],
        sqlite_where=sa.text("state IN ('confirmed', 'undoing', 'failed')"),
        postgresql_where=sa.text("state IN ('confirmed', 'undoing', 'failed')"),
    )
    op.create_index("ix_insights_work", "insights", ["org", "case_id", "state"])
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("enqueued", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.Double()),
        sa.Column("token", sa.String(32)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double()),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("kind", "key", name="uq_jobs_kind_key"),
    )
    op.create_index("ix_jobs_due_at", "jobs", ["due_at"])
    op.create_table(
        "mentions",
        sa.Column("workspace", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "channel", "ts", name="pk_mentions"),
    )
    op.create_table(
        "modes",
        sa.Column("workspace", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("thread_ts", sa.String(32), nullable=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "channel", "thread_ts", name="pk_modes"),
    )
    op.create_table(
        "scans",
        sa.Column("workspace", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("thread_ts", sa.String(32), nullable=False),
        sa.Column("by", sa.String(32)),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "channel", "thread_ts", name="pk_scans"),
    )
    op.create_table(
        "sites",
        sa.Column("workspace", sa.String(32), nullable=False),
        sa.Column("site", sa.String(32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "site", name="pk_sites"),
    )
    op.create_table(
        "ties",
        sa.Column("workspace", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("thread_ts", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("org", sa.String(64)),
        sa.Column("case_id", sa.String(36)),
        sa.Column("named", sa.Text()),
        sa.Column("replied", sa.Text()),
        sa.Column("by", sa.String(32)),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "channel", "thread_ts", name="pk_ties"),
    )
    op.create_index(
        "ix_ties_latest",
        "ties",
        ["workspace", "channel", "at"],
        sqlite_where=sa.text("kind = 'tied'"),
        postgresql_where=sa.text("kind = 'tied'"),
    )
    op.create_table(
        "card_insights",
        sa.Column("card", sa.String(16), nullable=False),
        sa.Column("insight", sa.Integer(), nullable=False),
        sa.Column("group", sa.Integer(), nullable=False),
        sa.Column("joined_version", sa.Integer(), nullable=False),
        sa.Column("poster", sa.String(32)),
        sa.Column("message_ts", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["card"], ["cards.id"], name="fk_card_insights_card", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["insight"], ["insights.id"], name="fk_card_insights_insight"),
        sa.PrimaryKeyConstraint("card", "insight", name="pk_card_insights"),
    )
    op.create_index("ix_card_insights_insight", "card_insights", ["insight"])
    op.create_table(
        "sightings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("message_ts", sa.String(32), nullable=False),
        sa.Column("thread_ts", sa.String(32), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("orgs", sa.Text(), nullable=False),
        sa.Column("draft", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("poster", sa.String(32)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("insight", sa.Integer()),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["insight"], ["insights.id"], name="fk_sightings_insight"),
        sa.PrimaryKeyConstraint("id", name="pk_sightings"),
        sa.UniqueConstraint(
            "workspace", "channel", "message_ts", "type", "scope", "resource_id", name="uq_sightings_message"
        ),
    )
    op.create_index(
        "ix_sightings_pending",
        "sightings",
        ["workspace", "channel", "thread_ts"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_sightings_at", "sightings", ["at"])
    op.create_index("ix_sightings_insight", "sightings", ["insight"])
    op.create_index("ix_sightings_thread", "sightings", ["workspace", "channel", "thread_ts", "state"])
    op.create_table(
        "transitions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("insight", sa.Integer(), nullable=False),
        sa.Column("old", sa.String(16)),
        sa.Column("new", sa.String(16), nullable=False),
        sa.Column("by", sa.String(32)),
        sa.Column("message", sa.String(80)),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["insight"], ["insights.id"], name="fk_transitions_insight"),
        sa.PrimaryKeyConstraint("id", name="pk_transitions"),
    )
    op.create_index("ix_transitions_at", "transitions", ["at"])
    op.create_index("ix_transitions_insight", "transitions", ["insight"])

    op.create_table(
        "slack_bots",
        *_of_both(),
        sa.PrimaryKeyConstraint("id", name="pk_slack_bots"),
    )
    op.create_index("slack_bots_idx", "slack_bots", ["client_id", "enterprise_id", "team_id", "installed_at"])
    op.create_table(
        "slack_installations",
        *_of_both(),
        sa.Column("enterprise_url", sa.Text()),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("user_token", sa.Text()),
        sa.Column("user_scopes", sa.Text()),
        sa.Column("user_refresh_token", sa.Text()),
        sa.Column("user_token_expires_at", sa.DateTime()),
        sa.Column("incoming_webhook_url", sa.Text()),
        sa.Column("incoming_webhook_channel", sa.Text()),
        sa.Column("incoming_webhook_channel_id", sa.Text()),
        sa.Column("incoming_webhook_configuration_url", sa.Text()),
        sa.Column("token_type", sa.String(length=32)),
        sa.PrimaryKeyConstraint("id", name="pk_slack_installations"),
    )
    op.create_index(
        "slack_installations_idx",
        "slack_installations",
        ["client_id", "enterprise_id", "team_id", "user_id", "installed_at"],
    )
    op.create_table(
        "slack_oauth_states",
        sa.Column("id", sa.Integer(), autoincrement=True),
        sa.Column("state", sa.String(length=200), nullable=False),
        sa.Column("expire_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_slack_oauth_states"),
    )
    op.create_index("slack_oauth_states_idx", "slack_oauth_states", ["state"])


def _of_both() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Integer(), autoincrement=True),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("app_id", sa.String(length=32), nullable=False),
        sa.Column("enterprise_id", sa.String(length=32)),
        sa.Column("enterprise_name", sa.Text()),
        sa.Column("team_id", sa.String(length=32)),
        sa.Column("team_name", sa.Text()),
        sa.Column("bot_token", sa.Text()),
        sa.Column("bot_id", sa.String(length=32)),
        sa.Column("bot_user_id", sa.String(length=32)),
        sa.Column("bot_scopes", sa.Text()),
        sa.Column("bot_refresh_token", sa.Text()),
        sa.Column("bot_token_expires_at", sa.DateTime()),
        sa.Column("is_enterprise_install", sa.Boolean(), nullable=False),
        sa.Column("installed_at", sa.DateTime(), nullable=False),
    ]
