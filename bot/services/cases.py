"""Resolving a case: what Datadog knows of a key, an id or a link of one."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot import commands
from bot.datadog.client import DatadogCase, DatadogPermanent, DatadogTransient, TransientReason
from bot.links import extract, insight_on, parse
from bot.model import Case, CaseName, Identity, Thread, TieKind
from bot.services import watching
from bot.services.context import Context, Organization
from bot.store import cases, ties

FRESH_SECONDS = 300.0
"""What Datadog told of a case so long ago still counts; after that, somebody may have added the same by hand."""

log = structlog.get_logger(__name__)


class CredentialsRefused(Exception):
    """Datadog takes none of our calls just now."""


async def tied_case(context: Context, thread: Thread) -> Case | None:
    """The case that a thread (or a whole channel) is about; asks Slack and Datadog where nobody has looked yet.

    None also where its organisation is not for this workspace.
    """
    case = await _tied_case(context, thread)
    return case if case is not None and case.org in context.orgs_for(thread.workspace) else None


async def _tied_case(context: Context, thread: Thread) -> Case | None:
    async with context.store.read() as connection:
        tie = await ties.of(connection, thread)
        if tie is not None and tie.kind is TieKind.TIED:
            return await cases.get(connection, tie.org, tie.case_id)
        channel = await ties.of(connection, thread.whole_channel)
    names = tie.named if tie is not None else ()
    if tie is None and thread.ts and (root := await (await context.slack(thread.workspace)).root(thread)):
        names = watching.names_of(context, thread.workspace, [parse(link, context.routes) for link in extract(root)])
    ours = context.orgs_for(thread.workspace)
    found = {case.case_id: case for name in names if name.org in ours and (case := await resolve(context, name))}
    if len(found) == 1:
        return next(iter(found.values()))
    if tie is None and not found and channel is not None and channel.kind is TieKind.TIED:
        async with context.store.read() as connection:
            return await cases.get(connection, channel.org, channel.case_id)
    return None


def names_of(context: Context, workspace: str, named: commands.CaseReference) -> Sequence[CaseName]:
    """What a case that a person names can be, one for each organisation that may have it; none: nothing we know."""
    if named.is_link:
        return watching.names_of(context, workspace, [parse(named.name, context.routes)])
    return [CaseName(org, named.name) for org in context.orgs_for(workspace) if named.org in ("", org)]


async def find(context: Context, names: Sequence[CaseName]) -> Sequence[Case]:
    """The cases of these names, as the store knows them, else as Datadog tells; raises as `resolve` does."""

    async def known_or_told(name: CaseName) -> Case | None:
        async with context.store.read() as connection:
            known = await cases.named(connection, name.org, name.case)
        return known or await resolve(context, name)

    return [case for case in await asyncio.gather(*map(known_or_told, names)) if case]


async def resolve(context: Context, name: CaseName) -> Case | None:
    """The case of this key (upper case) or UUID; None when Datadog knows none. Raises Later and CredentialsRefused.

    What Datadog told a moment ago still counts, and who asks at the same time gets the same answer: a hundred threads
    about one case are one question.
    """
    org = context.orgs.get(name.org)
    if org is None:
        log.warning("case.org_gone", org=name.org, case=name.case)
        return None
    async with context.store.read() as connection:
        known = await cases.named(connection, name.org, name.case, told_within=FRESH_SECONDS)
    if known is not None:
        return known
    asking = org.asking.get(name.case)
    if asking is None:
        asking = org.asking[name.case] = asyncio.create_task(_ask(context, org, name))
        asking.add_done_callback(lambda done: _asked(org, name, done))
    return await asyncio.shield(asking)  # whoever gives up does not give up for the others


def _asked(org: Organization, name: CaseName, done: asyncio.Task[Case | None]) -> None:
    org.asking.pop(name.case)
    if not done.cancelled():
        done.exception()  # looked at here: whoever asked may have given up


async def _ask(context: Context, org: Organization, name: CaseName) -> Case | None:
    """Ask Datadog, and write down what it tells."""
    if org.breaker.open_for:
        raise DatadogTransient(TransientReason.SILENT, None, after=org.breaker.open_for)
    try:
        told = as_case(context, name.org, await org.datadog.case(name.case))
    except DatadogPermanent as refused:
        if refused.status in (400, 404):
            log.info("case.unknown", org=name.org, case=name.case)
            return None
        if refused.status in (401, 403) and not await org.datadog.keys_are_valid():
            log.error("datadog.credentials_refused", org=name.org, status=refused.status)
            raise CredentialsRefused from refused
        # Valid keys that may not read this project: somebody has to grant that, so ask again.
        raise DatadogTransient(TransientReason.SILENT, refused.status, after=context.retry_cap) from refused
    async with context.write() as tx:
        await ties.lock_case(tx, told.org, told.case_id)
        await cases.save(tx, told)
    return replace(told, stored=True)


def present(context: Context, told: DatadogCase) -> frozenset[Identity]:
    """What Datadog lists on the case, as identities; types that we do not know are not ours to compare."""
    found = (insight_on(each.type, each.resource_id, each.ref, context.routes) for each in told.insights or ())
    return frozenset(identity for identity in found if identity is not None)


def as_case(context: Context, org: str, told: DatadogCase) -> Case:
    return Case(org, told.id, told.key, told.title, told.closed, told.archived, present(context, told))
