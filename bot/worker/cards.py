"""The job of a card: what the store says of its insights, shown in Slack.

Before a post leaves, `posting_since` is committed; where that stands without a ts, the thread is searched for the
card's metadata first. So a crash between Slack's answer and our commit leaves one card, not two.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.insights import CARD_HOLDS
from bot.messages.card_view import CardView, Message, Source, Waiting
from bot.messages.cards import card_message, late_failure, metadata
from bot.messages.questions import question_message
from bot.messages.sentences import SHARED
from bot.model import Card, CardItem, Identity, Question, State, Thread
from bot.policy import Person, is_app, may_be_told, may_change, may_read_title
from bot.services.context import Context, Organization
from bot.services.shared_channels import is_shared, is_silent
from bot.slack.client import DIRECT, SlackPermanent, SlackTransient
from bot.slack.workspaces import Workspace
from bot.store import cards, cases, jobs, now, open_cards, pace, questions, shared_channels, sightings, ties
from bot.store.transaction import Job, JobKind, Transaction
from bot.worker.lease import fenced
from bot.worker.outcomes import GAVE_UP, Done, GiveUp, Outcome, RetryAfter

MESSAGE_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
NAMES_WITHIN = 1.0
"""Seconds that a card waits for names, of people and of insights at once."""
WAITING_AFTER_SECONDS = 10.0  # when a card says what it waits for instead of "Adding"
TURN_SECONDS = 10.0  # how often a card that its poster's other cards hold up looks whether it is its turn


@dataclass(frozen=True, slots=True)
class RenderedCard:
    """A card as of now: its message, the digest of what it reads, and whether there is anything to post."""

    version: int
    message: Message
    digest: str
    empty: bool = False


@dataclass(frozen=True, slots=True)
class ShownCard:
    """The version of a card that Slack shows, under which ts; None: there is nothing to show."""

    version: int
    ts: str | None
    digest: str
    channel: str = ""


async def work(context: Context, job: Job) -> Outcome:
    """Bring Slack up to this card's newest version, and tell the thread of a late failure."""
    async with context.store.read() as connection:
        card = await cards.get(connection, job.key)
    if card is None or card.ended is not None:
        return Done()
    try:
        shown = await _show(context, job, card)
    except SlackTransient as later:
        if later.tried or (card.posting_since is not None and card.id not in job.leaving):
            raise
        return RetryAfter(later.after, str(later), counts=False, write=lambda tx: cards.not_posted(tx, card.id))
    if shown is None:
        return RetryAfter(TURN_SECONDS, "", counts=False)
    late = card.late_replies_due > card.late_replies_posted
    if late:
        await _reply_late(context, job, card)

    async def write(tx: Transaction) -> None:
        if late:
            await cards.late_reply_posted(tx, card.id, card.late_replies_due)
        if shown.ts is None:
            await cards.nothing_to_show(tx, card.id, shown.version)
            return
        if shown.channel and shown.channel != card.thread.channel:
            await cards.move_to_dm(tx, card, shown.channel, card.refused)
        await cards.shown(tx, card.id, shown.version, shown.ts, shown.digest)

    return Done(write=write)


async def give_up(context: Context, job: Job, end: GiveUp) -> Done:
    """A card whose message cannot be changed any more: what became of its insights is posted as a new reply.

    A card that was never posted, of what somebody added on purpose, goes to their direct messages with the bot. Refused
    there, too, it ends, and so it does where Slack is silent for too long: Home lists what became of it.
    """
    if end.reason == GAVE_UP:  # nothing is read: a row that cannot be read may be why
        return Done(write=lambda tx: cards.end(tx, job.key, GAVE_UP))
    async with context.store.read() as connection:
        card = await cards.get(connection, job.key)
    if card is None:
        return Done()

    async def write(tx: Transaction) -> None:
        items = await cards.items(tx, card.id)
        person = _whose(card, items) if card.ts is None else None
        decided = any(item.state is not State.OFFERED for item in items)
        if person is not None:
            await cards.move_to_dm(tx, card, person, end.reason)
        elif card.ts is not None and end.reason in MESSAGE_GONE and decided:
            await cards.lost(tx, card.id)
        else:
            await open_cards.close(tx, card, end.reason, context.timing)
            return
        await jobs.enqueue(tx, JobKind.CARD, card.id)

    return Done(write=write, case=(card.org, card.case_id))


def _whose(card: Card, items: Sequence[CardItem]) -> str | None:
    """Who added something on purpose on this card; None once it is in direct messages."""
    if card.thread.channel.startswith(DIRECT):
        return None
    return next((item.by for item in items if item.by and item.confirmed_at), None)


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
    org = context.orgs.get(card.org)
    tied_by = tie.by if tie is not None and (tie.org, tie.case_id) == (card.org, card.case_id) else None
    posters = {item.poster for item in items}
    workspace = await context.workspaces.at(card.thread.workspace)
    until = time.monotonic() + NAMES_WITHIN
    people = await workspace.slack.known({*posters, *(item.by for item in items), tied_by}, within=NAMES_WITHIN)
    told = _told(workspace, people) if not shared else frozenset[str]()
    clicked = items if told.issuperset({tied_by, *posters}) else await _clicked_here(context, card.thread, items)
    titles = await _titles(org, _named(clicked, tied_by, told), left, within=max(0.0, until - time.monotonic()))
    return CardView(
        id=card.id,
        version=row.version,
        case_key=case.key,
        case_title=case.title if may_read_title(tied_by, posters, {item.by for item in clicked}, told) else "",
        case_url=f"{org.case_url}{case.key}" if org else "",
        items=[replace(item, name=titles.get(item.identity, "")) for item in items],
        sources=_sources(workspace.myself.url, card.thread, items),
        closed=case.closed,
        archived=case.archived,
        continued=row.continued,
        left_over=left_over,
        refused=card.refused or "",
        waiting=waiting(items, note, due_at, at),
        names={user: person.name for user, person in people.items()},
    )


async def _clicked_here(context: Context, thread: Thread, items: Sequence[CardItem]) -> Sequence[CardItem]:
    """The insights, without who moved one that another thread shows, too: they may never have seen this thread."""
    async with context.store.read() as connection:
        elsewhere = await cards.shown_in(connection, thread, [item.id for item in items], others=True)
    return [replace(item, by=None) if item.id in elsewhere else item for item in items]


def _named(items: Sequence[CardItem], tied_by: str | None, told: frozenset[str]) -> Sequence[CardItem]:
    return [item for item in items if may_be_told(item.poster, item.by, tied_by, told)]


def _told(workspace: Workspace, people: Mapping[str, Person]) -> frozenset[str]:
    """The full members among these people: others are told nothing about cases, and nobody is in front of them."""
    return frozenset(user for user, person in people.items() if may_change(person, workspace.home) is None)


def _sources(url: str, thread: Thread, items: Sequence[CardItem]) -> list[Source]:
    """The messages that what is still offered came from, each once, oldest first."""
    brought = {item.message_ts: item.poster for item in items if item.state is State.OFFERED}
    return [Source(poster, thread.permalink(url, ts)) for ts, poster in sorted(brought.items())]


async def _show(context: Context, job: Job, card: Card) -> ShownCard | None:
    """Post or update the card; returns what Slack shows now. None: it is not posted yet, see `pace`."""
    began = time.monotonic()
    if card.ts is None and card.posting_since is None:
        async with fenced(context, job, case=(card.org, card.case_id)) as (tx, at):
            if not await pace.may_post(tx, card.thread, card.id, at):
                return None
            await cards.posting(tx, card.id, at)
    # Else the transaction that took the job has stored `posting_since` a moment ago.
    tried = card.ts is None and card.posting_since is not None and card.id not in job.leaving
    if tried:  # other organisations may have come meanwhile
        await is_shared(context, card.thread)  # stored, because what the card shows depends on it
    rendered = await (_question(context, card) if card.asks else _insights(context, card))
    if rendered is None:
        return ShownCard(0, None, "")
    workspace = await context.workspaces.at(card.thread.workspace)
    ts = card.ts
    if tried:
        ts = await workspace.slack.find(card.thread, metadata(card.id), card.posting_since or 0.0, workspace.myself.bot)
    if ts is not None:
        # A new version that reads the same (a probe failed again) is not worth a call.
        if card.ts is None or card.digest != rendered.digest:
            await workspace.slack.update(card.thread.channel, ts, rendered.message)
        return ShownCard(rendered.version, ts, rendered.digest)
    if rendered.empty:
        return ShownCard(rendered.version, None, "")
    return await _post(context, job, card, rendered, renew=tried or time.monotonic() - began > context.lease / 4)


async def _post(context: Context, job: Job, card: Card, rendered: RenderedCard, *, renew: bool) -> ShownCard:
    """Post a card. `renew`: else another replica could look for it in vain, and post it, too."""
    async with context.store.read() as connection:
        shared = await shared_channels.is_shared(connection, card.thread)
    if shared and await is_silent(context, card.thread):  # other organisations may have left
        raise SlackPermanent(SHARED)
    if renew:
        async with fenced(context, job) as (tx, at):
            await cards.posting(tx, card.id, at)
    posted = await (await context.slack(card.thread.workspace)).post(card.thread, rendered.message, metadata(card.id))
    return ShownCard(rendered.version, posted.ts, rendered.digest, posted.channel)


async def _insights(context: Context, card: Card) -> RenderedCard | None:
    shown = await view(context, card)
    if shown is None:
        return None
    # The version itself stands in every button. What counts is the newest that an insight joined: a click from before
    # that does not mean the insight.
    joined = max((item.joined_version for item in shown.items), default=0)
    digest = _digest(card_message(replace(shown, version=joined)))
    empty = all(item.state is State.WITHDRAWN for item in shown.items)
    return RenderedCard(shown.version, card_message(shown), digest, empty=empty)


async def _question(context: Context, card: Card) -> RenderedCard | None:
    async with context.store.snapshot() as connection:
        question = await questions.get(connection, card.id)
        tied = await questions.tied_to(connection, question) if question else None
        shared = await shared_channels.is_shared(connection, card.thread)
        tie = await ties.own(connection, card.thread)
    if question is None:
        return None
    workspace = await context.workspaces.at(card.thread.workspace)
    people = await workspace.slack.known({question.by, tie.by if tie else None}, within=NAMES_WITHIN)
    names = {user: person.name for user, person in people.items()}
    titled = not shared and bool(_told(workspace, people))

    def render(question: Question) -> Message:
        return question_message(question, names, tied_to=tied, titled=titled)

    return RenderedCard(question.version, render(question), _digest(render(replace(question, version=0))))


def _digest(message: Message) -> str:
    return hashlib.blake2b(json.dumps(message.blocks).encode(), digest_size=12).hexdigest()


async def _reply_late(context: Context, job: Job, card: Card) -> None:
    """Post one reply about insights that failed when nobody was watching any more."""
    mark = metadata(card.id, card.late_replies_due)
    workspace = await context.workspaces.at(card.thread.workspace)
    ts = None
    if card.late_reply_since is not None:
        ts = await workspace.slack.find(card.thread, mark, card.late_reply_since, workspace.myself.bot)
    shown = await view(context, card) if ts is None else None
    if shown is not None:
        async with fenced(context, job) as (tx, at):
            await cards.late_reply_leaves(tx, card.id, at)
        await workspace.slack.post(card.thread, late_failure(shown), mark)


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
