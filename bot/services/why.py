"""Why: what became of a message's links, from what Slack, the table of links and the store say."""

from collections.abc import Mapping

from bot.commands import Permalink
from bot.links import explain, extract, orgs_of, sentence
from bot.messages import replies
from bot.messages.why import LinkReport, ThreadReport, why_text
from bot.model import Case, CaseLink, Draft, Identity, Insight, InsightType, Thread, Tie, TieKind, TieSource, Uncovered
from bot.services import watching
from bot.services.context import PERSON_WITHIN, Context
from bot.store import cases, modes, ties
from bot.store.seen import SightingState
from bot.store.tracing import Trace, trace

_TIED = {
    TieSource.SAID: "because somebody said so",
    TieSource.ROOT: "by its first message",
    TieSource.CHANNEL: "by its channel",
}
_UNTIED = {
    TieKind.NAMED: "Its thread names a case that Datadog has not told of yet.",
    TieKind.NO_CASE: "Its thread names no case.",
    TieKind.SEVERAL: "Its thread's first message names several cases, and nobody has chosen one yet.",
    TieKind.NONE: "Somebody said that its thread is about no case.",
    TieKind.UNREAD: "Nobody has looked yet which case its thread is about.",
}


async def why(context: Context, workspace: str, message: Permalink) -> str:
    """The answer to `why`; raises SlackLater and SlackEnd where the message cannot be read."""
    thread = Thread(workspace, message.channel, message.thread_ts)
    there = await context.workspaces.at(workspace)
    found = await there.slack.message(thread, message.ts)
    if found is None:
        return replies.no_such_message()
    # A reply's address may lack its thread.
    thread = Thread(workspace, message.channel, str(found.get("thread_ts") or found["ts"]))
    async with context.store.read() as connection:
        tie = await ties.of(connection, thread)
        case = await cases.get(connection, tie.org, tie.case_id) if tie and tie.kind is TieKind.TIED else None
        mode = await modes.of(connection, thread) or context.mode
        traces = await trace(connection, thread, message.ts)
    names = await there.slack.names({each.by for each in traces.values() if each.by}, within=PERSON_WITHIN)
    links = [_became(context, thread, link, traces, names, there.myself.url) for link in extract(found)]
    place = ThreadReport(_tie_words(tie, case), mode, await _policy(context, workspace, watching.person_of(found)))
    return why_text(place, links)


def _tie_words(tie: Tie | None, case: Case | None) -> str:
    if tie is None:
        return _UNTIED[TieKind.UNREAD]
    if case is None:
        return _UNTIED.get(tie.kind, _UNTIED[TieKind.UNREAD])
    return f"Its thread is tied to {case.key} {_TIED[tie.source]}."


async def _policy(context: Context, workspace: str, poster: str | None) -> str:
    if not poster:
        return "A bot posted it: its links are never added without being asked about."
    refused = await context.refusal(workspace, poster)
    return "" if refused is None else "Who posted it may not add insights: its links are never added at once."


def _became(
    context: Context, thread: Thread, link: str, traces: dict[Identity, Trace], names: Mapping[str, str], url: str
) -> LinkReport:
    read = explain(link, context.routes)
    match read.outcome:
        case Insight() as found:
            identity = found.identity
            read_as = f"{found.type} {found.resource_id}, by route {read.route}."
        case Draft() as found:
            identity = found.as_insight.identity
            read_as = f"Probably {found.type}, by route {read.route}; a person has to give its id."
        case CaseLink(case=case):
            return LinkReport(link, f"A case: {case}.")
        case Uncovered() | None:
            return LinkReport(link, sentence(read.reason) if read.reason else "Not read.")
    hosts = context.hosts_for(thread.workspace)
    if not orgs_of(found.host, hosts) and found.type is not InsightType.SCM_URL:
        sites = ", ".join(sorted(org.site for org in hosts))
        return LinkReport(link, f"{read_as} Its host {found.host} is not of this bot's Datadog site ({sites}).")
    told = traces.get(identity)
    if told is None:
        return LinkReport(link, f"{read_as} It was not written down: the bot did not hear of it, or there was no case.")
    return LinkReport(
        link,
        read_as,
        reason=told.reason if told.state is SightingState.NOT else "",
        state=told.became if told.state is SightingState.OFFERED else None,
        who=names.get(told.by or "", ""),
        at=told.at,
        card=Thread(thread.workspace, told.card_channel, thread.ts).permalink(url, told.card_ts)
        if told.card_ts
        else "",
        waits=told.state is SightingState.PENDING,
    )
