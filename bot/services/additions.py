"""Additions: what a person names in a command or a modal is confirmed at once, whatever it was before."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.insights import ADDING_AFTER_SECONDS, may_move
from bot.messages import replies
from bot.model import Case, Identity, Insight, NoteType, State, Thread
from bot.services import card_links
from bot.services.context import PERSON_WITHIN, Context
from bot.slack.errors import SlackPermanent, SlackTransient
from bot.store import cards, cases, now, offers, ties
from bot.store.cards import Timing
from bot.store.jobs import case_key, enqueue
from bot.store.open_cards import CardEntry, CardPlace, join
from bot.store.transaction import JobKind, Transaction

AT_ONCE = Timing(0.0)


@dataclass(frozen=True, slots=True)
class Addition:
    """Insights for a case, by whom; its card goes to `thread`. `source_ts`: the message that they came from, if any."""

    thread: Thread
    org: str
    case_id: str
    items: Sequence[Insight]
    by: str
    source_ts: str
    source_poster: str | None

    @property
    def where(self) -> CardPlace:
        return CardPlace(self.thread, self.org, self.case_id)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An insight that was on the case or on its way before: its state, and by whom (None: not by us) and when."""

    identity: Identity
    state: State
    by: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Added:
    """The insights that are on their way now, by id, and those that needed nothing; `notes`: how many are notes."""

    confirmed: Sequence[int]
    earlier: Sequence[Earlier]
    notes: int = 0


async def add(tx: Transaction, addition: Addition, at: float | None = None) -> Added:
    """Confirm these insights; the transaction has locked no card yet. `at`: the database's time, if it is known."""
    await ties.lock_case(tx, addition.org, addition.case_id)
    at = at or await now(tx)
    wanted = {insight.identity: insight for insight in addition.items}
    known = await offers.stored(tx, addition.where, wanted.keys())
    case = await cases.get(tx, addition.org, addition.case_id)
    earlier = [
        Earlier(identity, State(row.state), row.by, row.at)
        for identity, row in known.items()
        if not may_move(State(row.state), State.CONFIRMED, deliberate=True)
    ]
    on_case = case.on_case if case else ()
    earlier += [Earlier(one, State.ADDED, None, at) for one in wanted if one in on_case and one not in known]
    settled = {insight.identity for insight in earlier}
    moving = {identity: row for identity, row in known.items() if identity not in settled}
    new = [insight for identity, insight in wanted.items() if identity not in known and identity not in settled]
    made = await offers.make(tx, addition.where, [(insight, False) for insight in new], at)
    place = f"{addition.thread.workspace}/{addition.thread.channel}"
    message = f"{place}/{addition.source_ts}" if addition.source_ts else ""
    await cards.record(tx, dict.fromkeys(made.values(), message), None, cards.Change(State.OFFERED, at))
    for identity, row in moving.items():
        # What may be on the case as it was sent keeps its ref: Datadog takes it off by that ref only.
        if row.sent_at is None or row.state == State.UNDONE:
            await offers.complete(tx, row.id, wanted[identity].ref, wanted[identity].host)
    ids = [*(row.id for row in moving.values()), *made.values()]
    change = cards.Change(State.CONFIRMED, at, by=addition.by, deliberate=True, thread=addition.thread)
    confirmed = [insight for was in State for insight in await cards.move(tx, ids, change, was=was)]
    await _show(tx, addition, confirmed, at)
    if case is not None:
        await cases.send_at_once(tx, case, at)
    notes = {row.id for row in moving.values() if row.type == NoteType.NOTE}
    notes |= {made_id for identity, made_id in made.items() if identity.type is NoteType.NOTE}
    return Added(confirmed, earlier, len(notes.intersection(confirmed)))


async def told(
    context: Context, case: Case, place: Thread, added: Added, link_of: Mapping[Identity, str], rest: Sequence[str] = ()
) -> str:
    """What whoever asked for this is told, once it is committed, with a link to the card that shows the result.

    `rest`: a sentence for each link that cannot be added.
    """
    names: Mapping[str, str] = {}
    with contextlib.suppress(SlackTransient, SlackPermanent):
        slack = await context.slack(place.workspace)
        names = await slack.names({item.by for item in added.earlier if item.by}, within=PERSON_WITHIN)
    earlier = [
        replies.added_before(link_of[item.identity], item.state, names.get(item.by or "", ""), item.at)
        for item in added.earlier
    ]
    card = await card_links.showing(context, place, added.confirmed) if added.confirmed else ""
    return replies.adding(len(added.confirmed), case.key, [*earlier, *rest], card, added.notes)


async def _show(tx: Transaction, addition: Addition, confirmed: Sequence[int], at: float) -> None:
    """Update the cards that show these insights; those on no card of this thread join its open card."""
    if not confirmed:
        return
    await enqueue(tx, JobKind.CASE, case_key(addition.org, addition.case_id))
    await cards.touch(tx, confirmed, after=ADDING_AFTER_SECONDS)
    shown = await cards.shown_in(tx, addition.thread, confirmed)
    missing = [CardEntry(one, addition.source_poster, addition.source_ts) for one in confirmed if one not in shown]
    if missing:
        await join(tx, addition.where, missing, AT_ONCE, at)
