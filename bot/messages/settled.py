"""What was decided on a card: a list of insights by who decided it and when, each with a way back where there is one.

Slack keeps a message's blocks below fifty: a card shows the first lines, and a private answer all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from bot.messages.blocks import Json, button, context, section, sections
from bot.messages.card_view import CardView, Message, address, case_link, label, listed, needs_id, who
from bot.messages.text import OPTION_CHARS, TEXT_CHARS, cut, cut_mrkdwn, linked, moment
from bot.model import CardItem, State

SHOWN = 5
"""Lines on a card: what a phone's screen holds."""
LABEL_CHARS = 120
_ORDER = (State.FAILED, State.ADDED, State.UNDONE, State.DISMISSED)
"""What needs somebody comes first."""
_WORDS = {State.FAILED: "not added", State.ADDED: "added", State.UNDONE: "removed", State.DISMISSED: "dismissed"}


@dataclass(frozen=True, slots=True)
class Group:
    """Insights that one person decided on alike, in the same minute. `head`: what, who and when; `more`: a sentence."""

    head: str
    more: str
    items: Sequence[CardItem]

    @property
    def sentence(self) -> str:
        """`Added to CASEM-4523 by Ana, 03:12: Monitor High memory on api.`"""
        return f"{self.head}: {listed(self.items)}. {self.more}".rstrip()

    @property
    def heading(self) -> str:
        return f"{self.head}. {self.more}" if self.more else f"{self.head}:"


def groups(view: CardView) -> list[Group]:
    """All that is decided and done with, in groups; what needs a person first, else the oldest."""
    decided = sorted((item for item in view.items if item.state in _ORDER), key=_alike)
    alike = [list(members) for _, members in groupby(decided, key=_alike)]
    failed = sum(item.state is State.FAILED for item in decided)
    added = sum(members[0].state is State.ADDED for members in alike)
    # "2 of 3" only for one person: a failure does not count for one of several people.
    return [_group(view, members, failed if added == 1 else 0) for members in alike]


def can_come_back(item: CardItem) -> bool:
    """Whether *Add back* is for it; what has no id needs the form."""
    return item.state in (State.UNDONE, State.DISMISSED) and not needs_id(item)


def shown(view: CardView, settled: Sequence[Group]) -> Iterator[Json]:
    """The first lines, and a button that shows the others."""
    room = SHOWN
    for group in settled:
        if room > 0:
            lines = [_line(view, item) for item in group.items[:room]]
            yield from sections("\n".join([group.heading, *lines]))
        room -= len(group.items)
    if room < 0:
        yield {**section(_folded(settled)), "accessory": button("insights.show", "Show", f"{view.id}:{view.version}")}


def everything(view: CardView) -> Message:
    """The private answer to *Show*: every line, with its own way back."""
    settled = groups(view)
    blocks: list[Json] = []
    for group in settled:
        blocks.append(context(group.heading))
        for item in group.items:
            back = {"accessory": add_back(view.id, item)} if can_come_back(item) else {}
            blocks.append({**section(_line(view, item)), **back})
    text = " ".join(group.sentence for group in settled) or "Nothing is decided on this card yet."
    return Message(cut_mrkdwn(text, TEXT_CHARS), blocks or [section(text)])


def add_back(card: str, item: CardItem, message_ts: str = "") -> Json:
    """The button for one insight of a card; `message_ts`: the message that brings it once more."""
    value = f"{card}:{item.id}:{message_ts}" if message_ts else f"{card}:{item.id}"
    made = button("insights.add_back", "Add back", value)
    return {**made, "accessibility_label": cut(f"Add back {label(item)}", OPTION_CHARS)}


def _alike(item: CardItem) -> tuple[int, bool, int, str, str]:
    return _ORDER.index(item.state), _is_left_out(item), int(item.at // 60), item.by or "", item.note


def _is_left_out(item: CardItem) -> bool:
    return item.left_out and item.state is State.DISMISSED


def _group(view: CardView, members: Sequence[CardItem], failed: int) -> Group:
    first = members[0]
    by, note = who(view, first.by), first.note
    match first.state:
        case State.FAILED:
            did = f"Not added for {by}"
        case State.ADDED:
            count = f" {len(members)} of {len(members) + failed}" if failed else ""
            did = f"Added{count} to {case_link(view)} by {by}"
        case State.UNDONE:
            did, note = f"Removed from {case_link(view)} by {by}", "Not offered here again."
        case _:
            did = f"{'Left out' if first.left_out else 'Cancelled' if note else 'Dismissed'} by {by}"
    return Group(f"{did}, {moment(max(item.at for item in members))}", note, members)


def _line(view: CardView, item: CardItem) -> str:
    """`• Monitor High memory on api · from Ana`: its name leads to Datadog, the rest to the message with the link."""
    page = address(item.ref, item.host)
    line = f"• {linked(page if page.startswith('http') else f'https://{page}', cut(label(item), LABEL_CHARS))}"
    if item.is_note and item.state is State.ADDED:
        line += ", in the case's comment"
    source = view.sources.get(item.message_ts)
    if source is None:
        return line
    poster = view.names.get(source.poster or "", "")
    return f"{line} · {linked(source.permalink, f'from {poster}' if poster else 'from')}"


def _folded(settled: Iterable[Group]) -> str:
    """`and 7 more: 4 added, 3 left out`"""
    rest = [item for group in settled for item in group.items][SHOWN:]
    words = ["left out" if _is_left_out(item) else _WORDS[item.state] for item in rest]
    counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return f"and {len(rest)} more: {counts}"
