"""The job of a case that a person wants created: one call, never repeated, and then everybody is told.

Before the call leaves, `sent_at` is committed. Where its answer got lost, the job waits until that call has surely
ended, looks for the marker in the descriptions of cases a few times, and then tells the person that it may be there.
"""

from dataclasses import replace
from typing import assert_never

import structlog

from bot.datadog.answers import DatadogCase
from bot.datadog.creation import NewCase
from bot.datadog.errors import DatadogPermanent, DatadogTransient, TransientReason
from bot.messages import created, sentences
from bot.messages.card_view import Message
from bot.messages.created import CreatedCase
from bot.messages.text import readable
from bot.model import Thread, TieKind
from bot.services.cases import as_case, save
from bot.services.context import PERSON_WITHIN, Context, Organization
from bot.services.creation import link_to
from bot.services.shared_channels import is_shared
from bot.slack.client import DIRECT, SlackPermanent
from bot.store import cases, creations, tie_changes, ties
from bot.store.creations import Creation, CreationState
from bot.store.jobs import enqueue, thread_key
from bot.store.transaction import Job, JobKind, Transaction
from bot.worker.backoff import answer_is_due, not_now
from bot.worker.lease import fenced
from bot.worker.outcomes import Done, GiveUp, More, Outcome, RetryAfter

SEARCHED_FOR = 4.0
"""In leases: for so long after its call a case is looked for. How soon Datadog's search knows it is not documented."""

log = structlog.get_logger(__name__)


async def work(context: Context, job: Job) -> Outcome:
    """Create the case, look for it, or tell what became of it."""
    async with context.store.read() as connection:
        creation = await creations.get(connection, job.key)
    if creation is None:
        return Done()
    match creation.state:
        case CreationState.ASKED:
            return await _create_or_find(context, job, creation)
        case CreationState.CREATED:
            return await _announce(context, job, creation)
        case CreationState.REFUSED | CreationState.UNKNOWN:
            return await _tell(context, creation)
        case CreationState.DONE:
            return Done()
        case _:
            assert_never(creation.state)


async def give_up(context: Context, job: Job, end: GiveUp) -> Done | More:
    """What was never sent is not created; where the person could not be told, the log tells."""
    async with context.store.read() as connection:
        creation = await creations.get(connection, job.key)
    if creation is None:
        return Done()
    if creation.state is not CreationState.ASKED:
        return _done(creation)
    state = CreationState.REFUSED if creation.sent_ago is None else CreationState.UNKNOWN
    return _over(creation, state, created.given_up(end.words or end.reason))


async def _create_or_find(context: Context, job: Job, creation: Creation) -> Outcome:
    org = context.orgs.get(creation.org)
    if org is None:
        return RetryAfter(context.retry_cap, readable(sentences.org_gone(creation.org)))
    if org.breaker.open_for:
        return RetryAfter(org.breaker.open_for, not_now(TransientReason(org.breaker.reason)), counts=False)
    if creation.sent_ago is None:
        return await _create(context, org, job, creation)
    due = answer_is_due(context.lease)
    if creation.sent_ago < due:
        return RetryAfter(due - creation.sent_ago, sentences.not_answering(None), counts=False)
    return await _find(context, org, creation, creation.sent_ago)


async def _create(context: Context, org: Organization, job: Job, creation: Creation) -> Outcome:
    link = await _link(context, creation.thread)
    text = created.description(creation.description, link, creation.marker)
    new = NewCase(creation.title, creation.type_id, creation.project_id, text, creation.priority)
    async with fenced(context, job) as (tx, at):
        await creations.write(tx, creation, sent_at=at)
    try:
        case = await org.datadog.create(new)
    except DatadogPermanent as error:
        log.warning("case.not_created", org=creation.org, status=error.status)  # its words may quote the title
        return _over(creation, CreationState.REFUSED, created.refused(error.status, error.words))
    except DatadogTransient as error:
        why, sent_at = not_now(error.why, error.status), at if error.sent else None
        return RetryAfter(
            error.after, why, error.counts, write=lambda tx: creations.write(tx, creation, sent_at=sent_at)
        )
    if case is None:  # it is there, and the answer does not say which one it is
        return RetryAfter(None, sentences.not_answering(201))
    return _created(context, creation, case)


async def _find(context: Context, org: Organization, creation: Creation, sent_ago: float) -> Outcome:
    """Look for a case whose answer got lost; raises DatadogTransient."""
    found = ()
    try:
        found = await org.datadog.described(creation.marker)
    except DatadogPermanent as error:
        log.warning("case.not_searched", org=creation.org, status=error.status)
    if found:
        return _created(context, creation, found[0])
    if sent_ago > SEARCHED_FOR * context.lease:
        log.warning("case.unsettled", org=creation.org)
        return _over(creation, CreationState.UNKNOWN)
    return RetryAfter(sent_ago / 2, sentences.not_answering(None), counts=False)


def _created(context: Context, creation: Creation, answer: DatadogCase) -> More:
    """Store the case, and tie the thread to it, unless it is tied by itself: its channel's tie does not count."""
    case, thread = as_case(context, creation.org, answer), creation.thread

    async def write(tx: Transaction) -> None:
        if thread.ts and not thread.channel.startswith(DIRECT):
            await enqueue(tx, JobKind.THREAD, thread_key(thread))  # locked before cases, as everywhere
            own = await ties.own(tx, thread)
            if own is None or own.kind is not TieKind.TIED:
                await tie_changes.tie_in(tx, thread, case, creation.by)
        await ties.lock_case(tx, case.org, case.case_id)
        await save(context, tx, creation.org, answer)
        emptied = {"title": "", "description": ""}
        await creations.settle(tx, creation, CreationState.CREATED, case_id=case.case_id, **emptied)

    log.info("case.created", org=creation.org, case=case.case_id)
    return More(write=write)


def _over(creation: Creation, state: CreationState, note: str = "") -> More:
    return More(write=lambda tx: creations.settle(tx, creation, state, note=note))


def _done(creation: Creation) -> Done:
    return Done(write=lambda tx: creations.settle(tx, creation, CreationState.DONE))


async def _announce(context: Context, job: Job, creation: Creation) -> Done:
    """Say in the open who created which case; where Slack does not take that, to that person alone.

    Direct messages cannot be searched: there, a crash at the worst moment says it twice.
    """
    thread = creation.thread
    shared = await is_shared(context, thread)
    told = await _as_told(context, creation)
    if shared and not context.shared:
        reason = sentences.SHARED
    else:
        reason = await _say(context, job, creation, replace(told, title="") if shared else told, named=not shared)
    if reason:
        await _post_alone(context, creation, created.alone(told, await _link(context, thread), reason))
    return _done(creation)


async def _say(context: Context, job: Job, creation: Creation, told: CreatedCase, *, named: bool) -> str:
    """Post it once; returns Slack's word for why not, or nothing. `named`: with the person's name."""
    workspace = await context.workspaces.at(creation.thread.workspace)
    slack, mark, who = workspace.slack, created.metadata(creation.marker), "Someone"
    try:
        since = creation.posting_since
        if since is not None and await slack.find(creation.thread, mark, since, workspace.myself.bot) is not None:
            return ""
        if named:
            who = (await slack.names({creation.by}, within=PERSON_WITHIN)).get(creation.by, who)
        async with fenced(context, job) as (tx, at):
            await creations.write(tx, creation, posting_since=at)
        await slack.post(creation.thread, created.announced(who, told), mark)
    except SlackPermanent as refused:
        return refused.reason
    return ""


async def _as_told(context: Context, creation: Creation) -> CreatedCase:
    """The case and its thread as of now."""
    org, thread = creation.org, creation.thread
    async with context.store.read() as connection:
        case = await cases.get(connection, org, creation.case_id or "")
        own = await ties.own(connection, thread) if thread.ts else None
        tied_to = await cases.get(connection, own.org, own.case_id) if own else None
    assert case is not None, "it was stored as it was created, and cases stay"  # noqa: S101
    url = f"{context.orgs[org].case_url}{case.key}" if org in context.orgs else ""
    is_tied = tied_to == case
    stays = tied_to.key if tied_to and not is_tied else ""
    return CreatedCase(case.key, case.title, url, thread.ts, tied=is_tied, stays=stays)


async def _tell(context: Context, creation: Creation) -> Done:
    """Tell the person alone that there is no case, or perhaps none."""
    link = await _link(context, creation.thread)
    if creation.state is CreationState.REFUSED:
        message = created.not_created(creation.title, creation.description, creation.note, link)
    else:
        message = created.perhaps_created(creation.title, link)
    await _post_alone(context, creation, message)
    return _done(creation)


async def _post_alone(context: Context, creation: Creation, message: Message) -> None:
    slack = await context.slack(creation.thread.workspace)
    await slack.say(Thread(creation.thread.workspace, creation.by, ""), message)


async def _link(context: Context, thread: Thread) -> str:
    return link_to(await context.myself(thread.workspace), thread)
