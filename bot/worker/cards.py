"""The job of a card: what the store says of its insights, shown in Slack.

Before a post leaves, `posting_since` is committed; where that stands without a ts, the thread is searched for the
card's metadata first. So a crash between Slack's answer and our commit leaves one card, not two.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bot.insights import lies_far
from bot.messages.cards import late_failure, metadata
from bot.messages.sentences import SHARED
from bot.model import Card, CardItem, State
from bot.services import watching
from bot.services.context import Context
from bot.services.shared_channels import is_shared, is_silent
from bot.slack.client import DIRECT, SlackPermanent, SlackTransient
from bot.store import cards, jobs, open_cards, pace, shared_channels
from bot.store.transaction import Job, JobKind, Transaction
from bot.worker.lease import fenced
from bot.worker.outcomes import GAVE_UP, Done, GiveUp, Outcome, RetryAfter
from bot.worker.rendering import RenderedCard, render, view

MESSAGE_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
log = structlog.get_logger(__name__)

TURN_SECONDS = 10.0  # how often a card that its poster's other cards hold up looks whether it is its turn
HELD_UP_SECONDS = 60.0  # after which Slack is asked, before the post, whether other organisations have come


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
    if await _lies_far(context, card):
        async with fenced(context, job, case=(card.org, card.case_id)) as (tx, at):
            await open_cards.move_down(tx, card, at)
        return Done()  # it is due again once the new card has an address
    try:
        shown = await _show(context, job, card)
    except SlackTransient as later:
        if later.tried or (card.posting_since is not None and card.id not in job.leaving):
            raise
        return RetryAfter(later.after, str(later), counts=False, write=lambda tx: cards.not_posted(tx, card.id))
    if shown is None:
        return RetryAfter(TURN_SECONDS, "", counts=False)
    if late := card.late_replies_due > card.late_replies_posted:
        await _reply_late(context, job, card, shown)

    async def write(tx: Transaction) -> None:
        if late:
            await cards.late_reply_posted(tx, card.id, card.late_replies_due)
        await _write_down(tx, card, shown)

    return Done(write=write, case=(card.org, card.case_id) if card.ts is None else None)


async def _write_down(tx: Transaction, card: Card, shown: ShownCard) -> None:
    if shown.ts is None:
        await cards.nothing_to_show(tx, card.id, shown.version)
        return
    if card.ts is None:
        await open_cards.link_back(tx, card.id)
    if shown.channel and shown.channel != card.thread.channel:
        await cards.move_to_dm(tx, card, shown.channel, card.refused)
    await cards.shown(tx, card.id, shown.version, shown.ts, shown.digest)


async def _lies_far(context: Context, card: Card) -> bool:
    """Whether a card that just got links is out of sight, where that was not known when they came: Slack tells."""
    if card.ts is None or card.asks or card.version == card.shown_version or context.latest_messages.knows(card.ts):
        return False
    async with context.store.read() as connection:
        if not await open_cards.got_links(connection, card):
            return False
    workspace = await context.workspaces.at(card.thread.workspace)
    try:
        below = await workspace.slack.below(card.thread, card.ts)
    except (SlackTransient, SlackPermanent) as error:
        log.info("card.stays", card=card.id, why=str(error))
        return False
    brought = [watching.seen(context, card.thread, message, edited=True) for message in below]
    return lies_far(card.ts, [message.message_ts for message in brought if not message.found])


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


async def _show(context: Context, job: Job, card: Card) -> ShownCard | None:
    """Post or update the card; returns what Slack shows now. None: it is not posted yet, see `pace`."""
    began, at = time.monotonic(), card.posting_since or 0.0
    if card.ts is None and card.posting_since is None:
        async with fenced(context, job, case=(card.org, card.case_id)) as (tx, at):
            if not await pace.may_post(tx, card.thread, card.id, at):
                return None
            await cards.posting(tx, card.id, at)
    # Else the transaction that took the job has stored `posting_since` a moment ago.
    tried = card.ts is None and card.posting_since is not None and card.id not in job.leaving
    if tried or (card.ts is None and at > card.first_link_at + HELD_UP_SECONDS):
        await is_shared(context, card.thread)  # stored, because what the card shows depends on it
    rendered = await render(context, card)
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


async def _reply_late(context: Context, job: Job, card: Card, as_shown: ShownCard) -> None:
    """Post one reply about insights that failed when nobody was watching any more."""
    place = replace(card.thread, channel=as_shown.channel or card.thread.channel)
    mark = metadata(card.id, card.late_replies_due)
    workspace = await context.workspaces.at(card.thread.workspace)
    ts = None
    if card.late_reply_since is not None:
        ts = await workspace.slack.find(card.thread, mark, card.late_reply_since, workspace.myself.bot)
    shown = await view(context, card) if ts is None else None
    reply = late_failure(shown, place.permalink(workspace.myself.url, as_shown.ts or "")) if shown else None
    if reply is not None:
        async with fenced(context, job) as (tx, at):
            await cards.late_reply_leaves(tx, card.id, at)
        await workspace.slack.post(card.thread, reply, mark)
