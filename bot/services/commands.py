"""Running what somebody typed: each command ends in a sentence for them, and some are announced in the open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from sqlalchemy.exc import SQLAlchemyError

from bot import commands
from bot.commands import Command
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.links import Permalink, extract, sentence
from bot.links.outcomes import CaseLink, Reason, Uncovered
from bot.messages import replies
from bot.messages.card_view import Message
from bot.messages.why import explained
from bot.model import Case, Draft, Insight, InsightType, Thread, TieKind
from bot.services import additions, clicks, creation, shared_channels, why
from bot.services.additions import Addition
from bot.services.cases import tied_by, tied_case, why_unknown
from bot.services.checks import UserError, in_channels, message_at, named_case, permit
from bot.services.context import PERSON_WITHIN, Context
from bot.services.responder import Caller, refused_by_slack, text_of
from bot.services.ties import set_mode, tie, untie
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import modes, now, overview, reactions, scans, ties
from bot.store.reactions import Reaction

ENDS = (UserError, DatadogTransient, DatadogPermanent, SlackTransient, SlackPermanent)
"""What ends a command with a sentence: nothing was changed."""
SCANNED = 1000
"""Messages that a scan reads at most."""


async def run(context: Context, caller: Caller, text: str) -> str | Message:
    """Do what this text asks for; returns what to tell the person ("": nothing)."""
    command = commands.parse(text)
    if isinstance(command, commands.Misunderstood):
        return replies.misunderstood(command, caller.via)
    asks = isinstance(command, commands.Status | commands.Why | commands.Explain | commands.Help)
    as_said = replies.to_question if asks else str
    try:
        return await _run(context, caller, command)
    except ENDS as error:
        return as_said(sentence_of(error))
    except (SQLAlchemyError, TimeoutError):
        if asks:
            return replies.NOT_READ
        raise


def sentence_of(error: Exception) -> str:
    """What a person is told of one of `ENDS`."""
    match error:
        case DatadogTransient() | DatadogPermanent():
            return why_unknown(error)
        case SlackTransient():
            return replies.SLACK_DOWN
        case SlackPermanent():
            return refused_by_slack(error)
        case _:
            return str(error)


async def _run(context: Context, caller: Caller, command: Command) -> str | Message:  # noqa: C901  one case for each command
    await _check(context, caller, command)
    match command:
        case commands.Help():
            return replies.help_text(caller.via)
        case commands.Explain(link):
            return _explained(context, caller.here.workspace, link)
        case commands.Why():
            return await why.in_slack(context, caller.here.workspace, command, caller.via)
        case commands.Status(where):
            return await _status(context, await _place(context, caller, where))
        case commands.Add():
            return await _add(context, caller, command)
        case commands.New(title, where):
            return await creation.ask(context, caller, await _place(context, caller, where), title)
        case commands.Scan(where):
            return await _scan(context, caller, await _thread(context, caller, where, "scan"))
        case commands.Undo(where):
            return await clicks.undo_last(context, await _thread(context, caller, where, "undo"), caller.user)
        case commands.SetTie(reference, where):
            place, again = await _place(context, caller, where), f"tie {reference.typed}"
            answer = await tie(context, place, reference, caller.user)
        case commands.Untie(where):
            place, again = await _place(context, caller, where), "untie"
            answer = await untie(context, place, caller.user)
        case commands.SetMode(mode, where):
            place, again = await _place(context, caller, where), f"mode {mode}"
            answer = await set_mode(context, place, mode, caller.user)
        case _:
            assert_never(command)
    return await _with_place(context, caller, place, await text_of(answer), again)


async def _with_place(context: Context, caller: Caller, place: Thread, said: str, again: str) -> str:
    """The answer to a change: nothing where the person reads its announcement anyway (`said` is empty), else where.

    `again`: the same command without a place.
    """
    own_thread = place.ts if place.ts == caller.message_ts else ""
    if place == caller.here and not own_thread:
        return said
    address = place.permalink((await context.myself(place.workspace)).url, place.ts)
    if own_thread:
        return f"{said} {replies.counts_for(address, f'{commands.COMMAND} {again}')}".strip()
    return said or replies.said_elsewhere(address)


async def _check(context: Context, caller: Caller, command: Command) -> None:
    """Raise UserError for those who may not ask this: before anything is looked up, so that a refusal tells nothing.

    Only full members are told of cases, and only of channels that they are in. Ties and modes check in their services.
    """
    workspace, user = caller.here.workspace, caller.user
    match command:
        case commands.Status() | commands.Why():
            if outsider := await context.outsider(workspace, user):
                raise UserError(outsider)
        case commands.Add() | commands.Scan() | commands.Undo():
            await permit(context, workspace, user, "a case")
        case _:
            pass
    await in_channels(context, workspace, user, commands.channels(command) - {caller.here.channel})


async def _place(context: Context, caller: Caller, where: Permalink | None) -> Thread:
    """The thread that a command names, as Slack has it; else where it was typed."""
    return (await message_at(context, caller.here.workspace, where))[0] if where else caller.here


async def _thread(context: Context, caller: Caller, where: Permalink | None, verb: str) -> Thread:
    thread = await _place(context, caller, where)
    if not thread.ts:
        raise UserError(replies.names_a_thread(verb, caller.via))
    return thread


async def tied(context: Context, caller: Caller, place: Thread) -> Case:
    """The case that a place is about; raises UserError where there is none, and as `tied_case` does."""
    case = await tied_case(context, place)
    if case is None:
        raise UserError(replies.no_case(thread=bool(place.ts), prefix=caller.via))
    return case


@dataclass(frozen=True, slots=True)
class Wanted:
    """Links that a person wants on a case, and where its card goes. `source_ts`: the message that brought them, if any.

    `source_poster`: who posted that, or said the links. `reaction`: what asks for it, if a reaction does.
    """

    place: Thread
    links: Sequence[str]
    user: str
    source_ts: str
    source_poster: str | None
    reaction: Reaction | None = None


async def _add(context: Context, caller: Caller, command: commands.Add) -> str:
    workspace = caller.here.workspace
    messages = [await message_at(context, workspace, address) for address in command.messages]
    place = await _place(context, caller, command.where)
    if not place.ts and messages:
        place = messages[0][0]
    reference = command.case
    case = await named_case(context, workspace, reference) if reference else await tied(context, caller, place)
    links = dict.fromkeys([*command.links, *(link for _, message in messages for link in extract(message))])
    of_first = str(messages[0][1]["ts"]) if messages and place == messages[0][0] else ""
    # What a slash command says is no message.
    return await add_to(context, case, Wanted(place, [*links], caller.user, caller.message_ts or of_first, caller.user))


async def add_to(context: Context, case: Case, wanted: Wanted) -> str:
    """Put links on a case; returns what to tell the person, nothing where the reaction was carried out before."""
    place, user = wanted.place, wanted.user
    await permit(context, place.workspace, user, case.key, org=case.org)
    insights, others = _sorted(context, place.workspace, case.org, wanted.links)
    await shared_channels.is_shared(context, place)  # stored, because the card depends on it
    adding = Addition(
        place, case.org, case.case_id, tuple(insights.values()), user, wanted.source_ts, wanted.source_poster
    )
    async with context.store.write() as tx:
        at = await now(tx)
        if wanted.reaction and not await reactions.hear(tx, wanted.reaction, at, case):
            return ""
        added = await additions.add(tx, adding, at)
    link_of = {insight.identity: link for link, insight in insights.items()}
    return await additions.told(context, case, place, added, link_of, others)


def _explained(context: Context, workspace: str, link: str) -> str:
    reading = context.read(link)
    hidden = reading.outcome is not None and context.hides(workspace, reading.outcome.host)
    return explained(reading, hidden=hidden)


def _sorted(context: Context, workspace: str, org: str, links: Iterable[str]) -> tuple[dict[str, Insight], list[str]]:
    """The insights among these links for a case of this org, by link, and a sentence for each of the others."""
    insights: dict[str, Insight] = {}
    others: list[str] = []
    for link in links:
        reading = context.read(link)
        match reading.outcome:
            case Insight(type=InsightType.SCM_URL) as insight:
                insights[link] = insight
            case Insight(host=host) as insight if org in context.owners(workspace, host):
                insights[link] = insight
            case Insight():
                others.append(replies.not_added(link, sentence(Reason.OTHER_ORG)))
            case Draft():
                others.append(replies.needs_an_id(link))
            case CaseLink():
                pass  # it says to which case, not what to add
            case Uncovered(host=host, note=Insight() as note) if org in context.owners(workspace, host):
                insights[link] = note
            case Uncovered() | None:
                others.append(replies.not_added(link, sentence(reading.reason) if reading.reason else "not read"))
            case _:
                assert_never(reading.outcome)
    return insights, others


async def _scan(context: Context, caller: Caller, thread: Thread) -> str:
    case = await tied(context, caller, thread)
    await permit(context, thread.workspace, caller.user, case.key, org=case.org)
    await shared_channels.is_shared(context, thread)  # stored, because the card depends on it
    async with context.store.write() as tx:
        await scans.ask(tx, thread, caller.user, SCANNED, await now(tx))
    return replies.SCANNING


async def _status(context: Context, place: Thread) -> str:
    async with context.store.read() as connection:
        own = await ties.of(connection, place)
        mode = await modes.of(connection, place) or context.mode
        counts = await overview.counts(connection, place)
    case, source = await tied_by(context, place)
    slack = await context.slack(place.workspace)
    names = await slack.names({own.by} if own and own.by else set(), within=PERSON_WITHIN)
    by = replies.tied_by(source, names.get(own.by or "", "") if own else "") if source else ""
    tied_to = (case.key, case.title) if case else None
    unknown = own.named[0].case if own and own.named and own.kind is TieKind.NO_CASE else ""
    unwatched = await shared_channels.unwatched(context, place)
    return replies.status(replies.StatusReport(bool(place.ts), tied_to, by, mode, counts, unknown, unwatched))
