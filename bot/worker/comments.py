"""A comment for a case: sent once. Where its answer gets lost, nobody knows whether it arrived, and that is said."""

import structlog

from bot.datadog.client import DatadogPermanent, DatadogTransient
from bot.messages import sentences
from bot.services.context import Context, Organization
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import cases, comments, jobs, ties
from bot.store.comments import Comment, CommentState
from bot.store.jobs import Job

log = structlog.get_logger(__name__)


async def deliver(context: Context, org: Organization, job: Job, comment: Comment) -> None:
    """Send this comment, or settle one whose answer got lost with its sender; the job stays for what else waits."""
    _, case_id = job.key.split("/")
    if comment.state is CommentState.SENT:
        await _settle(context, job, comment, CommentState.UNKNOWN)
        return
    async with context.write() as tx:
        await ties.lock_case(tx, *job.key.split("/"))
        await jobs.check_lease(tx, job)
        await comments.settle(tx, comment, CommentState.SENT)
    try:
        await org.datadog.comment(case_id, comment.text)
    except DatadogPermanent as refused:
        log.warning("comment.refused", case=case_id, status=refused.status, words=refused.words)
        await _settle(context, job, comment, CommentState.FAILED)
    except DatadogTransient as later:
        if later.sent:
            await _settle(context, job, comment, CommentState.UNKNOWN)
        else:
            async with context.write() as tx:
                await ties.lock_case(tx, *job.key.split("/"))
                await jobs.check_lease(tx, job)
                await comments.settle(tx, comment, CommentState.ASKED)
            raise
    else:
        await _settle(context, job, comment, CommentState.DONE)


async def _settle(context: Context, job: Job, comment: Comment, state: CommentState) -> None:
    org, case_id = job.key.split("/")
    async with context.write() as tx:
        await ties.lock_case(tx, org, case_id)
        await jobs.check_lease(tx, job)
        await comments.settle(tx, comment, state)
        case = await cases.get(tx, org, case_id)
        await jobs.complete(tx, job, more=True)
    said = sentences.commented(state.value, case.key if case else case_id)
    try:
        await (await context.slack(comment.thread.workspace)).whisper(comment.thread, comment.by, said)
    except (SlackTransient, SlackPermanent) as error:
        log.warning("answer.lost", user=comment.by, why=str(error))
