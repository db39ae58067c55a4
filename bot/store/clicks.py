"""What a button on a card does: every insight on it moves, or does not, in one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.insights import Action, ItemView, act
from bot.model import Card, CardItem, Case, State
from bot.store import Store, cards, cases, now, ties
from bot.store.jobs import JobKind, case_key, enqueue


@dataclass(frozen=True, slots=True)
class Click:
    """One press. `version` is the card's as the person saw it; `ticked` the insights they had ticked."""

    card: str
    version: int
    action: Action
    by: str
    ticked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Clicked:
    """What a press did: how many insights it moved as asked, and those that others had decided on before."""

    org: str
    case_key: str
    moved: int
    earlier: Sequence[CardItem]
    nothing_ticked: bool = False


async def case_of(store: Store, card: str, workspace: str) -> Case | None:
    """The case that a card is about; None: no such card in this workspace."""
    async with store.read() as connection:
        row = await cards.get(connection, card)
        mine = row is not None and row.thread.workspace == workspace
        return await cases.get(connection, row.org, row.case_id) if row and mine else None


async def press(store: Store, click: Click) -> Clicked | None:
    """Carry out one press and commit; None when the card is not in this database."""
    async with store.write() as tx:
        card = await cards.get(tx, click.card)
        if card is None:
            return None
        await ties.lock_case(tx, card.org, card.case_id)
        items = await cards.items(tx, click.card)
        case = await cases.get(tx, card.org, card.case_id)
        key = case.key if case else card.case_id
        if click.action is Action.ADD and not click.ticked and any(_undecided(item, click) for item in items):
            return Clicked(card.org, key, 0, (), nothing_ticked=True)
        moved = await _move(tx, card, items, click)
        return Clicked(card.org, key, sum(moved.values()), _earlier(items, moved, click))


def _earlier(items: Sequence[CardItem], moved: Collection[int], click: Click) -> list[CardItem]:
    """What others had decided on of that which the person meant; a Dismiss means whatever was still open."""
    if click.action is Action.DISMISS and moved:
        return []
    return [item for item in items if item.id not in moved and item.state is not State.OFFERED and _asked(item, click)]


def _undecided(item: CardItem, click: Click) -> bool:
    return item.state is State.OFFERED and not item.draft and item.joined_version <= click.version


def _asked(item: CardItem, click: Click) -> bool:
    """Whether the person meant this insight: what was ticked; else all that their card showed."""
    if click.action is Action.ADD and click.ticked:
        return item.id in click.ticked
    return click.action in (Action.ADD, Action.DISMISS) and item.joined_version <= click.version


async def _move(tx: AsyncConnection, card: Card, items: Sequence[CardItem], click: Click) -> dict[int, bool]:
    """Each insight that moved, with whether that was what the press asked for (not merely left out)."""
    at = await now(tx)
    alike: dict[tuple[State, cards.Change], list[int]] = {}
    for item in items:
        standing = ItemView(
            state=item.state,
            sent=item.sent,
            ours=item.ours,
            shown=item.joined_version <= click.version,
            ticked=item.id in click.ticked,
            left_out=item.left_out,
            draft=item.draft,
        )
        new = act(click.action, standing)
        if new is not None:
            left_out = click.action is Action.ADD and new is State.DISMISSED
            change = cards.Change(new, at, by=click.by, left_out=left_out, deliberate=standing.ticked)
            alike.setdefault((item.state, change), []).append(item.id)
    if any(change.state.is_at_work for _, change in alike):
        # Before the cards' jobs: what a person waits for is the case, and jobs are taken up in this order.
        await enqueue(tx, JobKind.CASE, case_key(card.org, card.case_id))
    moved: dict[int, bool] = {}
    for (was, change), ids in alike.items():
        moved |= dict.fromkeys(await cards.move(tx, ids, change, was=was), not change.left_out)
    await cards.touch(tx, moved)
    return moved
