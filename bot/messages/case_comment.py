"""The comment that a thread has on a case, in Datadog's Markdown: where insights came from, who added them and when.

Text from outside stands in code spans, in which Markdown knows no link, mention or emphasis.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bot.messages.card_view import address, short, type_name
from bot.messages.text import NAME_CHARS, TITLE_CHARS, clean, insights
from bot.model import CardItem, Thread

LISTED = 50
"""Insights that a comment names; the newest, as the others were in it before."""
NOTES_HELD, NOTES_CHARS = 50, 20_000
"""Links that a comment holds, and characters of all of them together. What Datadog takes is documented nowhere."""
_INERT_IN_LINK = str.maketrans({"`": "%60", "@": "%40"})
_INERT = str.maketrans("`@", "ˋ＠")
"""A back-tick would end the span, and whoever looks for people to notify may not know spans."""


def marker(thread: Thread, case_id: str) -> str:
    """The word by which the comment of this thread is found on this case, whoever looks for it and whenever."""
    place = "/".join((thread.workspace, thread.channel, thread.ts, case_id))
    return f"caseinsights{hashlib.sha256(place.encode()).hexdigest()[:20]}"


def fitting(told: Sequence[CardItem]) -> tuple[Sequence[CardItem], set[int]]:
    """What the comment has room for, and the ids of the notes that it has not: they were confirmed last."""
    notes, room = [item for item in told if item.is_note], NOTES_CHARS
    left_out = {item.id for item in notes[NOTES_HELD:]}
    for item in notes[:NOTES_HELD]:
        room -= len(item.ref)
        if room < 0:
            left_out.add(item.id)
    return [item for item in told if item.id not in left_out], left_out


def case_comment(told: Sequence[CardItem], link: str, names: Mapping[str, str], found_by: str) -> str:
    """The comment's text. `link`: the thread's or channel's address, empty where only one person can read it.

    `names`: of people by Slack user id, those who may be named; `found_by`: its `marker`.
    """
    where = f"Slack: {link}" if link else "a direct message in Slack."
    added, notes = ([item for item in told if item.is_note is of_notes] for of_notes in (False, True))
    left_out = len(added) - LISTED
    lines = [_line(item, names.get(item.by or "", "")) for item in [*added[-LISTED:], *notes]]
    if left_out > 0:
        lines.insert(0, f"- {insights(left_out)} before these")
    what = "Insights and links" if added and notes else "Links" if notes else "Insights"
    kept = f"Kept up to date by Case Insights. Reference: {found_by}"
    return "\n".join([f"{what} added from {where}", "", *lines, "", kept])


def _line(item: CardItem, name: str) -> str:
    name_or_id = item.name or (short(item) if item.is_note else item.resource_id)
    what = f"{type_name(item.identity)} {_literal(name_or_id, TITLE_CHARS)}"
    if item.is_note:
        what += f": <https://{address(item.ref, item.host).translate(_INERT_IN_LINK)}>"
    by = f" by {_literal(name, NAME_CHARS)}" if name else ""
    return f"- {what}, added{by} on {datetime.fromtimestamp(item.confirmed_at or item.at, UTC):%Y-%m-%d %H:%M} UTC"


def _literal(text: str, most: int) -> str:
    """`text` from outside as a code span: what it says, and nothing that it could do."""
    return f"`{clean(text.translate(_INERT), most) or '…'}`"
