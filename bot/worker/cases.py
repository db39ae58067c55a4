"""The lane of a case: what people confirmed is put on it, what they undid is taken off, up to 100 at once.

Before a call leaves, `sent_at` is committed. Whether a repeated PUT doubles an insight is documented nowhere, so what
has `sent_at`, or belongs on a case that Datadog has not told of for five minutes, is sent only after the case was read
and does not list it. That also covers a database that was restored from a backup. A call that got no answer may still
be carried out: for a while not even the case tells, so its lane waits.
"""

import math
import secrets
from collections.abc import Sequence

import structlog

from bot import messages
from bot.datadog.client import DatadogCase, Later, Refused, Triple, Why
from bot.insights import State
from bot.links import insight_on
from bot.model import Identity
from bot.services.context import Org, Reach
from bot.store import cards, cases, comments, jobs, ties
from bot.store.cases import Item, Settled
from bot.store.jobs import BATCH, Lane, Retry
from bot.worker import comments as commenting

FRESH_SECONDS = 300.0
"""What Datadog told of a case so long ago still counts; after that, somebody may have added the same by hand."""
SINGLES = 3
"""So many single insights refused in a row, and the rest would be too."""

log = structlog.get_logger(__name__)


async def deliver(reach: Reach, lane: Lane) -> None:
    """One batch of this case's work."""
    org_name, case_id = lane.key.split("/")
    org = reach.orgs.get(org_name)
    async with reach.store.read() as connection:
        work = await cases.work(connection, org_name, case_id)
        comment = await comments.waiting(connection, org_name, case_id)
        told_ago = await cases.told_ago(connection, org_name, case_id)
    if not (work or comment):
        await settle(reach, lane, [])
        return
    if org is None:
        await wait(reach, lane, Retry(reach.retry_cap, messages.org_gone(org_name)))
        return
    if org.gate.closed_for:
        await wait(reach, lane, Retry(org.gate.closed_for, org.gate.note, blame=False))
        return
    try:
        if work:
            await _batch(reach, org, lane, work, look_first=told_ago > FRESH_SECONDS)
        elif comment:
            await commenting.deliver(reach, org, lane, comment)
    except Later as later:
        await _not_now(reach, org, lane, work, later)


async def _batch(reach: Reach, org: Org, lane: Lane, work: Sequence[Item], *, look_first: bool) -> None:
    adding = [item for item in work if item.state is State.CONFIRMED][: lane.batch_size]
    latest = min((item.sent_ago for item in work if item.sent_ago is not None), default=math.inf)
    if latest < reach.settled:
        await wait(reach, lane, Retry(reach.settled - latest, messages.not_answering(None), blame=False))
        return
    try:
        if adding and (look_first or any(item.sent for item in adding)):
            adding = await _absent(reach, org, lane, adding)
        if adding:
            await _add(reach, org, lane, adding)
        elif all(item.state is State.UNDOING for item in work):
            await _remove(reach, org, lane, work[:BATCH])
        else:
            await settle(reach, lane, [], batch_size=lane.batch_size)
    except Refused as refused:
        await _answered(reach, lane, work)
        await _refused(reach, org, lane, adding or work[:BATCH], refused)


async def _absent(reach: Reach, org: Org, lane: Lane, adding: Sequence[Item]) -> list[Item]:
    """What is on the case already is added, by whomever; the others are returned."""
    org_name, case_id = lane.key.split("/")
    told = await org.datadog.case(case_id)
    there = present(reach, told)
    found = [Settled(item, State.ADDED, ours=item.sent) for item in adding if item.identity in there]
    async with reach.write() as tx:
        await ties.lock_case(tx, org_name, case_id)
        await jobs.hold(tx, lane, reach.lease)
        await cases.settle(tx, found)
        await cases.save(tx, as_case(reach, org_name, told))
    return [item for item in adding if item.identity not in there]


async def _add(reach: Reach, org: Org, lane: Lane, adding: Sequence[Item]) -> None:
    _, case_id = lane.key.split("/")
    sending = await _mark_sent(reach, lane, adding)
    if not sending:
        await settle(reach, lane, [], batch_size=lane.batch_size)
        return
    told = await org.datadog.add(case_id, [_triple(item) for item in sending])
    added = [Settled(item, State.ADDED, ours=True) for item in sending]
    log.info("case.added", case=case_id, insights=len(added))
    await settle(reach, lane, added, told=told, batch_size=lane.batch_size)


async def _remove(reach: Reach, org: Org, lane: Lane, removing: Sequence[Item]) -> None:
    _, case_id = lane.key.split("/")
    words = ""
    try:
        told = await org.datadog.remove(case_id, [_triple(item) for item in removing])
    except Refused as refused:
        if refused.status not in (400, 404):
            raise
        # Something of these was not there to remove, or the case is gone: the case itself tells.
        told, words = await _read(org, case_id), refused.words
    there: frozenset[Identity] = present(reach, told) if told else frozenset()
    undone = [Settled(item, State.UNDONE) for item in removing if item.identity not in there]
    # What stays although the rest was there to remove was refused itself; else the next turn removes it alone.
    stays = messages.refused_by_datadog(words or "it is still on the case")
    kept = [Settled(item, State.ADDED, note=stays) for item in removing if item.identity in there]
    await settle(reach, lane, undone or kept, told=told)


async def _read(org: Org, case_id: str) -> DatadogCase | None:
    try:
        return await org.datadog.case(case_id)
    except Refused as refused:
        if refused.status == 404:
            return None
        raise Later(Why.SILENT, refused.status) from refused


async def _refused(reach: Reach, org: Org, lane: Lane, batch: Sequence[Item], refused: Refused) -> None:
    """4xx: of several the guilty one is looked for by halves; the rest is an end, with a sentence."""
    if refused.status in (401, 403):
        await _not_allowed(reach, org, lane, batch, refused)
    elif refused.status == 404:
        await _all_failed(reach, lane, messages.case_gone(await _case_key(reach, lane)))
    elif len(batch) > 1:
        await _halve(reach, org, lane, batch)
    elif lane.refused + 1 >= SINGLES:
        await _all_failed(reach, lane, messages.refused_by_datadog(refused.words))
    else:
        failed = [_failure(batch[0], messages.refused_by_datadog(refused.words))]
        await settle(reach, lane, failed, refused=lane.refused + 1)


async def _halve(reach: Reach, org: Org, lane: Lane, batch: Sequence[Item]) -> None:
    """Whether a refused batch was taken in part is documented nowhere: read the case, then try half."""
    _, case_id = lane.key.split("/")
    told = await _read(org, case_id)
    there: frozenset[Identity] = present(reach, told) if told else frozenset()
    found = [Settled(item, State.ADDED, ours=True) for item in batch if item.identity in there]
    absent = [item.id for item in batch if item.identity not in there]
    half = max(1, len(batch) // 2)
    await settle(reach, lane, found, told=told, unsent=absent, batch_size=half, refused=lane.refused)


async def _not_allowed(reach: Reach, org: Org, lane: Lane, batch: Sequence[Item], refused: Refused) -> None:
    if not await org.datadog.keys_are_valid():
        log.error("datadog.credentials_refused", org=org.hosts.name, status=refused.status)
        org.gate.close(reach.probe, messages.credentials())
        await wait(reach, lane, Retry(reach.probe, messages.credentials(), blame=False))
        return
    reference = secrets.token_hex(2).upper()
    log.error("datadog.permission", lane=lane.key, status=refused.status, words=refused.words, reference=reference)
    key = await _case_key(reach, lane)
    words = messages.permission(refused.status, key, reference)
    await settle(reach, lane, [_failure(item, words) for item in batch], batch_size=lane.batch_size)


async def _all_failed(reach: Reach, lane: Lane, words: str) -> None:
    org, case_id = lane.key.split("/")
    async with reach.store.read() as connection:
        work = await cases.work(connection, org, case_id)
    await settle(reach, lane, [_failure(item, words) for item in work])


async def _not_now(reach: Reach, org: Org, lane: Lane, work: Sequence[Item], later: Later) -> None:
    words = messages.rate_limited() if later.why is Why.RATE_LIMITED else messages.not_answering(later.status)
    log.warning("datadog.later", lane=lane.key, status=later.status, attempts=lane.attempts + 1)
    again = reach.later(lane.attempts, words, later.after)
    if later.why is Why.RATE_LIMITED:
        org.gate.close(again.after, words)
    if later.status is not None:
        await _answered(reach, lane, work)
    if not later.sent:
        async with reach.write() as tx:
            await ties.lock_case(tx, *lane.key.split("/"))
            await jobs.hold(tx, lane)
            await cases.unsent(tx, [item.id for item in work if not item.sent])
    if await _too_late(reach, lane):
        await _all_failed(reach, lane, messages.gave_up(reach.give_up_after / 3600, words))
        return
    await wait(reach, lane, again)


async def _answered(reach: Reach, lane: Lane, work: Sequence[Item]) -> None:
    async with reach.write() as tx:
        await ties.lock_case(tx, *lane.key.split("/"))
        await jobs.hold(tx, lane)
        await cases.answered(tx, [item.id for item in work])


async def _too_late(reach: Reach, lane: Lane) -> bool:
    if lane.since is None:
        return False
    async with reach.write() as tx:
        return await jobs.hold(tx, lane) - lane.since > reach.give_up_after


async def settle(
    reach: Reach,
    lane: Lane,
    outcome: Sequence[Settled],
    *,
    told: DatadogCase | None = None,
    unsent: Sequence[int] = (),
    batch_size: int = BATCH,
    refused: int = 0,
) -> None:
    """Write down what became of the batch and of the case, and let the lane go or stay for what is left."""
    org, case_id = lane.key.split("/")
    async with reach.write() as tx:
        await ties.lock_case(tx, org, case_id)
        await jobs.hold(tx, lane)
        await cases.settle(tx, outcome)
        await cases.unsent(tx, unsent)
        if told is not None:
            await cases.save(tx, as_case(reach, org, told))
        more = await cases.still_at_work(tx, org, case_id) or await comments.waiting(tx, org, case_id) is not None
        await jobs.release(tx, lane, more=more, batch_size=batch_size, refused=refused)


async def wait(reach: Reach, lane: Lane, again: Retry) -> None:
    """Try again later; cards that wait longer than a moment say so."""
    org, case_id = lane.key.split("/")
    async with reach.write() as tx:
        await ties.lock_case(tx, org, case_id)
        await jobs.hold(tx, lane)
        await reach.retry(tx, lane, again)
        await cards.touch(tx, [item.id for item in await cases.work(tx, org, case_id)])


def present(reach: Reach, told: DatadogCase) -> frozenset[Identity]:
    """What Datadog lists on the case, as identities; types that we do not know are not ours to compare."""
    found = (insight_on(each.type, each.resource_id, each.ref, reach.routes) for each in told.insights or ())
    return frozenset(identity for identity in found if identity is not None)


def as_case(reach: Reach, org: str, told: DatadogCase) -> cases.Case:
    return cases.Case(org, told.id, told.key, told.title, told.closed, told.archived, present(reach, told))


async def _mark_sent(reach: Reach, lane: Lane, items: Sequence[Item]) -> list[Item]:
    org, case_id = lane.key.split("/")
    async with reach.write() as tx:
        await ties.lock_case(tx, org, case_id)
        return await cases.mark_sent(tx, items, await jobs.hold(tx, lane))


async def _case_key(reach: Reach, lane: Lane) -> str:
    org, case_id = lane.key.split("/")
    async with reach.store.read() as connection:
        case = await cases.get(connection, org, case_id)
    return case.key if case else case_id


def _failure(item: Item, words: str) -> Settled:
    """What could not be added failed; what could not be taken off is still there."""
    return Settled(item, State.FAILED if item.state is State.CONFIRMED else State.ADDED, note=words)


def _triple(item: Item) -> Triple:
    return Triple(item.identity.type.value, item.identity.resource_id, item.ref)
