"""What a card shows: read in one snapshot, with the names that people may be told."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.insights import CARD_HOLDS, Decision
from bot.messages.card_view import CardView, Source, Waiting, told_apart
from bot.model import Card, CardItem, Case, Identity, State, Thread, Tie
from bot.policy import Person, account_of, counts_as, is_app, may_be_told, may_change, may_read_title
from bot.services.context import Context, Organization
from bot.slack.client import DIRECT
from bot.slack.workspaces import Workspace
from bot.store import cards, cases, jobs, now, pace, shared_channels, sightings, ties
from bot.store.connection import Connection
from bot.store.transaction import JobKind

NAMES_WITHIN = 1.0
"""Seconds that a card waits for names, of people and of insights at once."""
WAITING_AFTER_SECONDS = 10.0  # when a card says what it waits for instead of "Adding"


async def view(context: Context, card: Card) -> CardView | None:
    """All that the card shows, as of now; None when its case is unknown."""
    async with context.store.snapshot() as connection:
        row = await cards.get(connection, card.id)
        items = await cards.items(connection, card.id)
        case = await cases.get(connection, card.org, card.case_id)
        waits_for = await _waits_for(connection, card, items)
        shared = await shared_channels.is_shared(connection, card.thread)
        tie = await _tie_to_its_case(connection, card)
        silent = await _not_offered(connection, card.thread, items)
        at = await now(connection) if waits_for[0] or len(items) > 1 else 0.0
        left = await pace.titles_left(connection, card.thread, card.id, at) if len(items) > 1 else None
    if case is None or row is None:
        return None
    tied_by, until = tie.by if tie else None, time.monotonic() + NAMES_WITHIN
    workspace = await context.workspaces.at(card.thread.workspace)
    org = context.orgs_for(card.thread.workspace).get(card.org)
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
        items=told_apart([replace(item, name=titles.get(item.identity, "")) for item in items]),
        sources=_sources(workspace.myself.url, card, items),
        closed=case.closed,
        archived=case.archived,
        continued=row.continued_in is not None,
        left_over=silent[Decision.TOO_MANY],
        on_case=silent[Decision.ON_CASE] + silent[Decision.ADDED] + _present(items, case),
        elsewhere=tie is None and not card.thread.channel.startswith(DIRECT),
        refused=card.refused or "",
        waiting=waiting(items, *waits_for, at),
        names={user: person.name for user, person in people.items()},
    )


async def _waits_for(connection: Connection, card: Card, items: Sequence[CardItem]) -> tuple[str, float]:
    """What the card's work waits for, and until when: the case's job, else for notes that of the thread's comment."""
    at_work = [item for item in items if item.state.is_at_work]
    if not at_work:
        return "", 0.0
    key = jobs.case_key(card.org, card.case_id)
    words, due_at = await jobs.waits_for(connection, JobKind.CASE, key)
    if words or not any(item.is_note for item in at_work):
        return words, due_at
    return await jobs.waits_for(connection, JobKind.COMMENT, f"{key}/{jobs.thread_key(card.thread)}")


async def _tie_to_its_case(connection: Connection, card: Card) -> Tie | None:
    tie = await ties.of(connection, card.thread)
    return tie if tie is not None and (tie.org, tie.case_id) == (card.org, card.case_id) else None


async def _not_offered(connection: Connection, thread: Thread, items: Sequence[CardItem]) -> Counter[str]:
    """Links of the same messages that are not offered, while that matters; by reason."""
    if len(items) < CARD_HOLDS and not any(item.state.is_undecided for item in items):
        return Counter()
    return await sightings.not_offered(connection, thread, {item.message_ts for item in items})


def _present(items: Sequence[CardItem], case: Case) -> int:
    """How many offers were withdrawn because Datadog lists them on the case."""
    return sum(item.state is State.WITHDRAWN and item.identity in case.on_case for item in items)


async def _clicked_here(context: Context, thread: Thread, items: Sequence[CardItem]) -> Sequence[CardItem]:
    """The insights, without who moved one that another thread shows, too: they may never have seen this thread."""
    async with context.store.read() as connection:
        elsewhere = await cards.shown_in(connection, thread, [item.id for item in items], others=True)
    return [replace(item, by=None) if item.id in elsewhere else item for item in items]


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
    return people, told_among(workspace, judged), whose


def told_among(workspace: Workspace, people: Mapping[str, Person]) -> frozenset[str]:
    """The full members among these people: others are told nothing about cases, and nobody is in front of them."""
    return frozenset(user for user, person in people.items() if may_change(person, workspace.home) is None)


def _sources(url: str, card: Card, items: Sequence[CardItem]) -> dict[str, Source]:
    """The messages that the links came from, by ts.

    Those of a card in direct messages are in the thread that it was made for: there its insights were confirmed when it
    was made. Of what was confirmed again since, nothing tells the thread.
    """
    is_direct, found = card.thread.channel.startswith(DIRECT), dict[str, Source]()
    for item in items:
        made_here = item.from_thread if item.confirmed_at == card.first_link_at else None
        thread = card.thread if not is_direct else jobs.thread_of(made_here) if made_here else None
        if thread is not None and item.message_ts:
            found[item.message_ts] = Source(item.poster, thread.permalink(url, item.message_ts))
    return found


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
    if org is None:
        return {}
    asked, posters = list[Identity](), Counter[str]()
    for item in items:
        if not item.state.is_named:
            continue
        poster = "" if is_app(item.poster) else item.poster or ""
        posters[poster] += 1
        if left is None or posters[poster] <= left.get(poster, 0):
            asked.append(item.identity)
    return {**org.names.cached(item.identity for item in items), **await org.names_of(asked, within=within)}
