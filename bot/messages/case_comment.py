"""The comment that a thread has on a case, in Datadog's Markdown: where insights came from, who added them and when.

Text from outside stands in code spans, in which Markdown knows no link, mention or emphasis.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bot.messages.card_view import TYPE_NAMES
from bot.messages.text import NAME_CHARS, TITLE_CHARS, clean, insights
from bot.model import CardItem, Thread

LISTED = 50
"""Insights that a comment names; the newest, as the others were in it before."""
_INERT = str.maketrans("`@", "ˋ＠")
"""A back-tick would end the span, and whoever looks for people to notify may not know spans."""


def marker(thread: Thread, case_id: str) -> str:
    """The word by which the comment of this thread is found on this case, whoever looks for it and whenever."""
    place = "/".join((thread.workspace, thread.channel, thread.ts, case_id))
    return f"caseinsights{hashlib.sha256(place.encode()).hexdigest()[:20]}"


def case_comment(added: Sequence[CardItem], link: str, names: Mapping[str, str], found_by: str) -> str:
    """The comment's text. `link`: the thread's or channel's address, empty where only one person can read it.

    `names`: of people by Slack user id, those who may be named; `found_by`: its `marker`.
    """
    where = f"Slack: {link}" if link else "a direct message in Slack."
    left_out = len(added) - LISTED
    lines = [_line(item, names.get(item.by or "", "")) for item in added[-LISTED:]]
    if left_out > 0:
        lines.insert(0, f"- {insights(left_out)} before these")
    kept = f"Kept up to date by Case Insights. Reference: {found_by}"
    return "\n".join([f"Insights added from {where}", "", *lines, "", kept])


def _line(item: CardItem, name: str) -> str:
    what = f"{TYPE_NAMES[item.type]} {_literal(item.name or item.resource_id, TITLE_CHARS)}"
    by = f" by {_literal(name, NAME_CHARS)}" if name else ""
    return f"- {what}, added{by} on {datetime.fromtimestamp(item.confirmed_at or item.at, UTC):%Y-%m-%d %H:%M} UTC"


def _literal(text: str, most: int) -> str:
    """`text` from outside as a code span: what it says, and nothing that it could do."""
    return f"`{clean(text.translate(_INERT), most) or '…'}`"
