"""The lane of a thread: which case it is about, found out once and written down, then its pending links are offered.

Only a definite answer is remembered as "no case": a 429, a 5xx, or a channel that the bot is not in says nothing.
"""

from collections.abc import Iterable, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import messages
from bot.datadog import Later, Refused, Why
from bot.delivery.cases import as_case
from bot.delivery.reach import Reach
from bot.links import extract, org_of, parse
from bot.model import CaseLink, Outcome, Thread
from bot.slack import SlackEnd, SlackLater
from bot.store import cases, lanes, now, sightings, ties
from bot.store.lanes import Lane, Retry
from bot.store.ties import CaseName, TieKind

log = structlog.get_logger(__name__)


async def deliver(reach: Reach, lane: Lane) -> None:
    """Find out this thread's case and offer what waits in it."""
    thread = Thread(*lane.key.split("/"))
    async with reach.store.read() as connection:
        tie = await ties.of(connection, thread)
    try:
        if tie is None or tie.kind is TieKind.NAMED:
            found = await _find_out(reach, thread, tie)
        else:
            found = None
    except SlackLater as later:
        await _again(reach, lane, reach.later(lane.attempts, str(later), later.after))
        return
    except Later as later:
        words = messages.rate_limited() if later.why is Why.RATE_LIMITED else messages.not_answering(later.status)
        await _again(reach, lane, reach.later(lane.attempts, words, later.after))
        return
    except _CredentialsRefused:
        await _again(reach, lane, Retry(reach.probe, messages.credentials(), blame=False))
        return
    except SlackEnd as end:
        log.warning("thread.unreadable", channel=thread.channel, reason=end.reason, needed=end.needed)
        await _give_up(reach, lane, thread, end.reason)
        return
    await _write_down(reach, lane, thread, found)


class _CredentialsRefused(Exception):
    """Datadog takes none of our calls just now."""


def names_of(reach: Reach, links: Iterable[Outcome | None]) -> tuple[CaseName, ...]:
    """The cases of our orgs that a message's links are, each once."""
    hosts = [org.hosts for org in reach.orgs.values()]
    named: dict[CaseName, None] = {}
    for link in links:
        org = org_of(link.host, hosts) if isinstance(link, CaseLink) else None
        if isinstance(link, CaseLink) and org is not None:
            named[CaseName(org.name, link.case)] = None
    return tuple(named)


async def _find_out(reach: Reach, thread: Thread, tie: ties.Tie | None) -> Sequence[cases.Case]:
    """The cases that the root names and Datadog knows, each once."""
    if tie is not None:
        named = tie.named
    else:
        root = await reach.slack.root(thread)
        links = extract(root) if root is not None else ()
        named = names_of(reach, (parse(link, reach.routes) for link in links))
    known: dict[str, cases.Case] = {}
    for name in named:
        case = await _resolve(reach, name)
        if case is not None:
            known[case.case_id] = case
    return tuple(known.values())


async def _resolve(reach: Reach, name: CaseName) -> cases.Case | None:
    org = reach.orgs[name.org]
    if org.gate.closed_for:
        raise Later(Why.SILENT, None, after=org.gate.closed_for)
    try:
        return as_case(reach, name.org, await org.datadog.case(name.case))
    except Refused as refused:
        if refused.status in (400, 404):
            log.info("thread.no_such_case", org=name.org, case=name.case)
            return None
        if refused.status in (401, 403) and not await org.datadog.keys_are_valid():
            log.error("datadog.credentials_refused", org=name.org, status=refused.status)
            raise _CredentialsRefused from refused
        # Valid keys that may not read this project: somebody has to grant that, so ask again.
        raise Later(Why.SILENT, refused.status, after=reach.retry_cap) from refused


async def _write_down(reach: Reach, lane: Lane, thread: Thread, found: Sequence[cases.Case] | None) -> None:
    async with reach.write() as tx:
        await lanes.hold(tx, lane)
        at = await now(tx)
        if found is not None:
            await write_found(tx, thread, found, at)
        tie = await ties.of(tx, thread)
        if tie is not None and tie.kind is TieKind.TIED:
            await ties.lock_case(tx, tie.org, tie.case_id)
            await sightings.offer_pending(tx, thread, tie, reach.timing, at)
        elif tie is not None:
            await sightings.set_aside(tx, thread, tie.kind)
        await lanes.release(tx, lane, more=False)


async def write_found(tx: AsyncConnection, thread: Thread, found: Sequence[cases.Case], at: float) -> None:
    for case in sorted(found, key=lambda case: (case.org, case.case_id)):  # in one order, whoever locks them
        await ties.lock_case(tx, case.org, case.case_id)
        await cases.save(tx, case)
    if len(found) == 1:
        await ties.set_from_root(tx, thread, TieKind.TIED, at, org=found[0].org, case_id=found[0].case_id)
    else:
        await ties.set_from_root(tx, thread, TieKind.SEVERAL if found else TieKind.NO_CASE, at)


async def _again(reach: Reach, lane: Lane, again: Retry) -> None:
    if lane.since is not None and again.blame:
        async with reach.write() as tx:
            too_late = await lanes.hold(tx, lane) - lane.since > reach.give_up_after
        if too_late:
            await _give_up(reach, lane, Thread(*lane.key.split("/")), "gave_up")
            return
    async with reach.write() as tx:
        await lanes.hold(tx, lane)
        await reach.retry(tx, lane, again)


async def _give_up(reach: Reach, lane: Lane, thread: Thread, reason: str) -> None:
    """Nothing is known of the thread's case, so nothing is remembered: the next link asks again."""
    async with reach.write() as tx:
        await lanes.hold(tx, lane)
        await sightings.set_aside(tx, thread, reason)
        await lanes.release(tx, lane, more=False)
