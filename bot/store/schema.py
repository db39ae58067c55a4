"""The tables. Ids and refs only: no message text is ever stored. Times are seconds since the epoch, UTC.

Partial indexes are partial on PostgreSQL, too, by the migration: here they would import that dialect.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


_CASE, _THREAD = ("org", "case_id"), ("workspace", "channel", "thread_ts")


def _ids(*names: str, key: bool = False) -> list[Column[str]]:
    """Columns of ids and of Slack's timestamps; `key`: they are part of the primary key."""
    sizes = {"org": 64, "case_id": 36}
    return [Column(name, String(sizes.get(name, 32)), primary_key=key, nullable=False) for name in names]


# A case as Datadog last described it. Its row is a mutex: lock it before you move the case's insights.
cases = Table(
    "cases",
    metadata,
    *_ids(*_CASE, key=True),
    Column("key", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("on_case", Text, nullable=False),  # JSON: [[type, scope, resource_id], …] that Datadog listed
    Column("read_at", Double, nullable=False),
    Index("ix_cases_key", "org", "key"),
)

ties = Table(
    "ties",
    metadata,
    *_ids(*_THREAD, key=True),  # thread_ts: "" for the whole channel
    Column("kind", String(16), nullable=False),  # TieKind
    Column("source", String(16), nullable=False),  # TieSource
    Column("org", String(64)),
    Column("case_id", String(36)),
    Column("named", Text),  # JSON: [[org, key or UUID], …] in the root, not looked up yet
    Column("replied", Text),  # the same in replies: people are asked about them where the root names no case
    Column("by", String(32)),
    Column("at", Double, nullable=False),
    Index("ix_ties_no_case", "at", sqlite_where=text("kind = 'no_case'")),
    Index("ix_ties_latest", "workspace", "channel", "at", sqlite_where=text("kind = 'tied'")),
)

sightings = Table(
    "sightings",
    metadata,
    Column("id", Integer, primary_key=True),
    *_ids("workspace", "channel", "message_ts", "thread_ts"),
    Column("type", String(40), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("orgs", Text, nullable=False),  # JSON: the orgs that have this host; [] for links of no org (code changes)
    Column("draft", Boolean, nullable=False, server_default=text("false")),  # as in insights
    Column("quoted", Boolean, nullable=False, server_default=text("false")),  # as in insights.Candidate
    Column("poster", String(32)),
    Column("state", String(16), nullable=False),  # SightingState
    Column("reason", String(80)),  # why it is not offered: insights.Decision, TieKind or Slack's error code
    Column("insight", Integer, ForeignKey("insights.id"), index=True),  # the insight that was made of it
    Column("at", Double, nullable=False),
    UniqueConstraint("workspace", "channel", "message_ts", "type", "scope", "resource_id", name="uq_sightings_message"),
    Index("ix_sightings_thread", *_THREAD, "state"),
    Index("ix_sightings_pending", *_THREAD, sqlite_where=text("state = 'pending'")),
    Index("ix_sightings_at", "at"),
)

insights = Table(
    "insights",
    metadata,
    Column("id", Integer, primary_key=True),
    *_ids(*_CASE),
    Column("type", String(40), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("draft", Boolean, nullable=False, server_default=text("false")),  # a person must give or confirm its id
    Column("state", String(16), nullable=False),  # insights.State
    Column("by", String(32)),  # who moved it last
    Column("at", Double, nullable=False),  # when
    Column("confirmed_at", Double),
    Column("sent_at", Double),  # when we sent it to Datadog, where it may have arrived; 0: that call has ended
    Column("ours", Boolean, nullable=False),  # we put it on the case, so Undo may take it off
    Column("left_out", Boolean, nullable=False),  # dismissed because it was not ticked
    Column("note", Text, nullable=False),  # why it failed, a sentence
    Column("from_thread", String(100)),  # workspace/channel/ts of where it was confirmed last
    UniqueConstraint("org", "case_id", "type", "scope", "resource_id", name="uq_insights_identity"),
    Index("ix_insights_work", "org", "case_id", "state"),
    Index("ix_insights_at_work", "org", "case_id", "state", sqlite_where=text("state IN ('confirmed', 'undoing')")),
    Index("ix_insights_unfinished", "at", sqlite_where=text("state IN ('confirmed', 'undoing', 'failed')")),
)

cards = Table(
    "cards",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),  # insights, or tie: a question
    *_ids(*_THREAD, *_CASE),
    Column("ts", String(32)),
    Column("version", Integer, nullable=False),
    Column("shown_version", Integer, nullable=False),
    Column("digest", String(32)),  # of what Slack shows, to skip updates that change nothing
    Column("posting_since", Double),
    Column("first_link_at", Double, nullable=False),
    Column("open", Boolean, nullable=False),  # it takes more links
    Column("continued_in", String(16)),  # the card that took over what was undecided on it
    Column("ended", String(80)),  # Slack's error code for why it can no longer be shown
    Column("refused", String(80)),  # the same for why it is not in its thread, but in somebody's direct messages
    Column("late_replies_due", Integer, nullable=False, server_default="0"),  # replies about late failures
    Column("late_replies_posted", Integer, nullable=False, server_default="0"),
    Column("late_reply_since", Double),  # when we sent one that Slack has not answered yet
    Column("rolling", Boolean, nullable=False, server_default=text("false")),  # shared by bots' posts in a channel
    Column("asks", Text),  # kind tie, JSON: [[org, case_id], …] to choose from
    Column("answer", String(110)),  # org/case_id, or "no"
    Column("answered_by", String(32)),
    Column("answered_at", Double),
    Index("ix_cards_thread", *_THREAD),
    Index("ix_cards_continued_in", "continued_in", sqlite_where=text("continued_in IS NOT NULL")),
    Index("ix_cards_message", "workspace", "channel", "ts"),
    Index("ix_cards_latest", "workspace", "channel", "first_link_at"),
    Index("ix_cards_first_link_at", "first_link_at"),
    Index("ix_cards_behind", "id", sqlite_where=text("ended IS NULL AND version > shown_version")),
    Index("ix_cards_rolling", "workspace", "channel", sqlite_where=text("rolling = 1")),
    Index("uq_cards_open", *_THREAD, "org", "case_id", unique=True, sqlite_where=text("open")),
)

card_insights = Table(
    "card_insights",
    metadata,
    Column("card", String(16), ForeignKey("cards.id", ondelete="CASCADE"), primary_key=True),
    Column("insight", Integer, ForeignKey("insights.id"), primary_key=True),
    Column("group", Integer, nullable=False),
    Column("joined_version", Integer, nullable=False),
    Column("poster", String(32)),  # the author of the message with the link
    Column("message_ts", String(32), nullable=False),
    Index("ix_card_insights_insight", "insight"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),  # JobKind
    Column("key", String(220), nullable=False),
    Column("due_at", Double, nullable=False),  # of a held job: when its lease ends
    Column("enqueued", Integer, nullable=False),  # how often: a job that was enqueued while held is not over
    Column("again_at", Double),  # when a held job is due again, if it was enqueued meanwhile
    Column("token", String(32)),  # its holder's
    Column("attempts", Integer, nullable=False),  # in a row without success
    Column("since", Double),  # when the first of them failed
    Column("batch_size", Integer, nullable=False),
    Column("refused", Integer, nullable=False),  # insights that Datadog refused in a row, sent one by one
    Column("note", Text, nullable=False),  # what it waits for, a sentence
    UniqueConstraint("kind", "key"),
    Index("ix_jobs_due_at", "kind", "due_at"),
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
    Column("message", String(80)),  # workspace/channel/ts of the message with the link
    Column("note", Text, nullable=False),
    Index("ix_transitions_at", "at"),
)

# How much the bot does by itself in a thread or, with "" as thread_ts, in a whole channel.
modes = Table(
    "modes",
    metadata,
    *_ids(*_THREAD, key=True),
    Column("mode", String(8), nullable=False),  # insights.Mode
    Column("by", String(32), nullable=False),
    Column("at", Double, nullable=False),
)

# Threads whose earlier messages are being read, one page at a time.
scans = Table(
    "scans",
    metadata,
    *_ids(*_THREAD, key=True),
    Column("by", String(32)),  # who gets the result; None: nobody asked for it
    Column("cursor", Text, nullable=False),  # Slack's cursor of the next page
    Column("left", Integer, nullable=False),  # messages that it may still read
    Column("read", Integer, nullable=False),
    Column("new", Integer, nullable=False),  # new links in them
    Column("at", Double, nullable=False),
)

# The comment of each thread on each case, which says where insights came from, and holds notes.
thread_comments = Table(
    "thread_comments",
    metadata,
    *_ids(*_CASE, *_THREAD, key=True),
    Column("told_at", Double, nullable=False, server_default="0"),  # it tells what had happened by then
    Column("cell", String(80)),  # its id in Datadog; "": it is there, and its id was not told
    Column("sent_at", Double),  # when a call left that may have arrived; 0: that call has ended
    Column("removing", Boolean, nullable=False, server_default=text("false")),  # that call takes it off
    Column("lost", Boolean, nullable=False, server_default=text("false")),  # somebody deleted it: never again
    Index("ix_thread_comments_lost", "workspace", "told_at", sqlite_where=text("lost = 1")),
)

# Cases that people want created: one call each, never repeated. Title and description are empty once that is over.
creations = Table(
    "creations",
    metadata,
    *_ids("marker", key=True),  # of the form, and in the case's description
    *_ids(*_THREAD, "org", "by", "priority", "state"),  # creations.CreationState
    Column("at", Double, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("title", "description", "type_id", "project_id", "note")),
    Column("sent_at", Double),  # when the call left that may have arrived
    Column("case_id", String(36)),
    Column("posting_since", Double),  # as in cards, of the message that tells what became of it
    Index("ix_creations_pending", "org", sqlite_where=text("state <> 'done'")),
    Index("ix_creations_at", "at"),
)

# Mentions that were answered: Slack may send one more than once.
mentions = Table(
    "mentions",
    metadata,
    *_ids("workspace", "channel", "ts", key=True),
    Column("at", Double, nullable=False),
    Index("ix_mentions_at", "at"),
)

# Reactions that asked for something, each as of its latest event.
reactions = Table(
    "reactions",
    metadata,
    *_ids("workspace", "channel", "ts", "by", key=True),
    Column("event_ts", String(32), nullable=False),
    Column("org", String(64)),  # with case_id: the case for which it confirmed insights, if it did
    Column("case_id", String(36)),
    Column("at", Double, nullable=False),  # when it did
    Index("ix_reactions_at", "at"),
)

# Sites of Datadog in pasted links that no configured org is on.
sites = Table(
    "sites",
    metadata,
    *_ids("workspace", key=True),
    Column("site", String(32), primary_key=True),  # the site parameter
    Column("at", Double, nullable=False),  # the last time; written at most once an hour
)

# Channels that are shared with other organisations, as far as we have seen.
channels = Table(
    "channels",
    metadata,
    *_ids("workspace", "channel", key=True),
    Column("shared", Boolean, nullable=False),
    Column("at", Double, nullable=False),
)

# Processes of the bot: each writes its row once a minute.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("replica", String(32), primary_key=True),
    Column("seen_at", Double, nullable=False),
    Column("last_event_at", Double),  # when it last received an event of Slack's; None: never
    Column("dropped_at", Double),  # when Slack last said that it dropped events
)
