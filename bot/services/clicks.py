"""Pressing a card's buttons: policy, one transaction, and who was first where somebody was faster."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot.insights import ADDING_AFTER_SECONDS
from bot.insights.clicks import Action, ItemView, act, is_preset
from bot.messages import replies, sentences
from bot.messages.card_view import needs_id
from bot.model import Card, CardItem, State, Thread
from bot.services import card_links
from bot.services.checks import UserError, permit
from bot.services.context import PERSON_WITHIN, Context
from bot.services.responder import Answer
from bot.store import Store, cards, cases, now, offers, open_cards
from bot.store.jobs import case_key, enqueue
from bot.store.transaction import JobKind, Transaction

Views = Sequence[tuple[CardItem, ItemView]]
"""A card's insights, each with how the click sees it."""


@dataclass(frozen=True, slots=True)
class Click:
    """One click. `version` is the card's as the person saw it; `ticked` the insights they had ticked."""

    card: str
    version: int
    action: Action
    by: str
    ticked: frozenset[int] = frozenset()

    def view(self, item: CardItem, items: Sequence[CardItem]) -> ItemView:
        """How this click sees one of a card's `items`."""
        return ItemView(
            state=item.state,
            sent=item.sent,
            ours=item.ours,
            shown=item.joined_version <= self.version,
            ticked=item.id in self.ticked,
            left_out=item.left_out,
            preset=is_preset(item, items),
            needs_id=needs_id(item),
        )


def is_open(item: ItemView) -> bool:
    """Whether this click can still add the insight: then a click on Add with nothing ticked is a mistake."""
    return item.state is State.OFFERED and not item.needs_id and item.shown


def is_meant(action: Action, item: ItemView, *, any_ticked: bool) -> bool:
    """Whether the person meant this insight: on Add what they ticked, else all that their card showed."""
    if action is Action.ADD and any_ticked:
        return item.ticked
    return action in (Action.ADD, Action.DISMISS) and item.shown


@dataclass(frozen=True, slots=True)
class Clicked:
    """What a click did: how many insights it moved as asked, and those that others had decided on before.

    `notes`: how many of the moved ones are notes.
    """

    org: str
    case_key: str
    moved: int
    earlier: Sequence[CardItem]
    nothing_ticked: bool = False
    notes: int = 0


async def press(
    context: Context, workspace: str, user: str, action: Action, card: str, version: int, ticked: frozenset[int]
) -> Answer:
    """Press a button of a card; returns what to tell the person, beyond what the card shows. Raises UserError.

    `version`: the card's as the person saw it; `ticked`: the insights that they had ticked.
    """
    clicked = await _press(context, workspace, Click(card, version, action, user, ticked))
    if clicked.nothing_ticked:
        return sentences.NOTHING_TICKED
    if clicked.earlier:
        return partial(_who_was_first, context, workspace, card, clicked)
    return "" if clicked.moved else partial(_nothing_left, context, card)


async def undo_last(context: Context, thread: Thread, user: str) -> str:
    """Take off its case what was added last in a thread; raises UserError."""
    async with context.store.read() as connection:
        card = await cards.last_added(connection, thread)
    if card is None:
        return replies.NOTHING_TO_UNDO
    clicked = await _press(context, thread.workspace, Click(card.id, card.version, Action.UNDO, user))
    if not clicked.moved:
        return replies.NOTHING_TO_UNDO
    return replies.undoing(clicked.moved, clicked.case_key, await card_links.of_card(context, card.id), clicked.notes)


async def _press(context: Context, workspace: str, click: Click) -> Clicked:
    async with context.store.read() as connection:
        case = await cases.of_card(connection, click.card, workspace)
    if case is None:
        raise UserError(sentences.GONE_CARD)
    # A case whose organisation this workspace may not use any more can still be let go of: nothing reaches Datadog.
    org = None if click.action in (Action.CANCEL, Action.DISMISS) else case.org
    await permit(context, workspace, click.by, case.key, org=org)
    clicked = await apply(context.store, click)
    if clicked is None:
        raise UserError(sentences.GONE_CARD)
    return clicked


async def _nothing_left(context: Context, card_id: str) -> str:
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
    continued = card is not None and card.continued_in is not None
    return sentences.nothing_left(await card_links.of_card(context, card_id), continued=continued)


async def _who_was_first(context: Context, workspace: str, card: str, clicked: Clicked) -> str:
    slack = await context.slack(workspace)
    people = await slack.names({item.by for item in clicked.earlier if item.by}, within=PERSON_WITHIN)
    org = context.orgs_for(workspace).get(clicked.org)
    titles = org.names.cached([item.identity for item in clicked.earlier]) if org else {}
    earlier = [replace(item, name=titles.get(item.identity, "")) for item in clicked.earlier]
    if clicked.moved:
        return sentences.partly_late(people, earlier, clicked.moved, clicked.case_key, clicked.notes)
    return sentences.late_click(people, earlier, await card_links.of_card(context, card))


async def apply(store: Store, click: Click) -> Clicked | None:
    """Do what one click asks and commit; None when the card is not in this database."""
    async with store.write() as tx:
        card = await cards.get(tx, click.card)
        if card is None:
            return None
        case = await cases.lock(tx, card.org, card.case_id)
        items = await cards.items(tx, click.card)
        views = [(item, click.view(item, items)) for item in items]
        elsewhere = click.ticked - {item.id for item in items}  # moved to the next card since this one was shown
        others = await open_cards.moved_on(tx, card, elsewhere)
        views += [(item, replace(click.view(item, others), shown=True)) for item in others]
        key = case.key if case else card.case_id
        if click.action is Action.ADD and not click.ticked and any(is_open(view) for _, view in views):
            return Clicked(card.org, key, 0, (), nothing_ticked=True)
        at = await now(tx)
        moved = await _move(tx, card, views, click, at)
        if case is not None and click.action in (Action.ADD, Action.RETRY):
            await cases.send_at_once(tx, case, at)
        notes = sum(moved.get(item.id, False) for item, _ in views if item.is_note)
        return Clicked(card.org, key, sum(moved.values()), _earlier(views, moved, click), notes=notes)


def _earlier(views: Views, moved: Collection[int], click: Click) -> list[CardItem]:
    """What the person meant and others had decided on before.

    A Dismiss means whatever is still open: if it moved anything, nobody was faster.
    """
    if click.action is Action.DISMISS and moved:
        return []
    return [
        item
        for item, view in views
        if item.id not in moved
        and item.state is not State.OFFERED
        and is_meant(click.action, view, any_ticked=bool(click.ticked))
    ]


async def _move(tx: Transaction, card: Card, views: Views, click: Click, at: float) -> dict[int, bool]:
    """Move what the click moves; returns the insights that moved, with False for those that were only not ticked."""
    alike: dict[tuple[State, cards.Change], list[int]] = {}
    for item, view in views:
        new = act(click.action, view)
        if new is not None:
            not_ticked, cancelled = (
                click.action is action and new is State.DISMISSED for action in (Action.ADD, Action.CANCEL)
            )
            note = sentences.NOTHING_WAS_ADDED if cancelled else ""
            where = card.thread if new is State.CONFIRMED else None
            change = cards.Change(
                new, at, by=click.by, note=note, left_out=not_ticked, deliberate=view.ticked, thread=where
            )
            alike.setdefault((item.state, change), []).append(item.id)
    waits = any(change.state.is_at_work for _, change in alike)
    if waits:
        await enqueue(tx, JobKind.CASE, case_key(card.org, card.case_id))
    moved: dict[int, bool] = {}
    for item, _ in views:
        if item.draft and item.id in click.ticked:  # whoever ticked it has said that the id is right
            await offers.complete(tx, item.id, item.ref, item.host)
    for (was, change), ids in alike.items():
        moved |= dict.fromkeys(await cards.move(tx, ids, change, was=was), not change.left_out)
    await cards.touch(tx, moved, after=ADDING_AFTER_SECONDS if waits else 0.0)
    return moved
