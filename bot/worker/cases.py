"""The job of a case: what people confirmed is put on it, what they undid is taken off, up to 100 at once.

Before a call leaves, `sent_at` is committed. Whether a repeated PUT doubles an insight is documented nowhere, so what
has `sent_at`, or belongs on a case that Datadog has not told of for five minutes, is sent only after the case was read
and does not list it. That also covers a database that was restored from a backup. A call that got no answer may still
be carried out: for a while not even the case tells, so its job waits.
"""

import math
import secrets
from collections.abc import Sequence

import structlog

from bot.datadog.client import DatadogCase, DatadogPermanent, DatadogTransient, TransientReason, Triple
from bot.messages import sentences
from bot.model import Identity, State
from bot.services.cases import FRESH_SECONDS, as_case, present
from bot.services.context import Context, Organization
from bot.store import cards, cases, comments, jobs, ties
from bot.store.cases import DeliveryResult, WorkItem
from bot.store.jobs import BATCH, Job, Retry
from bot.worker import comments as commenting

SINGLES = 3
"""So many single insights refused in a row, and the rest would be too."""

log = structlog.get_logger(__name__)


async def deliver(context: Context, job: Job) -> None:
    """One batch of this case's work."""
    org_name, case_id = job.key.split("/")
    org = context.orgs.get(org_name)
    async with context.store.read() as connection:
        work = await cases.work(connection, org_name, case_id)
        comment = await comments.waiting(connection, org_name, case_id)
        told_ago = await cases.told_ago(connection, org_name, case_id)
    if not (work or comment):
        await settle(context, job, [])
        return
    if org is None:
        await wait(context, job, Retry(context.retry_cap, sentences.org_gone(org_name)))
        return
    if org.breaker.open_for:
        await wait(context, job, Retry(org.breaker.open_for, org.breaker.note, counts_as_attempt=False))
        return
    try:
        if work:
            await _batch(context, org, job, work, look_first=told_ago > FRESH_SECONDS)
        elif comment:
            await commenting.deliver(context, org, job, comment)
    except DatadogTransient as later:
        await _not_now(context, org, job, work, later)


async def _batch(context: Context, org: Organization, job: Job, work: Sequence[WorkItem], *, look_first: bool) -> None:
    adding = [item for item in work if item.state is State.CONFIRMED][: job.batch_size]
    latest = min((item.sent_ago for item in work if item.sent_ago is not None), default=math.inf)
    if latest < context.settled:
        await wait(
            context, job, Retry(context.settled - latest, sentences.not_answering(None), counts_as_attempt=False)
        )
        return
    try:
        if adding and (look_first or any(item.sent for item in adding)):
            adding = await _absent(context, org, job, adding)
        if adding:
            await _add(context, org, job, adding)
        elif all(item.state is State.UNDOING for item in work):
            await _remove(context, org, job, work[:BATCH])
        else:
            await settle(context, job, [], batch_size=job.batch_size)
    except DatadogPermanent as refused:
        await _answered(context, job, work)
        await _refused(context, org, job, adding or work[:BATCH], refused)


async def _absent(context: Context, org: Organization, job: Job, adding: Sequence[WorkItem]) -> list[WorkItem]:
    """What is on the case already is added, by whomever; the others are returned."""
    org_name, case_id = job.key.split("/")
    told = await org.datadog.case(case_id)
    there = present(context, told)
    found = [DeliveryResult(item, State.ADDED, ours=item.sent) for item in adding if item.identity in there]
    async with context.write() as tx:
        await ties.lock_case(tx, org_name, case_id)
        await jobs.check_lease(tx, job, context.lease)
        await cases.settle(tx, found)
        await cases.save(tx, as_case(context, org_name, told))
    return [item for item in adding if item.identity not in there]


async def _add(context: Context, org: Organization, job: Job, adding: Sequence[WorkItem]) -> None:
    _, case_id = job.key.split("/")
    sending = await _mark_sent(context, job, adding)
    if not sending:
        await settle(context, job, [], batch_size=job.batch_size)
        return
    told = await org.datadog.add(case_id, [_triple(item) for item in sending])
    added = [DeliveryResult(item, State.ADDED, ours=True) for item in sending]
    log.info("case.added", case=case_id, insights=len(added))
    await settle(context, job, added, told=told, batch_size=job.batch_size)


async def _remove(context: Context, org: Organization, job: Job, removing: Sequence[WorkItem]) -> None:
    _, case_id = job.key.split("/")
    words = ""
    try:
        told = await org.datadog.remove(case_id, [_triple(item) for item in removing])
    except DatadogPermanent as refused:
        if refused.status not in (400, 404):
            raise
        # Something of these was not there to remove, or the case is gone: the case itself tells.
        told, words = await _read(org, case_id), refused.words
    there: frozenset[Identity] = present(context, told) if told else frozenset()
    undone = [DeliveryResult(item, State.UNDONE) for item in removing if item.identity not in there]
    # What stays although the rest was there to remove was refused itself; else the next turn removes it alone.
    stays = sentences.refused_by_datadog(words or "it is still on the case")
    kept = [DeliveryResult(item, State.ADDED, note=stays) for item in removing if item.identity in there]
    await settle(context, job, undone or kept, told=told)


async def _read(org: Organization, case_id: str) -> DatadogCase | None:
    try:
        return await org.datadog.case(case_id)
    except DatadogPermanent as refused:
        if refused.status == 404:
            return None
        raise DatadogTransient(TransientReason.SILENT, refused.status) from refused


async def _refused(
    context: Context, org: Organization, job: Job, batch: Sequence[WorkItem], refused: DatadogPermanent
) -> None:
    """4xx: of several the guilty one is looked for by halves; the rest is an end, with a sentence."""
    if refused.status in (401, 403):
        await _not_allowed(context, org, job, batch, refused)
    elif refused.status == 404:
        await _all_failed(context, job, sentences.case_gone(await _case_key(context, job)))
    elif len(batch) > 1:
        await _halve(context, org, job, batch)
    elif job.refused + 1 >= SINGLES:
        await _all_failed(context, job, sentences.refused_by_datadog(refused.words))
    else:
        failed = [_failure(batch[0], sentences.refused_by_datadog(refused.words))]
        await settle(context, job, failed, refused=job.refused + 1)


async def _halve(context: Context, org: Organization, job: Job, batch: Sequence[WorkItem]) -> None:
    """Whether a refused batch was taken in part is documented nowhere: read the case, then try half."""
    _, case_id = job.key.split("/")
    told = await _read(org, case_id)
    there: frozenset[Identity] = present(context, told) if told else frozenset()
    found = [DeliveryResult(item, State.ADDED, ours=True) for item in batch if item.identity in there]
    absent = [item.id for item in batch if item.identity not in there]
    half = max(1, len(batch) // 2)
    await settle(context, job, found, told=told, unsent=absent, batch_size=half, refused=job.refused)


async def _not_allowed(
    context: Context, org: Organization, job: Job, batch: Sequence[WorkItem], refused: DatadogPermanent
) -> None:
    if not await org.datadog.keys_are_valid():
        log.error("datadog.credentials_refused", org=org.hosts.name, status=refused.status)
        org.breaker.open(context.probe, sentences.credentials())
        await wait(context, job, Retry(context.probe, sentences.credentials(), counts_as_attempt=False))
        return
    reference = secrets.token_hex(2).upper()
    log.error("datadog.permission", job=job.key, status=refused.status, words=refused.words, reference=reference)
    key = await _case_key(context, job)
    words = sentences.permission(refused.status, key, reference)
    await settle(context, job, [_failure(item, words) for item in batch], batch_size=job.batch_size)


async def _all_failed(context: Context, job: Job, words: str) -> None:
    org, case_id = job.key.split("/")
    async with context.store.read() as connection:
        work = await cases.work(connection, org, case_id)
    await settle(context, job, [_failure(item, words) for item in work])


async def _not_now(
    context: Context, org: Organization, job: Job, work: Sequence[WorkItem], later: DatadogTransient
) -> None:
    words = (
        sentences.rate_limited() if later.why is TransientReason.RATE_LIMITED else sentences.not_answering(later.status)
    )
    log.warning("datadog.later", job=job.key, status=later.status, attempts=job.attempts + 1)
    again = context.later(job.attempts, words, later.after)
    if later.why is TransientReason.RATE_LIMITED:
        org.breaker.open(again.after, words)
    if later.status is not None:
        await _answered(context, job, work)
    if not later.sent:
        async with context.write() as tx:
            await ties.lock_case(tx, *job.key.split("/"))
            await jobs.check_lease(tx, job)
            await cases.unsent(tx, [item.id for item in work if not item.sent])
    if await _too_late(context, job):
        await _all_failed(context, job, sentences.gave_up(context.give_up_after / 3600, words))
        return
    await wait(context, job, again)


async def _answered(context: Context, job: Job, work: Sequence[WorkItem]) -> None:
    async with context.write() as tx:
        await ties.lock_case(tx, *job.key.split("/"))
        await jobs.check_lease(tx, job)
        await cases.answered(tx, [item.id for item in work])


async def _too_late(context: Context, job: Job) -> bool:
    if job.since is None:
        return False
    async with context.write() as tx:
        return await jobs.check_lease(tx, job) - job.since > context.give_up_after


async def settle(
    context: Context,
    job: Job,
    outcome: Sequence[DeliveryResult],
    *,
    told: DatadogCase | None = None,
    unsent: Sequence[int] = (),
    batch_size: int = BATCH,
    refused: int = 0,
) -> None:
    """Write down what became of the batch and of the case, and let the job go or stay for what is left."""
    org, case_id = job.key.split("/")
    async with context.write() as tx:
        await ties.lock_case(tx, org, case_id)
        await jobs.check_lease(tx, job)
        await cases.settle(tx, outcome)
        await cases.unsent(tx, unsent)
        if told is not None:
            await cases.save(tx, as_case(context, org, told))
        more = await cases.still_at_work(tx, org, case_id) or await comments.waiting(tx, org, case_id) is not None
        await jobs.complete(tx, job, more=more, batch_size=batch_size, refused=refused)


async def wait(context: Context, job: Job, again: Retry) -> None:
    """Try again later; cards that wait longer than a moment say so."""
    org, case_id = job.key.split("/")
    async with context.write() as tx:
        await ties.lock_case(tx, org, case_id)
        await jobs.check_lease(tx, job)
        await context.retry(tx, job, again)
        await cards.touch(tx, [item.id for item in await cases.work(tx, org, case_id)])


async def _mark_sent(context: Context, job: Job, items: Sequence[WorkItem]) -> list[WorkItem]:
    org, case_id = job.key.split("/")
    async with context.write() as tx:
        await ties.lock_case(tx, org, case_id)
        return await cases.mark_sent(tx, items, await jobs.check_lease(tx, job))


async def _case_key(context: Context, job: Job) -> str:
    org, case_id = job.key.split("/")
    async with context.store.read() as connection:
        case = await cases.get(connection, org, case_id)
    return case.key if case else case_id


def _failure(item: WorkItem, words: str) -> DeliveryResult:
    """What could not be added failed; what could not be taken off is still there."""
    return DeliveryResult(item, State.FAILED if item.state is State.CONFIRMED else State.ADDED, note=words)


def _triple(item: WorkItem) -> Triple:
    return Triple(item.identity.type.value, item.identity.resource_id, item.ref)
