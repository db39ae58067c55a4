"""The tables. Ids and refs only: no message text is ever stored. Times are seconds since the epoch, UTC.

Indexes of some rows only are such on PostgreSQL too, by the migration: to say so here would import that dialect.
"""

from collections.abc import Iterable

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from bot.model import State

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def in_states(column: Column[str], states: Iterable[str]) -> ColumnElement[bool]:
    """With the states as literals: an index of some rows is used only by a statement that has its very term."""
    return column.in_([literal_column(f"'{state}'") for state in states])


AT_WORK = tuple(state for state in State if state.is_at_work)
UNFINISHED = (*AT_WORK, State.FAILED)
"""What Home shows first."""

# A case as Datadog last told of it. Its row is the case's mutex: whoever moves its insights locks it first.
cases = Table(
    "cases",
    metadata,
    Column("org", String(64), primary_key=True),
    Column("case_id", String(36), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("on_case", Text, nullable=False),  # JSON: [[type, scope, resource_id], …] of the last answer
    Column("read_at", Double, nullable=False),
    Index("ix_cases_key", "org", "key"),
)

ties = Table(
    "ties",
    metadata,
    Column("workspace", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("thread_ts", String(32), primary_key=True),  # "" for the whole channel
    Column("kind", String(16), nullable=False),  # TieKind
    Column("source", String(16), nullable=False),  # TieSource
    Column("org", String(64)),
    Column("case_id", String(36)),
    Column("named", Text),  # JSON: [[org, key or UUID], …] that the root names, not resolved yet
    Column("replied", Text),  # the same, named by replies: to be asked about where the root names no case
    Column("by", String(32)),
    Column("at", Double, nullable=False),
    Index("ix_ties_latest", "workspace", "channel", "at", sqlite_where=text("kind = 'tied'")),
)

sightings = Table(
    "sightings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("message_ts", String(32), nullable=False),
    Column("thread_ts", String(32), nullable=False),
    Column("type", String(40), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("orgs", Text, nullable=False),  # JSON: the orgs whose host it is on; [] for links of no org (code changes)
    Column("draft", Boolean, nullable=False, server_default=text("false")),  # as in insights
    Column("poster", String(32)),
    Column("state", String(16), nullable=False),  # SightingState
    Column("reason", String(40)),  # insights.Decision, or why the thread has no case
    Column("insight", Integer, ForeignKey("insights.id"), index=True),  # what it became part of
    Column("at", Double, nullable=False),
    UniqueConstraint("workspace", "channel", "message_ts", "type", "scope", "resource_id", name="uq_sightings_message"),
    Index("ix_sightings_thread", "workspace", "channel", "thread_ts", "state"),
    Index("ix_sightings_pending", "workspace", "channel", "thread_ts", sqlite_where=text("state = 'pending'")),
    Index("ix_sightings_at", "at"),
)

insights = Table(
    "insights",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("org", String(64), nullable=False),
    Column("case_id", String(36), nullable=False),
    Column("type", String(40), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("draft", Boolean, nullable=False, server_default=text("false")),  # a person has to give or confirm its id
    Column("state", String(16), nullable=False),  # insights.State
    Column("by", String(32)),  # who moved it last
    Column("at", Double, nullable=False),  # when
    Column("confirmed_at", Double),
    Column("sent_at", Double),  # when a call left that carries it, and may have reached Datadog; 0: that call has ended
    Column("ours", Boolean, nullable=False),  # we put it on the case: Undo may take it off
    Column("left_out", Boolean, nullable=False),  # dismissed by not being ticked
    Column("note", Text, nullable=False),  # a failure's sentence
    UniqueConstraint("org", "case_id", "type", "scope", "resource_id", name="uq_insights_identity"),
    Index("ix_insights_work", "org", "case_id", "state"),
    Index("ix_insights_at_work", "org", "case_id", "state", sqlite_where=text("state IN ('confirmed', 'undoing')")),
    Index("ix_insights_unfinished", "at", sqlite_where=text("state IN ('confirmed', 'undoing', 'failed')")),
)

cards = Table(
    "cards",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),  # insights · tie
    Column("workspace", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("thread_ts", String(32), nullable=False),
    Column("org", String(64), nullable=False),
    Column("case_id", String(36), nullable=False),
    Column("ts", String(32)),
    Column("version", Integer, nullable=False),
    Column("shown_version", Integer, nullable=False),
    Column("digest", String(32)),  # of what Slack shows: an update that changes nothing is not made
    Column("posting_since", Double),
    Column("first_link_at", Double, nullable=False),
    Column("open", Boolean, nullable=False),  # later links join it
    Column("continued", Boolean, nullable=False),
    Column("ended", String(40)),  # Slack's word for why it can no longer be shown
    Column("late_replies_due", Integer, nullable=False, server_default="0"),  # about failures that nobody saw
    Column("late_replies_posted", Integer, nullable=False, server_default="0"),
    Column("late_reply_since", Double),  # when a post left that was not answered yet
    Column("rolling", Boolean, nullable=False, server_default=text("false")),  # of a tied channel's bot posts
    Column("asks", Text),  # kind tie, JSON: [[org, case_id], …] that a person chooses from
    Column("answer", String(110)),  # org/case_id, or "no"
    Column("answered_by", String(32)),
    Column("answered_at", Double),
    Index("ix_cards_thread", "workspace", "channel", "thread_ts"),
    Index("ix_cards_message", "workspace", "channel", "ts"),
    Index("ix_cards_latest", "workspace", "channel", "first_link_at"),
    Index("ix_cards_first_link_at", "first_link_at"),
    Index("ix_cards_behind", "id", sqlite_where=text("ended IS NULL AND version > shown_version")),
    Index("ix_cards_rolling", "workspace", "channel", sqlite_where=text("rolling = 1")),
    Index(
        "uq_cards_open",
        "workspace",
        "channel",
        "thread_ts",
        "org",
        "case_id",
        unique=True,
        sqlite_where=text("open"),
    ),
)

card_insights = Table(
    "card_insights",
    metadata,
    Column("card", String(16), ForeignKey("cards.id", ondelete="CASCADE"), primary_key=True),
    Column("insight", Integer, ForeignKey("insights.id"), primary_key=True),
    Column("group", Integer, nullable=False),
    Column("joined_version", Integer, nullable=False),
    Column("poster", String(32)),  # whose message brought it here
    Column("message_ts", String(32), nullable=False),
    Index("ix_card_insights_insight", "insight"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),  # JobKind
    Column("key", String(160), nullable=False),
    Column("due_at", Double, nullable=False),
    Column("enqueued", Integer, nullable=False),  # how often: a job that was enqueued while it was held is not over
    Column("lease_until", Double),
    Column("token", String(32)),
    Column("attempts", Integer, nullable=False),  # in a row without success
    Column("since", Double),  # the first of them
    Column("batch_size", Integer, nullable=False),
    Column("refused", Integer, nullable=False),  # singles that Datadog refused in a row
    Column("note", Text, nullable=False),  # what it waits for, in words
    UniqueConstraint("kind", "key"),
    Index("ix_jobs_due_at", "due_at"),
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("insight", Integer, ForeignKey("insights.id"), nullable=False, index=True),
    Column("old", String(16)),
    Column("new", String(16), nullable=False),
    Column("by", String(32)),  # None: the bot itself
    Column("message", String(80)),  # workspace/channel/ts it came from
    Column("note", Text, nullable=False),
    Index("ix_transitions_at", "at"),
)

# How much the bot does by itself in a thread, or ("" as thread_ts) in a whole channel.
modes = Table(
    "modes",
    metadata,
    Column("workspace", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("thread_ts", String(32), primary_key=True),
    Column("mode", String(8), nullable=False),  # insights.Mode
    Column("by", String(32), nullable=False),
    Column("at", Double, nullable=False),
)

# Threads whose earlier messages are being read, a page at a time.
scans = Table(
    "scans",
    metadata,
    Column("workspace", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("thread_ts", String(32), primary_key=True),
    Column("by", String(32)),  # who is told what it found; None: nobody asked
    Column("cursor", Text, nullable=False),  # Slack's, of the next page
    Column("left", Integer, nullable=False),  # messages to read at most
    Column("read", Integer, nullable=False),
    Column("new", Integer, nullable=False),  # links among them that were not seen before
    Column("at", Double, nullable=False),
)

# Links that no insight type covers, which a person wants on the case as a comment: one call, never repeated.
comments = Table(
    "comments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("org", String(64), nullable=False),
    Column("case_id", String(36), nullable=False),
    Column("workspace", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("thread_ts", String(32), nullable=False),
    Column("refs", Text, nullable=False),  # what it says: links; empty once it was sent
    Column("state", String(16), nullable=False),  # comments.CommentState
    Column("by", String(32), nullable=False),
    Column("at", Double, nullable=False),
    Index("ix_comments_work", "org", "case_id", "state"),
)

# Mentions of the bot that were carried out: Slack may tell of one more than once.
mentions = Table(
    "mentions",
    metadata,
    Column("workspace", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("ts", String(32), primary_key=True),
    Column("at", Double, nullable=False),
)

# Datadog's sites, none of a configured org, that links were pasted to.
sites = Table(
    "sites",
    metadata,
    Column("workspace", String(32), primary_key=True),
    Column("site", String(32), primary_key=True),  # the site parameter
    Column("at", Double, nullable=False),  # the last time that it was written down, at most once an hour
)

# Channels of which Slack has said whether other organisations are in them.
channels = Table(
    "channels",
    metadata,
    Column("workspace", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("shared", Boolean, nullable=False),
    Column("at", Double, nullable=False),
)

# Processes of the bot: each writes once a minute that it lives.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("replica", String(32), primary_key=True),
    Column("seen_at", Double, nullable=False),
    Column("last_event_at", Double),  # when Slack last told it something; None: never
)
