"""The job of a case: what people confirmed is put on it, what they undid is taken off, up to 100 at once.

Before a call leaves, `sent_at` is committed. Whether a repeated PUT doubles an insight is documented nowhere, so what
has `sent_at`, or belongs on a case that was not read for five minutes, is sent only after the case was read and does
not list it. That also covers a database that was restored from a backup. A call that got no answer may still be carried
out: until then reading the case proves nothing, so its job waits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bot.datadog.answers import DatadogCase, Triple
from bot.datadog.errors import DatadogPermanent, DatadogTransient, TransientReason
from bot.insights import reads_first
from bot.messages import sentences
from bot.messages.text import readable
from bot.model import Case, Identity, State
from bot.services.cases import save
from bot.services.context import Context, Organization
from bot.services.responder import new_reference
from bot.store import cards, cases, jobs, thread_comments
from bot.store.cases import DeliveryResult
from bot.store.jobs import BATCH
from bot.store.transaction import Job, Transaction
from bot.store.work_items import WorkItem
from bot.worker.backoff import answer_is_due, backoff, not_now
from bot.worker.failures import all_failed, failure, key_of
from bot.worker.lease import fenced
from bot.worker.outcomes import Done, GiveUp, More, Outcome, RetryAfter

SINGLES = 3
"""After this many single insights refused in a row, Datadog would refuse the rest too."""
LISTINGS = 10
"""After so many failures in a row, the last of which did not list the case's insights, people are asked to look."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one turn has to do for a case: insights to put on it or take off.

    `known`: the case as Datadog last described it; None: it never did.
    """

    context: Context
    org: Organization
    job: Job
    work: Sequence[WorkItem]
    known: Case | None

    @property
    def case(self) -> tuple[str, str]:
        return jobs.case_of(self.job.key)

    @property
    def case_id(self) -> str:
        return self.case[1]


async def work(context: Context, job: Job) -> Outcome:
    """One batch of this case's work."""
    case = jobs.case_of(job.key)
    async with context.store.read() as connection:
        at_work = await cases.work(connection, *case)
        known = await cases.get(connection, *case)
    if notes := [item for item in at_work if item.is_note]:
        places = {(*case, item.row.from_thread) for item in notes}
        async with fenced(context, job, case=case) as (tx, _):
            await thread_comments.changed(tx, places, context.timing)
    todo = [item for item in at_work if not item.is_note]
    if not todo:
        return Done()
    todo = [replace(item, sent_ago=None) if item.id in job.leaving else item for item in todo]
    org = context.orgs.get(case[0])
    if org is None:
        return _wait(job, todo, context.retry_cap, readable(sentences.org_gone(case[0])))
    if org.breaker.open_for:
        words = not_now(TransientReason(org.breaker.reason))
        return _wait(job, todo, org.breaker.open_for, words, counts=False)
    turn = _Turn(context, org, job, todo, known)
    if unknown := [item for item in todo if not item.is_known]:
        reference = new_reference()
        types = sorted({item.row.type for item in unknown})  # of a newer version that was taken back
        log.error("insights.unknown", job=job.key, types=types, reference=reference)
        return _settled(turn, [failure(item, sentences.failed_here(reference)) for item in unknown])
    try:
        return await _batch(turn)
    except DatadogTransient as error:
        return _not_now(turn, error)


async def give_up(context: Context, job: Job, end: GiveUp) -> Done:
    """Fail what Datadog did not take in all that time, where people can press Retry."""
    return await all_failed(context, job, sentences.gave_up(context.give_up_after / 3600, end.words or end.reason))


async def _batch(turn: _Turn) -> Outcome:
    job, work = turn.job, turn.work
    adding = [item for item in work if item.state is State.CONFIRMED][: job.batch_size]
    latest = min((item.sent_ago for item in work if item.sent_ago is not None), default=math.inf)
    due = answer_is_due(turn.context.lease)
    if latest < due:
        return _wait(job, work, due - latest, sentences.not_answering(None), counts=False)
    try:
        identities, sent = [item.identity for item in adding], any(item.sent for item in adding)
        if adding and reads_first(identities, turn.known, sent=sent):
            adding, unknown = await _absent(turn, adding)
            turn = replace(turn, job=replace(job, leaving=frozenset()))  # they leave later than they were marked
            if unknown and not adding:
                return await _unlisted(turn, unknown)
        if adding:
            return await _add(turn, adding)
        if all(item.state is State.UNDOING for item in work):
            return await _remove(turn, work[:BATCH])
        return More(batch_size=job.batch_size)
    except DatadogPermanent as error:
        async with fenced(turn.context, job, case=turn.case) as (tx, _):
            await cases.answered(tx, [item.id for item in work])
        return await _refused(turn, adding or work[:BATCH], error)


async def _absent(turn: _Turn, adding: Sequence[WorkItem]) -> tuple[list[WorkItem], list[WorkItem]]:
    """Settle as added what is on the case already, whoever put it there; returns the others: to send, and unknown.

    Unknown is what may have arrived, where not everything is listed. What was never sent leaves all the same.
    """
    try:
        answer = await turn.org.datadog.case(turn.case_id)
    except DatadogTransient as error:
        raise error.about(sent=False) from error
    listed = answer.identities(turn.context.routes)
    found = [DeliveryResult(item, State.ADDED, ours=item.sent) for item in adding if item.identity in listed]
    async with fenced(turn.context, turn.job, case=turn.case) as (tx, _):
        await cases.settle(tx, found, turn.context.timing)
        await save(turn.context, tx, turn.case[0], answer)
    others = [item for item in adding if item.identity not in listed]
    unknown = [item for item in others if item.sent and not answer.lists_all]
    return [item for item in others if item not in unknown], unknown


async def _unlisted(turn: _Turn, unknown: Sequence[WorkItem]) -> Outcome:
    """Ask again later what is on the case; in the end somebody has to look, and Retry sends it."""
    if turn.job.attempts < LISTINGS:
        return _wait(turn.job, turn.work, None, sentences.NOT_LISTED)
    words = sentences.may_be_on_case(await key_of(turn.context, turn.case))
    failed = [failure(item, words) for item in unknown]
    return _settled(turn, failed, unsent=[item.id for item in unknown], batch_size=turn.job.batch_size)


async def _add(turn: _Turn, adding: Sequence[WorkItem]) -> Outcome:
    sending = list(adding)
    if not turn.job.leaving.issuperset(item.id for item in adding):
        async with fenced(turn.context, turn.job, case=turn.case) as (tx, at):
            sending = await cases.mark_sent(tx, adding, at)
    if not sending:
        return More(batch_size=turn.job.batch_size)
    answer = await turn.org.datadog.add(turn.case_id, [_triple(item) for item in sending])
    log.info("case.added", case=turn.case_id, insights=len(sending))
    added = [DeliveryResult(item, State.ADDED, ours=True) for item in sending]
    return _settled(turn, added, answer=answer, batch_size=turn.job.batch_size)


async def _remove(turn: _Turn, removing: Sequence[WorkItem]) -> Outcome:
    words, proved = "", True
    try:
        answer = await turn.org.datadog.remove(turn.case_id, [_triple(item) for item in removing])
    except DatadogPermanent as error:
        if error.status not in (400, 404):
            raise
        # Some of these were not on the case, or the case is gone: reading it tells.
        answer, words = await _read(turn), error.words
        proved = answer is None or answer.lists_all
        if not proved and turn.job.attempts < LISTINGS:
            return _wait(turn.job, turn.work, None, sentences.NOT_LISTED)
    listed = _listed(turn, answer) if proved else {item.identity for item in removing}
    undone = [DeliveryResult(item, State.UNDONE) for item in removing if item.identity not in listed]
    # If none of them is gone, Datadog refused these; if some are, the next turn removes the others without those.
    stays = sentences.refused_by_datadog(words or "it is still on the case")
    kept = [DeliveryResult(item, State.ADDED, note=stays) for item in removing if item.identity in listed]
    return _settled(turn, undone or kept, answer=answer)


async def _read(turn: _Turn) -> DatadogCase | None:
    """The case; None when it is gone."""
    try:
        return await turn.org.datadog.case(turn.case_id)
    except DatadogTransient as error:
        raise error.about(sent=True) from error
    except DatadogPermanent as error:
        if error.status == 404:
            return None
        raise DatadogTransient(TransientReason.SILENT, error.status) from error


async def _refused(turn: _Turn, batch: Sequence[WorkItem], error: DatadogPermanent) -> Outcome:
    """4xx: in a batch, halves find the insight that Datadog refuses; anything else is final, with a sentence."""
    words = sentences.refused_by_datadog(error.words)
    if error.status in (401, 403):
        return await _not_allowed(turn, batch, error)
    if error.status == 404:
        return await all_failed(turn.context, turn.job, sentences.case_gone(await key_of(turn.context, turn.case)))
    if len(batch) > 1:
        return await _halve(turn, batch)
    if turn.job.refused + 1 >= SINGLES:
        return await all_failed(turn.context, turn.job, words)
    return _settled(turn, [failure(batch[0], words)], refused=turn.job.refused + 1)


async def _halve(turn: _Turn, batch: Sequence[WorkItem]) -> Outcome:
    """Whether a refused batch was taken in part is documented nowhere: read the case, then try half."""
    answer = await _read(turn)
    listed = _listed(turn, answer)
    found = [DeliveryResult(item, State.ADDED, ours=True) for item in batch if item.identity in listed]
    proved = answer is None or answer.lists_all  # else the next turn looks for them again
    absent = [item.id for item in batch if item.identity not in listed] if proved else []
    half = max(1, len(batch) // 2)
    return _settled(turn, found, answer=answer, unsent=absent, batch_size=half, refused=turn.job.refused)


async def _not_allowed(turn: _Turn, batch: Sequence[WorkItem], error: DatadogPermanent) -> Outcome:
    reference = new_reference()
    log.error("datadog.permission", job=turn.job.key, status=error.status, words=error.words, reference=reference)
    words = sentences.permission(error.status, await key_of(turn.context, turn.case), reference)
    return _settled(turn, [failure(item, words) for item in batch], batch_size=turn.job.batch_size)


def _not_now(turn: _Turn, error: DatadogTransient) -> Outcome:
    words = not_now(error.why, error.status)
    log.warning("datadog.later", job=turn.job.key, status=error.status, attempts=turn.job.attempts + 1)
    seconds = backoff(turn.job.attempts, turn.context.retry_cap, error.after)

    async def write(tx: Transaction) -> None:
        if error.status is not None:
            await cases.answered(tx, [item.id for item in turn.work])
        if not error.sent:
            await cases.unsent(tx, [item.id for item in turn.work if not item.sent])
        await cards.touch(tx, [item.id for item in turn.work])

    return RetryAfter(seconds, words, error.counts, write=write, case=turn.case)


def _wait(job: Job, work: Sequence[WorkItem], seconds: float | None, reason: str, *, counts: bool = True) -> RetryAfter:
    """Try again in `seconds` (None: the usual back-off); cards that wait longer than a moment say so."""

    async def write(tx: Transaction) -> None:
        await cases.unsent(tx, [item.id for item in work if item.id in job.leaving])
        await cards.touch(tx, [item.id for item in work])

    return RetryAfter(seconds, reason, counts, write=write, case=jobs.case_of(job.key))


def _settled(
    turn: _Turn,
    results: Sequence[DeliveryResult],
    *,
    answer: DatadogCase | None = None,
    unsent: Sequence[int] = (),
    batch_size: int = BATCH,
    refused: int = 0,
) -> Outcome:
    """Write down what became of the batch and of the case; another turn follows where something is left."""

    async def write(tx: Transaction) -> None:
        await cases.unsent(tx, unsent)
        at = await cases.settle(tx, results, turn.context.timing)
        if answer is not None:
            await save(turn.context, tx, turn.case[0], answer, at)

    if len(results) == len(turn.work):
        return Done(write=write, case=turn.case)
    return More(batch_size, refused, write=write, case=turn.case)


def _listed(turn: _Turn, answer: DatadogCase | None) -> frozenset[Identity]:
    return frozenset() if answer is None else answer.identities(turn.context.routes)


def _triple(item: WorkItem) -> Triple:
    return Triple(item.identity.type.value, item.identity.resource_id, item.ref)
