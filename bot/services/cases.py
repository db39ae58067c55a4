"""Datadog's cases: which one a thread is about, which one a person names, and what Datadog says of it."""

import asyncio
from collections.abc import Sequence
from typing import assert_never

import structlog

from bot.commands import CaseReference
from bot.datadog.answers import DatadogCase
from bot.datadog.errors import DatadogPermanent, DatadogTransient, TransientReason
from bot.insights import FRESH_SECONDS
from bot.links import extract, parse
from bot.messages import replies
from bot.model import Case, CaseName, Thread, Tie, TieKind, TieSource
from bot.services import watching
from bot.services.context import Context, Organization
from bot.store import cases, ties
from bot.store.transaction import Transaction

log = structlog.get_logger(__name__)


async def tied_case(context: Context, thread: Thread) -> Case | None:
    """The case that a thread (or a whole channel) is about; asks Slack and Datadog where the tie is not known yet.

    None also where its organisation is not for this workspace. Raises as `resolve` and Slack do.
    """
    case, _ = await tied_by(context, thread)
    return case


async def tied_by(context: Context, thread: Thread) -> tuple[Case | None, TieSource | None]:
    """As `tied_case`, with what the tie comes from; None: there is none."""
    orgs = context.orgs_for(thread.workspace)
    async with context.store.read() as connection:
        tie = await ties.of(connection, thread)
        channel = await ties.of(connection, thread.whole_channel) if tie is None else None
        known = tie or channel
        stored = None
        if known is not None and known.kind is TieKind.TIED and known.org in orgs:
            stored = await cases.get(connection, known.org, known.case_id)
    if tie is not None and (tie.kind is TieKind.TIED or tie.source is TieSource.SAID):
        return stored, tie.source
    names = _waiting(tie) if tie is not None else await _named_by_root(context, thread)
    found = {case.case_id: case for name in names if name.org in orgs and (case := await resolve(context, name))}
    if found:
        return next(iter(found.values())) if len(found) == 1 else None, TieSource.ROOT
    return stored, None if stored is None else TieSource.CHANNEL


def _waiting(tie: Tie) -> Sequence[CaseName]:
    """The cases of which Datadog has not yet said whether it knows them."""
    return tie.named if tie.kind is TieKind.NAMED else ()


async def _named_by_root(context: Context, thread: Thread) -> Sequence[CaseName]:
    root = await (await context.slack(thread.workspace)).root(thread) if thread.ts else None
    links = extract(root) if root else ()
    return watching.names_of(context, thread.workspace, [parse(link, context.routes) for link in links])


def names_of(context: Context, workspace: str, reference: CaseReference) -> Sequence[CaseName]:
    """The cases that a person can mean by this, one name per organisation that may have it; empty: none of ours."""
    if reference.is_link:
        return watching.names_of(context, workspace, [parse(reference.name, context.routes)])
    return [CaseName(org, reference.name) for org in context.orgs_for(workspace) if reference.org in ("", org)]


async def find(context: Context, names: Sequence[CaseName]) -> Sequence[Case]:
    """The cases with these names, as stored, else as Datadog answers; raises as `resolve` does."""

    async def stored_or_resolved(name: CaseName) -> Case | None:
        async with context.store.read() as connection:
            stored = await cases.named(connection, name.org, name.case)
        return stored or await resolve(context, name)

    return [case for case in await asyncio.gather(*map(stored_or_resolved, names)) if case]


def why_unknown(error: DatadogTransient | DatadogPermanent) -> str:
    """What a person is told when `resolve` raised this."""
    if isinstance(error, DatadogPermanent):
        return replies.CASE_FORBIDDEN
    match error.why:
        case TransientReason.SILENT:
            return replies.DATADOG_DOWN
        case TransientReason.RATE_LIMITED:
            return replies.DATADOG_BUSY
        case TransientReason.CREDENTIALS:
            return replies.KEYS_REFUSED
        case _:
            assert_never(error.why)


async def resolve(context: Context, name: CaseName) -> Case | None:
    """The case with this key (upper case) or UUID; None where Datadog has none.

    Raises DatadogTransient, and DatadogPermanent where valid keys may not read this case. All who ask at the same time
    share one call: a hundred threads about one case are one question.
    """
    org = context.orgs.get(name.org)
    if org is None:
        log.warning("case.org_gone", org=name.org, case=name.case)
        return None
    async with context.store.read() as connection:
        fresh = await cases.named(connection, name.org, name.case, read_within=FRESH_SECONDS)
    if fresh is not None:
        return fresh
    asking = org.asking.get(name.case)
    if asking is None:
        asking = org.asking[name.case] = asyncio.create_task(_ask(context, org, name))
        asking.add_done_callback(lambda task: _forget(org, name, task))
    return await asyncio.shield(asking)  # one caller's time-out does not end it for the others


def _forget(org: Organization, name: CaseName, task: asyncio.Task[Case | None]) -> None:
    org.asking.pop(name.case)
    if not task.cancelled():
        task.exception()  # retrieved, because all who asked may have given up


async def _ask(context: Context, org: Organization, name: CaseName) -> Case | None:
    """Ask Datadog, and store its answer."""
    try:
        answer = await org.datadog.case(name.case)
    except DatadogPermanent as refused:
        if refused.status in (400, 404):
            log.info("case.unknown", org=name.org, case=name.case)
            return None
        raise
    async with context.write() as tx:
        await ties.lock_case(tx, name.org, answer.id)
        return await save(context, tx, name.org, answer)


def as_case(context: Context, org: str, answer: DatadogCase, old: Case | None = None) -> Case:
    """What Datadog answered; what it did not tell is as it was."""
    old = old or Case(org, answer.id, answer.id, "", False, False, frozenset())
    listed = answer.identities(context.routes)
    return Case(
        org,
        answer.id,
        answer.key or old.key,
        answer.title or old.title,
        old.closed if answer.closed is None else answer.closed,
        old.archived if answer.archived is None else answer.archived,
        listed if answer.lists_all else listed | old.on_case,
    )


async def save(context: Context, tx: Transaction, org: str, answer: DatadogCase, at: float | None = None) -> Case:
    """Store what Datadog answered. Under `lock_case`. `at`: the database's time, if it is known."""
    old = None if answer.is_whole else await cases.get(tx, org, answer.id)
    case = as_case(context, org, answer, old)
    await cases.save(tx, case, lists_all=answer.lists_all, at=at)
    return case
