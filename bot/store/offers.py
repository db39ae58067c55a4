"""Offers: which of a tied thread's pending links go on its card, and why the others do not."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, String, bindparam, insert, or_, select, update

from bot.insights import (
    Candidate,
    CaseSnapshot,
    Decision,
    Mode,
    SightingState,
    auto_adds,
    choose,
    within_limits,
)
from bot.model import Identity, Insight, State, Thread, Tie, TieSource, item_type
from bot.policy import may_be_automatic
from bot.store import cards, cases, modes, notes, open_cards, schema
from bot.store.cards import Change, Timing
from bot.store.conditions import TYPES, identity_of, in_thread, place, this_case, this_channel, this_thread
from bot.store.connection import Connection
from bot.store.jobs import case_key, enqueue
from bot.store.open_cards import CardEntry, CardPlace
from bot.store.schema import card_insights, insights, sightings
from bot.store.transaction import JobKind, Transaction


@dataclass(frozen=True, slots=True)
class Rules:
    """How links are offered: when cards are posted, the mode where nobody set one, and who `may` confirm.

    `many`: a message may have more links than are offered of it. `asked`: somebody who may confirm asked for all.
    `latest`: as in `insights.lies_far`. `judged`: of whose links `may` tells in mode auto; None: it was another mode.
    """

    timing: Timing
    mode: Mode = Mode.ASK
    may: frozenset[str] = frozenset()
    many: bool = True
    asked: bool = False
    latest: Sequence[str] = ()
    judged: frozenset[str | None] | None = None


@dataclass(frozen=True, slots=True)
class SightingDecision:
    """What was decided on one sighting: offered, or why not (`insights.Decision`, `TieKind`, Slack's error code)."""

    identity: Identity
    ref: str
    host: str
    draft: bool
    message_ts: str
    poster: str | None
    decision: str


# Made once, see `jobs`.
_PENDING = (
    select(sightings)
    .where(this_thread(sightings), sightings.c.state == SightingState.PENDING)
    .order_by(sightings.c.message_ts, sightings.c.id)
)
_ONCE_MORE = (
    update(sightings)
    .where(this_thread(sightings), sightings.c.state == SightingState.NOT)
    .where(sightings.c.reason.in_([Decision.TOO_MANY, Decision.MODE_OFF]))
    .values(state=SightingState.PENDING, reason=None)
)
_OFFERED = select(sightings.c.message_ts, sightings.c.insight).where(
    this_channel(sightings),
    sightings.c.message_ts.in_(bindparam("messages", expanding=True, type_=String)),
    sightings.c.state == SightingState.OFFERED,
)
_KNOWN = select(insights).where(this_case(insights), insights.c.resource_id.in_(bindparam("resources", expanding=True)))
_ALIVE = (
    select(card_insights.c.card)
    .join(schema.cards, schema.cards.c.id == card_insights.c.card)
    .where(card_insights.c.insight == insights.c.id, this_channel(schema.cards), schema.cards.c.ended.is_(None))
)
_HERE = schema.cards.c.thread_ts == bindparam("thread_ts")
# By whether the channel's rolling cards count as the thread's.
_KNOWN_HERE = {
    False: _KNOWN.add_columns(_ALIVE.where(_HERE).exists().label("on_card")),
    True: _KNOWN.add_columns(_ALIVE.where(or_(_HERE, schema.cards.c.rolling)).exists().label("on_card")),
}
_DECIDED = (
    update(sightings)
    .where(sightings.c.id == bindparam("sighting"))
    .values(state=bindparam("became"), reason=bindparam("why"), insight=bindparam("part_of"))
)
_NEW = insert(insights).returning(insights)


async def offer_pending(
    tx: Transaction, thread: Thread, tie: Tie, rules: Rules, at: float, *, rolling: bool = False
) -> list[SightingDecision]:
    """Decide on every pending sighting of a tied thread and put what is offered on its card. Under `lock_case`.

    Returns the decisions, to be logged after the commit. `rolling`: it is a bot's post in a tied channel, which shares
    a card with the posts before it.
    """
    mode = await modes.of(tx, thread) or rules.mode
    if mode is Mode.OFF and not rules.asked:
        return await set_aside(tx, thread, Decision.MODE_OFF)
    if rules.asked:
        await tx.execute(_ONCE_MORE, place(thread))
    pending = [row for row in await tx.execute(_PENDING, place(thread)) if _is_judged(row, rules)]
    if not pending:
        return []
    where = CardPlace(thread, tie.org, tie.case_id, rolling=rolling, latest=rules.latest)
    known, ids = await _case(tx, where, pending, shared=tie.source is TieSource.CHANNEL)
    links = {row.id: as_candidate(row) for row in pending}
    chosen = await _bounded(tx, thread, pending, choose(list(links.values()), tie.org, known), rules)
    decided = list(zip(pending, chosen, strict=True))
    offered = [row for row, decision in decided if decision.is_offer]
    silent = [(row, decision) for row, decision in decided if not decision.is_offer]
    await _write_down(tx, [(row, SightingState.NOT, why, ids.get(identity_of(row))) for row, why in silent])
    aside = await _asides(tx, where, [(row, links[row.id]) for row in offered], at) if offered else {}
    offered = [row for row in offered if row.id not in aside]
    if offered:
        joined = await _offer(tx, where, offered, known, ids, at)
        await open_cards.join(tx, where, joined, rules.timing, at)
        if mode is Mode.AUTO and may_be_automatic(tie, rules.may):
            pasted = [(links[row.id], entry) for row, entry in zip(offered, joined, strict=True)]
            await _add_at_once(tx, where, pasted, rules.may, at)
    silent += [(row, aside[row.id]) for row in pending if row.id in aside]
    return [*(_as_decided(row, why) for row, why in silent), *(_as_decided(row, Decision.OFFER) for row in offered)]


async def _asides(
    tx: Transaction, where: CardPlace, offered: Sequence[tuple[Row[Any], Candidate]], at: float
) -> dict[int, Decision]:
    """What gets no card of its own, with the reason, where nothing worth one comes with it: links without an id.

    And notes, of which a thread gets one card an hour, and none once somebody dismissed one there.
    """
    if not all(link.is_aside for _, link in offered) or await open_cards.is_asking(tx, where):
        return {}
    if any(link.insight.is_note for _, link in offered) and await notes.may_stand_alone(tx, where.thread, at):
        return {}
    aside = {row.id: Decision.NEEDS_ID if link.needs_id else Decision.NOTES_ALONE for row, link in offered}
    await _write_down(tx, [(row, SightingState.NOT, aside[row.id], None) for row, _ in offered])
    return aside


async def _bounded(
    tx: Transaction, thread: Thread, pending: Sequence[Row[Any]], chosen: Sequence[Decision], rules: Rules
) -> Sequence[Decision]:
    """These decisions, bounded for each message with what it offers already, whose cards then say what is left."""
    if not rules.many:
        return chosen
    messages = list({row.message_ts for row in pending})
    offered = await tx.execute(_OFFERED, {**place(thread), "messages": messages})
    posts = [(row.message_ts, rules.asked or row.poster in rules.may) for row in pending]
    bounded = within_limits(chosen, posts, [row.message_ts for row in offered if not rules.asked])
    if rules.asked or Decision.TOO_MANY in bounded:
        await cards.touch(tx, [row.insight for row in offered])
    return bounded


async def set_aside(tx: Transaction, thread: Thread, reason: str) -> list[SightingDecision]:
    """Decide not to offer the thread's pending sightings, for this reason; returns the decisions."""
    rows = await tx.execute(
        update(sightings)
        .where(in_thread(sightings, thread), sightings.c.state == SightingState.PENDING)
        .values(state=SightingState.NOT, reason=reason)
        .returning(sightings)
    )
    return [_as_decided(row, reason) for row in rows if row.type in TYPES]


async def _case(
    tx: Transaction, where: CardPlace, pending: Sequence[Row[Any]], *, shared: bool
) -> tuple[CaseSnapshot, Mapping[Identity, int]]:
    """What is known of the pending resources on this case, and the ids of their insights.

    `shared`: the channel's rolling cards count as the thread's. A card that Slack shows no more does not count: what
    was only on it may be offered again.
    """
    values = {**where.values, "resources": list({row.resource_id for row in pending})}
    rows = await tx.execute(_KNOWN_HERE[shared], values)
    case = await cases.get(tx, where.org, where.case_id)
    known = CaseSnapshot(
        states={identity_of(row): State(row.state) for row in rows},
        on_case=case.on_case if case else frozenset(),
        on_card={identity_of(row) for row in rows if row.on_card},
        drafts={identity_of(row) for row in rows if row.draft},
    )
    return known, {identity_of(row): row.id for row in rows}


async def _offer(
    tx: Transaction,
    where: CardPlace,
    rows: Sequence[Row[Any]],
    known: CaseSnapshot,
    ids: Mapping[Identity, int],
    at: float,
) -> list[CardEntry]:
    """Offer these sightings: insert new insights, offer withdrawn ones again, complete drafts with a certain id."""
    offered = {identity_of(row): row for row in rows}
    change = Change(State.OFFERED, at)
    await cards.move(tx, [ids[identity] for identity in offered if identity in ids], change, was=State.WITHDRAWN)
    for identity, row in offered.items():
        if identity in known.drafts and not row.draft:
            await complete(tx, ids[identity], row.ref, row.host)
    new = {identity: row for identity, row in offered.items() if identity not in ids}
    made = await make(tx, where, [(as_candidate(row).insight, row.draft) for row in new.values()], at)
    messages = {made[one]: f"{row.workspace}/{row.channel}/{row.message_ts}" for one, row in new.items()}
    await cards.record(tx, messages, None, change)
    ids = {**ids, **made}
    await _write_down(tx, [(row, SightingState.OFFERED, None, ids[one]) for one, row in offered.items()])
    return [CardEntry(ids[one], row.poster, row.message_ts) for one, row in offered.items()]


async def complete(tx: Transaction, insight: int, ref: str, host: str) -> None:
    """Give an insight its certain ref: it is no draft any more."""
    await tx.execute(update(insights).where(insights.c.id == insight).values(draft=False, ref=ref, host=host))


async def stored(connection: Connection, where: CardPlace, wanted: Collection[Identity]) -> dict[Identity, Row[Any]]:
    """Those of these insights that the case has or had, or that were offered for it."""
    values = {**where.values, "resources": list({identity.resource_id for identity in wanted})}
    rows = await connection.execute(_KNOWN, values)
    return {identity: row for row in rows if (identity := identity_of(row)) in wanted}


async def make(
    tx: Transaction, where: CardPlace, new: Sequence[tuple[Insight, bool]], at: float
) -> dict[Identity, int]:
    """Insert insights, each with whether it is a draft, as offered; returns their ids."""
    if not new:
        return {}
    fresh = {"state": State.OFFERED, "at": at, "ours": False, "left_out": False, "note": ""}
    rows = [
        {"org": where.org, "case_id": where.case_id, **columns_of(insight), "draft": draft, **fresh}
        for insight, draft in new
    ]
    return {identity_of(row): row.id for row in await tx.execute(_NEW, rows)}


def columns_of(insight: Insight) -> dict[str, str]:
    """The columns that `sightings` and `insights` share."""
    names = ("type", "scope", "resource_id", "ref", "host")
    return {name: getattr(insight, name) for name in names}


def as_candidate(row: Row[Any]) -> Candidate:
    """A row of `sightings` as the link that it was made of."""
    insight = Insight(item_type(row.type), row.resource_id, row.ref, row.host, row.scope)
    return Candidate(insight, tuple(json.loads(row.orgs)), row.draft, row.quoted)


async def _add_at_once(
    tx: Transaction, where: CardPlace, pasted: Sequence[tuple[Candidate, CardEntry]], may: Collection[str], at: float
) -> None:
    """Mode auto: confirm what was pasted by those who `may`, each in their own name."""
    by_poster: dict[str | None, list[int]] = {}
    for candidate, entry in pasted:
        if auto_adds(entry.poster, candidate, may):
            by_poster.setdefault(entry.poster, []).append(entry.insight)
    added: list[int] = []
    for poster, ids in by_poster.items():
        change = Change(State.CONFIRMED, at, by=poster, thread=where.thread)
        added += await cards.move(tx, ids, change, was=State.OFFERED)
    if added:
        await enqueue(tx, JobKind.CASE, case_key(where.org, where.case_id))
        await cards.touch(tx, added)
        case = await cases.get(tx, where.org, where.case_id)
        if case is not None:
            await cases.send_at_once(tx, case, at)


def _is_judged(row: Row[Any], rules: Rules) -> bool:
    """What was posted since Slack was asked waits for its thread's job; code changes alone have enqueued none."""
    return rules.judged is None or row.poster in rules.judged or row.orgs == "[]"


def _as_decided(row: Row[Any], decision: str) -> SightingDecision:
    return SightingDecision(
        identity_of(row), row.ref, row.host, bool(row.draft), row.message_ts, row.poster, str(decision)
    )


async def _write_down(
    tx: Transaction, decided: Sequence[tuple[Row[Any], SightingState, str | None, int | None]]
) -> None:
    """Store what became of these sightings, why, and as part of which insight."""
    if not decided:
        return
    await tx.execute(
        _DECIDED,
        [{"sighting": row.id, "became": state, "why": why, "part_of": of} for row, state, why, of in decided],
    )
