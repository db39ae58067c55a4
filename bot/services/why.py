"""Why: what became of a message's links, from what Slack, the table of links and the store say."""

from collections.abc import Mapping

from bot.commands import Why
from bot.insights import SightingState
from bot.links import Permalink, Reading, extract
from bot.messages.text import readable
from bot.messages.why import LinkReport, Poster, Sighting, ThreadReport, why_page, why_pages
from bot.model import Identity, InsightType, Thread, TieKind
from bot.services import authors, watching
from bot.services.checks import message_at
from bot.services.context import PERSON_WITHIN, Context
from bot.store import cases, modes, ties
from bot.store.sightings import Trace, trace


async def why_not_offered(context: Context, workspace: str, message: Permalink) -> list[str]:
    """The answer to `why`, in pages. Raises UserError where there is no such message, and what Slack's calls raise."""
    thread, content = await message_at(context, workspace, message)
    installed = await context.workspaces.at(workspace)
    async with context.store.read() as connection:
        tie = await ties.of(connection, thread)
        case = await cases.get(connection, tie.org, tie.case_id) if tie and tie.kind is TieKind.TIED else None
        mode = await modes.of(connection, thread) or context.mode
        traces = await trace(connection, thread, message.ts)
    people = {sighting.by for sighting in traces.values() if sighting.by}
    names = await installed.slack.names(people, within=PERSON_WITHIN)
    url = installed.myself.url
    sightings = {identity: _sighting(found, thread, names, url) for identity, found in traces.items()}
    poster = await _poster(context, workspace, authors.person_of(content))
    return why_pages(
        ThreadReport(tie, case.key if case else "", mode, poster),
        [report(context, workspace, context.read(link), sightings) for link in extract(content)],
    )


async def in_plain_text(context: Context, workspace: str, message: Permalink) -> str:
    """All of it for a terminal."""
    return readable("\n".join(await why_not_offered(context, workspace, message)))


async def in_slack(context: Context, workspace: str, command: Why, prefix: str) -> str:
    """The page that this command asks for; `prefix`: what it was typed after."""
    message = command.message
    pages = await why_not_offered(context, workspace, message)
    url = (await context.myself(workspace)).url
    address = Thread(workspace, message.channel, message.thread_ts).permalink(url, message.ts)
    return why_page(pages, command.page, f"{prefix} why {address}")


async def _poster(context: Context, workspace: str, person: str | None) -> Poster:
    if not person:
        return Poster.NOBODY
    return Poster.MAY_ADD if await context.refusal(workspace, person) is None else Poster.MAY_NOT_ADD


def report(context: Context, workspace: str, reading: Reading, sightings: Mapping[Identity, Sighting]) -> LinkReport:
    """What became of a link that was read like this."""
    outcome = reading.outcome
    if outcome is not None and context.hides(workspace, outcome.host):
        return LinkReport(reading, hidden=True)
    insight = watching.insight_of(outcome, context)
    if insight is None:
        return LinkReport(reading)
    if not context.owners(workspace, insight.host) and insight.type is not InsightType.SCM_URL:
        return LinkReport(reading, sites=sorted({org.hosts.site for org in context.orgs_for(workspace).values()}))
    return LinkReport(reading, sighting=sightings.get(insight.identity))


def _sighting(trace: Trace, thread: Thread, names: Mapping[str, str], url: str) -> Sighting:
    card = Thread(thread.workspace, trace.card_channel, thread.ts).permalink(url, trace.card_ts)
    return Sighting(
        reason=trace.reason if trace.state is SightingState.NOT else "",
        state=trace.became,
        who=names.get(trace.by or "", ""),
        at=trace.at,
        card=card if trace.card_ts else "",
        waits=trace.state is SightingState.PENDING,
    )
