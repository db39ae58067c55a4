"""What a card shows: read in one snapshot, with the names that people may be told."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.insights import CARD_HOLDS
from bot.messages.card_view import CardView, Message, Source, Waiting
from bot.messages.cards import card_message
from bot.messages.questions import question_message
from bot.model import Card, CardItem, Identity, Question, State, Thread
from bot.policy import Person, account_of, counts_as, is_app, may_be_told, may_change, may_read_title
from bot.services import card_links
from bot.services.context import Context, Organization
from bot.slack.workspaces import Workspace
from bot.store import cards, cases, jobs, now, pace, questions, shared_channels, sightings, ties
from bot.store.transaction import JobKind

NAMES_WITHIN = 1.0
"""Seconds that a card waits for names, of people and of insights at once."""
WAITING_AFTER_SECONDS = 10.0  # when a card says what it waits for instead of "Adding"


@dataclass(frozen=True, slots=True)
class RenderedCard:
    """A card as of now: its message, the digest of what it reads, and whether there is anything to post."""

    version: int
    message: Message
    digest: str
    empty: bool = False


async def render(context: Context, card: Card) -> RenderedCard | None:
    """The card's message now; None: what it would show is not stored any more."""
    return await (_question(context, card) if card.asks else _insights(context, card))


async def view(context: Context, card: Card) -> CardView | None:
    """All that the card shows, as of now; None when its case is unknown."""
    async with context.store.snapshot() as connection:
        row = await cards.get(connection, card.id)
        items = await cards.items(connection, card.id)
        case = await cases.get(connection, card.org, card.case_id)
        note, due_at = await jobs.waits_for(connection, JobKind.CASE, jobs.case_key(card.org, card.case_id))
        shared = await shared_channels.is_shared(connection, card.thread)
        tie = await ties.of(connection, card.thread)
        brought = {item.message_ts for item in items}
        left_over = await sightings.left_over(connection, card.thread, brought) if len(items) >= CARD_HOLDS else 0
        at = await now(connection)
        left = await pace.titles_left(connection, card.thread, card.id, at) if len(items) > 1 else None
    if case is None or row is None:
        return None
    tied_by = tie.by if tie is not None and (tie.org, tie.case_id) == (card.org, card.case_id) else None
    workspace = await context.workspaces.at(card.thread.workspace)
    org = context.orgs_for(card.thread.workspace).get(card.org)
    until = time.monotonic() + NAMES_WITHIN
    people, members, whose = await _people(workspace, row, items, tied_by)
    told = members if org is not None and not shared else frozenset[str]()
    clicked = items if told.issuperset({tied_by, *whose.values()}) else await _clicked_here(context, card.thread, items)
    named = [item for item in clicked if may_be_told(whose[item.poster], item.by, tied_by, told)]
    titles = await _titles(org, named, left, within=max(0.0, until - time.monotonic()))
    return CardView(
        id=card.id,
        version=row.version,
        case_key=case.key,
        case_title=case.title if may_read_title(tied_by, whose.values(), [item.by for item in clicked], told) else "",
        case_url=f"{org.case_url}{case.key}" if org else "",
        items=[replace(item, name=titles.get(item.identity, "")) for item in items],
        sources=_sources(workspace.myself.url, card.thread, items),
        closed=case.closed,
        archived=case.archived,
        continued=row.continued_in is not None,
        left_over=left_over,
        refused=card.refused or "",
        waiting=waiting(items, note, due_at, at),
        names={user: person.name for user, person in people.items()},
    )


async def _people(
    workspace: Workspace, card: Card, items: Sequence[CardItem], tied_by: str | None
) -> tuple[Mapping[str, Person], frozenset[str], Mapping[str | None, str | None]]:
    """Those whom a card is about, who of them may be told, and whom each author of a link counts as.

    Of those who bring something new, that is judged by what Slack says within a minute; the rest was told before.
    """
    until = time.monotonic() + NAMES_WITHIN
    everybody = {*(account_of(item.poster) for item in items), *(item.by for item in items), tied_by}
    people = await workspace.slack.known(everybody, within=NAMES_WITHIN)
    bots = {user for user, person in people.items() if person.is_bot}  # which they stay
    new = {account_of(item.poster) for item in items if item.joined_version > card.shown_version}
    deciding = ({*new, tied_by} if new else new) - bots
    lately = await workspace.slack.lately(deciding, within=max(0.0, until - time.monotonic()))
    judged = {**{user: person for user, person in people.items() if user not in deciding}, **lately}
    whose = {item.poster: counts_as(item.poster, judged, workspace.home) for item in items}
    return people, _told(workspace, judged), whose


async def _clicked_here(context: Context, thread: Thread, items: Sequence[CardItem]) -> Sequence[CardItem]:
    """The insights, without who moved one that another thread shows, too: they may never have seen this thread."""
    async with context.store.read() as connection:
        elsewhere = await cards.shown_in(connection, thread, [item.id for item in items], others=True)
    return [replace(item, by=None) if item.id in elsewhere else item for item in items]


def _told(workspace: Workspace, people: Mapping[str, Person]) -> frozenset[str]:
    """The full members among these people: others are told nothing about cases, and nobody is in front of them."""
    return frozenset(user for user, person in people.items() if may_change(person, workspace.home) is None)


def _sources(url: str, thread: Thread, items: Sequence[CardItem]) -> list[Source]:
    """The messages that what is still offered came from, each once, oldest first."""
    brought = {item.message_ts: item.poster for item in items if item.state is State.OFFERED}
    return [Source(poster, thread.permalink(url, ts)) for ts, poster in sorted(brought.items())]


async def _insights(context: Context, card: Card) -> RenderedCard | None:
    shown = await view(context, card)
    if shown is None:
        return None
    if shown.continued:
        shown = replace(shown, below=await _below(context, card.id))
    # The version itself stands in every button. What counts is the newest that an insight joined: a click from before
    # that does not mean the insight.
    joined = max((item.joined_version for item in shown.items), default=0)
    digest = _digest(card_message(replace(shown, version=joined)))
    empty = all(item.state is State.WITHDRAWN for item in shown.items)
    return RenderedCard(shown.version, card_message(shown), digest, empty=empty)


async def _below(context: Context, card: str) -> str:
    """The address of the card that continues this one; empty while it has none."""
    async with context.store.read() as connection:
        old = await cards.get(connection, card)
        new = await cards.get(connection, old.continued_in) if old and old.continued_in else None
    return await card_links.address(context, new)


async def _question(context: Context, card: Card) -> RenderedCard | None:
    async with context.store.snapshot() as connection:
        question = await questions.get(connection, card.id)
        tied = await questions.tied_to(connection, question) if question else None
        shared = await shared_channels.is_shared(connection, card.thread)
        tie = await ties.own(connection, card.thread)
    if question is None:
        return None
    workspace = await context.workspaces.at(card.thread.workspace)
    people = await workspace.slack.lately({question.by, tie.by if tie else None}, within=NAMES_WITHIN)
    names = {user: person.name for user, person in people.items()}
    visible = context.orgs_for(card.thread.workspace).keys() >= {case.org for case in question.asks}
    titled = visible and not shared and bool(_told(workspace, people))

    def render(question: Question) -> Message:
        return question_message(question, names, tied_to=tied, titled=titled)

    return RenderedCard(question.version, render(question), _digest(render(replace(question, version=0))))


def _digest(message: Message) -> str:
    return hashlib.blake2b(json.dumps(message.blocks).encode(), digest_size=12).hexdigest()


def waiting(items: Sequence[CardItem], note: str, due_at: float, at: float) -> Waiting | None:
    """What a card waits for; None if the next try comes so soon after the click that "Adding" is enough."""
    asked = [item.confirmed_at or item.at for item in items if item.state.is_at_work]
    if not note or not asked or max(due_at, at) < min(asked) + WAITING_AFTER_SECONDS:
        return None
    return Waiting(note, max(due_at, at))


async def _titles(
    org: Organization | None, items: Sequence[CardItem], left: Mapping[str, int] | None, *, within: float
) -> Mapping[Identity, str]:
    """The titles of the insights that the card names; `left`: how many are looked up for each poster, None: all."""
    listed = [item for item in items if item.state.is_named]
    if org is None:
        return {}
    asked, posters = list[Identity](), Counter[str]()
    for item in listed:
        poster = "" if is_app(item.poster) else item.poster or ""
        posters[poster] += 1
        if left is None or posters[poster] <= left.get(poster, 0):
            asked.append(item.identity)
    return {**org.names.cached(item.identity for item in listed), **await org.names_of(asked, within=within)}
