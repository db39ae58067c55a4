"""Offering: what of a tied thread's pending sightings goes on its card, and why the rest does not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.insights import CaseSnapshot, Decision, Mode, decide
from bot.model import Identity, InsightType, State, Thread, Tie, TieSource
from bot.store import cards, cases, joining, modes, schema
from bot.store.jobs import JobKind, case_key, enqueue
from bot.store.joining import CardEntry, CardPlace
from bot.store.schema import card_insights, insights, sightings
from bot.store.seen import Rules, SightingDecision, SightingState, in_thread


@dataclass(frozen=True, slots=True)
class _Case:
    """What the store knows of a case's insights: the core's view of it, their ids, and which are drafts."""

    known: CaseSnapshot
    ids: Mapping[Identity, int]
    drafts: frozenset[Identity]


# Made once, see `jobs`.
_PENDING = (
    select(sightings)
    .where(
        sightings.c.workspace == bindparam("workspace"),
        sightings.c.channel == bindparam("channel"),
        sightings.c.thread_ts == bindparam("thread_ts"),
        sightings.c.state == SightingState.PENDING,
    )
    .order_by(sightings.c.message_ts, sightings.c.id)
)
_OF_CASE = and_(
    insights.c.org == bindparam("org"),
    insights.c.case_id == bindparam("case_id"),
    insights.c.resource_id.in_(bindparam("resources", expanding=True)),
)
_KNOWN = select(insights).where(_OF_CASE)
_SHOWN = (
    select(insights)
    .join(card_insights, card_insights.c.insight == insights.c.id)
    .join(schema.cards, schema.cards.c.id == card_insights.c.card)
    .where(
        _OF_CASE,
        schema.cards.c.workspace == bindparam("workspace"),
        schema.cards.c.channel == bindparam("channel"),
        schema.cards.c.ended.is_(None),
    )
)
_HERE = schema.cards.c.thread_ts == bindparam("thread_ts")
_ON_CARD = _SHOWN.where(_HERE)
_ON_CARD_OR_ROLLING = _SHOWN.where(or_(_HERE, schema.cards.c.rolling))
_DECIDED = (
    update(sightings)
    .where(sightings.c.id == bindparam("sighting"))
    .values(state=bindparam("became"), reason=bindparam("why"), insight=bindparam("part_of"))
)
_NEW = insert(insights).returning(insights)


async def offer_pending(
    tx: AsyncConnection, thread: Thread, tie: Tie, rules: Rules, at: float, *, rolling: bool = False
) -> list[SightingDecision]:
    """Decide on every pending sighting of a tied thread and put what is offered on its card. Under `lock_case`.

    Returns what was decided, to be told once the transaction stands. `rolling`: it is a bot's post in a tied channel,
    whose card is shared with the posts before it.
    """
    where = {"workspace": thread.workspace, "channel": thread.channel, "thread_ts": thread.ts}
    pending = list(await tx.execute(_PENDING, where))
    if not pending:
        return []
    mode = await modes.of(tx, thread) or rules.mode
    if mode is Mode.OFF:
        return await set_aside(tx, thread, Decision.MODE_OFF)
    place = CardPlace(thread, tie.org, tie.case_id, rolling=rolling)
    case = await _case(tx, place, pending, shared=tie.source is TieSource.CHANNEL)
    offered, silent = await _choose(tx, pending, tie, case)
    if offered and all(_needs_id(row) for row in offered.values()) and not await joining.is_asking(tx, place):
        # By themselves such links are no reason for a card.
        await _decided(tx, [(row.id, SightingState.NOT, Decision.NEEDS_ID, None) for row in offered.values()])
        return [*silent, *(_as_decided(row, Decision.NEEDS_ID) for row in offered.values())]
    joined = await _offer(tx, offered, tie, case, at)
    if joined:
        await joining.join(tx, place, joined, rules.timing, at)
    if mode is Mode.AUTO:
        await _add_at_once(tx, place, joined, rules.may, at)
    return [*silent, *(_as_decided(row, Decision.OFFER) for row in offered.values())]


async def set_aside(tx: AsyncConnection, thread: Thread, reason: str) -> list[SightingDecision]:
    """The thread's pending sightings are offered nowhere, for this reason; returns them."""
    aside = await tx.execute(
        update(sightings)
        .where(in_thread(thread), sightings.c.state == SightingState.PENDING)
        .values(state=SightingState.NOT, reason=reason)
        .returning(sightings)
    )
    return [_as_decided(row, reason) for row in aside]


async def _case(tx: AsyncConnection, place: CardPlace, pending: Sequence[Row[Any]], *, shared: bool) -> _Case:
    """What is known of the pending resources on this case. `shared`: the channel's rolling cards count as the thread's.

    A card that Slack shows no more shows nothing to anybody: what was only on it may be offered again.
    """
    thread = place.thread
    of_case = {"org": place.org, "case_id": place.case_id, "resources": list({row.resource_id for row in pending})}
    here = {"workspace": thread.workspace, "channel": thread.channel, "thread_ts": thread.ts}
    found = list(await tx.execute(_KNOWN, of_case))
    on_card = await tx.execute(_ON_CARD_OR_ROLLING if shared else _ON_CARD, of_case | here)
    told = await cases.get(tx, place.org, place.case_id)
    known = CaseSnapshot(
        states={identity_of(row): State(row.state) for row in found},
        on_case=told.on_case if told else frozenset(),
        on_card={identity_of(row) for row in on_card},
    )
    ids = {identity_of(row): row.id for row in found}
    return _Case(known, ids, frozenset(identity_of(row) for row in found if row.draft))


async def _choose(
    tx: AsyncConnection, pending: Sequence[Row[Any]], tie: Tie, case: _Case
) -> tuple[dict[Identity, Row[Any]], list[SightingDecision]]:
    """The sightings to offer, one per identity, and the others; why those are not is written down."""
    offered: dict[Identity, Row[Any]] = {}
    silent: list[tuple[int, SightingState, str | None, int | None]] = []
    told: list[SightingDecision] = []
    for row in pending:
        identity = identity_of(row)
        decision = decide(identity, case.known)
        if decision is Decision.ON_CARD and identity in case.drafts and not row.draft:
            decision = Decision.OFFER  # its id is certain now
        if identity in offered:
            decision = Decision.ON_CARD
        if (orgs := json.loads(row.orgs)) and tie.org not in orgs:
            decision = Decision.OTHER_ORG
        if decision in (Decision.OFFER, Decision.OFFER_AGAIN):
            offered[identity] = row
        else:
            silent.append((row.id, SightingState.NOT, decision, case.ids.get(identity)))
            told.append(_as_decided(row, decision))
    await _decided(tx, silent)
    return offered, told


async def _offer(
    tx: AsyncConnection, offered: Mapping[Identity, Row[Any]], tie: Tie, case: _Case, at: float
) -> list[CardEntry]:
    """The insights of these sightings, offered: new ones, withdrawn ones again, drafts whose id is certain now."""
    change = cards.Change(State.OFFERED, at)
    old = [case.ids[identity] for identity in offered if identity in case.ids]
    await cards.move(tx, old, change, was=State.WITHDRAWN)
    for identity, row in offered.items():
        if identity in case.drafts and not row.draft:
            certain = {"draft": False, "ref": row.ref, "host": row.host}
            await tx.execute(update(insights).where(insights.c.id == case.ids[identity]).values(**certain))
    new = [_new(tie, row) for identity, row in offered.items() if identity not in case.ids]
    made = await make(tx, new, at)
    ids = {**case.ids, **made}
    whence = {made[identity]: _message(offered[identity]) for identity in made}
    await cards.record(tx, whence, None, change)
    await _decided(tx, [(row.id, SightingState.OFFERED, None, ids[one]) for one, row in offered.items()])
    return [CardEntry(ids[identity], row.poster, row.message_ts, draft=row.draft) for identity, row in offered.items()]


async def make(tx: AsyncConnection, new: Sequence[Mapping[str, object]], at: float) -> dict[Identity, int]:
    """New insights, offered; their ids. `new` has what the table says of each but its state."""
    if not new:
        return {}
    fresh = {"state": State.OFFERED, "at": at, "ours": False, "left_out": False, "note": ""}
    made = await tx.execute(_NEW, [{**each, **fresh} for each in new])
    return {identity_of(row): row.id for row in made}


def _new(tie: Tie, row: Row[Any]) -> dict[str, object]:
    seen = ("type", "scope", "resource_id", "ref", "host", "draft")
    return {"org": tie.org, "case_id": tie.case_id, **{name: getattr(row, name) for name in seen}}


def _message(row: Row[Any]) -> str:
    return f"{row.workspace}/{row.channel}/{row.message_ts}"


async def _add_at_once(
    tx: AsyncConnection, place: CardPlace, joined: Sequence[CardEntry], may: frozenset[str], at: float
) -> None:
    """Mode auto: what somebody pasted who may confirm it counts as confirmed by them."""
    mine: dict[str, list[int]] = {}
    for each in joined:
        if each.poster in may and not each.draft:
            mine.setdefault(each.poster, []).append(each.insight)
    added: list[int] = []
    for poster, ids in mine.items():
        added += await cards.move(tx, ids, cards.Change(State.CONFIRMED, at, by=poster), was=State.OFFERED)
    if added:
        await cards.touch(tx, added)
        await enqueue(tx, JobKind.CASE, case_key(place.org, place.case_id))


def _as_decided(row: Row[Any], decision: str) -> SightingDecision:
    return SightingDecision(identity_of(row), row.ref, row.host, bool(row.draft), row.message_ts, str(decision))


def _needs_id(row: Row[Any]) -> bool:
    return bool(row.draft) and row.resource_id.startswith("?")


async def _decided(tx: AsyncConnection, decided: Sequence[tuple[int, SightingState, str | None, int | None]]) -> None:
    """Write down of sightings (by id) what became of them, why, and as part of which insight."""
    if not decided:
        return
    names = ("sighting", "became", "why", "part_of")
    await tx.execute(_DECIDED, [dict(zip(names, each, strict=True)) for each in decided])


def identity_of(row: Row[Any]) -> Identity:
    """What a row of `sightings` or `insights` is about."""
    return Identity(InsightType(row.type), row.scope, row.resource_id)
