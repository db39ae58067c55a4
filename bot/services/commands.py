"""Carrying out what somebody typed: each command ends in a sentence for them, and some are said in the open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from bot import commands
from bot.commands import Command, Permalink
from bot.datadog.client import DatadogTransient
from bot.insights import Action
from bot.links import as_text, explain, extract, orgs_of, sentence
from bot.messages import replies, sentences
from bot.messages.announcements import mode_set, tied, untied
from bot.messages.view import Message
from bot.model import Case, CaseLink, Draft, Insight, InsightType, State, Thread, TieSource, Uncovered
from bot.services.cases import CredentialsRefused, find, names_of, tied_case
from bot.services.context import PERSON_WITHIN, Context
from bot.services.why import why
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import adding, cards, cases, clicks, modes, scans, ties, tying
from bot.store import now as store_now
from bot.store.adding import Adding
from bot.store.clicks import Click

Json = dict[str, Any]

SCANNED = 1000
"""Messages that a scan reads at most."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who typed a command and where. `here`: their thread, or the channel; `source_ts`: the message itself, if any.

    `prefix`: what they typed before the command; `open`: whether others may read what is said here.
    """

    user: str
    here: Thread
    prefix: str
    source_ts: str = ""
    open: bool = True

    def place(self, where: Permalink | None) -> Thread:
        """The thread that a command names, else where it was typed."""
        return Thread(self.here.workspace, where.channel, where.thread_ts) if where else self.here


class UserError(Exception):
    """Ends a command with a sentence for the person."""


async def run(context: Context, caller: Caller, text: str) -> str:
    """Do what this text asks for; what to tell the person."""
    command = commands.parse(text)
    if isinstance(command, commands.Misunderstood):
        return replies.misunderstood(command, caller.prefix)
    try:
        return await _run(context, caller, command)
    except UserError as told:
        return str(told)
    except DatadogTransient:
        return replies.datadog_down()
    except CredentialsRefused:
        return replies.keys_refused()
    except SlackTransient:
        return replies.slack_down()
    except SlackPermanent as end:
        return refused_by_slack(end)


def refused_by_slack(end: SlackPermanent) -> str:
    """What Slack did not let the bot do, with what helps."""
    if end.reason in ("not_in_channel", "channel_not_found"):
        return replies.not_in_channel()
    if end.reason == "missing_scope":
        return replies.missing_scope(end.needed)
    return replies.slack_refused(end.reason)


async def _run(context: Context, caller: Caller, command: Command) -> str:
    await _look(context, caller, command)
    match command:
        case commands.Explain(link):
            return f"```{as_text(explain(link, context.routes)).replace('```', '')}```"
        case commands.Why(message):
            return await why(context, caller.here.workspace, message)
        case commands.Help():
            return replies.help_text(caller.prefix)
        case commands.Status(where):
            return await _status(context, caller.place(where))
        case _:
            return await _change(context, caller, command)


async def _look(context: Context, caller: Caller, command: Command) -> None:
    """Nobody is told of cases who is no full member, or of channels that they are not in; raises Told."""
    if isinstance(command, commands.Status | commands.Why) and (
        outsider := await context.outsider(caller.here.workspace, caller.user)
    ):
        raise UserError(outsider)
    elsewhere = commands.channels(command) - {caller.here.channel}
    if elsewhere:
        theirs = await (await context.slack(caller.here.workspace)).channels_of(caller.user)
        if theirs is None or not elsewhere <= theirs:
            raise UserError(replies.not_seen_by_you())


async def _change(context: Context, caller: Caller, command: commands.Change) -> str:
    match command:
        case commands.Add():
            return await _add(context, caller, command)
        case commands.SetTie():
            return await _tie(context, caller, command)
        case commands.Untie(where):
            return await _untie(context, caller, caller.place(where))
        case commands.SetMode():
            return await _mode(context, caller, command)
        case commands.Scan(where):
            return await _scan(context, caller, caller.place(where))
        case commands.Undo(where):
            return await _undo(context, caller, caller.place(where))
        case _:
            assert_never(command)


async def _permit(context: Context, caller: Caller, what: str, *, org: str | None = None) -> None:
    if refused := await context.refused(caller.here.workspace, caller.user, what, org=org):
        raise UserError(refused)


async def _case(context: Context, caller: Caller, named: commands.CaseReference) -> Case:
    """The case that a person names."""
    names = names_of(context, caller.here.workspace, named)
    if not names:
        raise UserError(replies.not_a_case(named.typed))
    found = await find(context, names)
    if not found:
        raise UserError(replies.unknown_case(names[0].case))
    if len(found) > 1:
        raise UserError(replies.several_cases(found[0].key, [case.org for case in found]))
    return found[0]


async def _tied(context: Context, caller: Caller, place: Thread) -> Case:
    case = await tied_case(context, place)
    if case is None:
        raise UserError(replies.no_case(thread=bool(place.ts), prefix=caller.prefix))
    return case


async def _announce(
    context: Context, caller: Caller, place: Thread, say: Callable[[str], Message], quietly: str
) -> str:
    """Say it in the open where that is allowed, and tell the person that it is done."""
    if not caller.open:
        return quietly
    slack = await context.slack(caller.here.workspace)
    names = await slack.names({caller.user}, within=PERSON_WITHIN)
    try:
        await slack.say(place, say(names.get(caller.user, "Someone")))
    except SlackPermanent as end:
        return f"{quietly} {refused_by_slack(end)}"
    except SlackTransient:
        return quietly
    return replies.done_here()


# --- ties and modes ---


async def _tie(context: Context, caller: Caller, command: commands.SetTie) -> str:
    place = caller.place(command.where)
    await _permit(context, caller, sentences.settings_of(place.ts))
    case = await _case(context, caller, command.case)
    thread = bool(place.ts)
    if not await tying.tie(context.store, place, case, caller.user):
        return replies.tied_already(case.key, thread=thread)
    quietly = replies.tied_here(case.key, thread=thread)
    return await _announce(context, caller, place, lambda who: tied(who, case.key, thread_ts=place.ts), quietly)


async def _untie(context: Context, caller: Caller, place: Thread) -> str:
    await _permit(context, caller, sentences.settings_of(place.ts))
    if not await tying.untie(context.store, place, caller.user):
        return replies.untied_already(thread=bool(place.ts))
    quietly = replies.untied_already(thread=bool(place.ts))
    return await _announce(context, caller, place, lambda who: untied(who, thread_ts=place.ts), quietly)


async def _mode(context: Context, caller: Caller, command: commands.SetMode) -> str:
    place, mode = caller.place(command.where), command.mode
    await _permit(context, caller, sentences.settings_of(place.ts))
    if not await modes.say(context.store, place, mode, caller.user):
        return replies.mode_already(mode, thread=bool(place.ts))
    return await _announce(
        context,
        caller,
        place,
        lambda who: mode_set(who, mode, thread_ts=place.ts),
        replies.mode_already(mode, thread=bool(place.ts)),
    )


# --- insights ---


async def _add(context: Context, caller: Caller, command: commands.Add) -> str:
    place = caller.place(command.where)
    if not command.where and command.messages and not place.ts:
        place = caller.place(command.messages[0])
    case = await _case(context, caller, command.case) if command.case else await _tied(context, caller, place)
    await _permit(context, caller, case.key, org=case.org)
    links = [*command.links]
    for message in command.messages:
        links += await _links_of(context, caller, message)
    found, rest = _sorted(context, caller.here.workspace, case.org, dict.fromkeys(links))
    async with context.store.write() as tx:
        await ties.lock_case(tx, case.org, case.case_id)
        if await cases.get(tx, case.org, case.case_id) is None:
            await cases.save(tx, case)
        source = caller.source_ts or f"{await store_now(tx):.6f}"
        wanted = Adding(place, case.org, case.case_id, tuple(found.values()), caller.user, source, caller.user)
        added = await adding.add_in(tx, wanted)
    slack = await context.slack(caller.here.workspace)
    names = await slack.names({each.by for each in added.earlier if each.by}, within=PERSON_WITHIN)
    shown = {insight.identity: link for link, insight in found.items()}
    earlier = [
        replies.added_before(shown[each.identity], each.state, names.get(each.by or "", ""), each.at)
        for each in added.earlier
    ]
    return replies.adding(added.confirmed, case.key, [*earlier, *rest])


async def _links_of(context: Context, caller: Caller, message: Permalink) -> Sequence[str]:
    thread = Thread(caller.here.workspace, message.channel, message.thread_ts)
    slack = await context.slack(thread.workspace)
    found = await slack.message(thread, message.ts)
    if found is None:
        raise UserError(replies.no_such_message())
    return extract(found)


def _sorted(
    context: Context, workspace: str, org: str, links: Mapping[str, Any]
) -> tuple[dict[str, Insight], list[str]]:
    """The insights among these links for a case of this org, and a sentence for each of the others."""
    hosts = context.hosts_for(workspace)
    found: dict[str, Insight] = {}
    rest: list[str] = []
    for link in links:
        told = explain(link, context.routes)
        outcome = told.outcome
        match outcome:
            case Insight(type=kind, host=host):
                if kind is InsightType.SCM_URL or org in [each.name for each in orgs_of(host, hosts)]:
                    found[link] = outcome
                else:
                    rest.append(replies.not_added(link, "It belongs to another Datadog organisation than the case."))
            case Draft():
                rest.append(replies.needs_an_id(link))
            case CaseLink():
                pass  # it says where, not what
            case Uncovered() | None:
                rest.append(replies.not_added(link, sentence(told.reason) if told.reason else "not read"))
            case _:
                assert_never(outcome)
    return found, rest


async def _scan(context: Context, caller: Caller, place: Thread) -> str:
    if not place.ts:
        raise UserError(replies.names_a_thread("scan", caller.prefix))
    case = await _tied(context, caller, place)
    await _permit(context, caller, case.key, org=case.org)
    async with context.store.write() as tx:
        await scans.ask(tx, place, caller.user, SCANNED, await store_now(tx))
    return replies.scanning()


async def _undo(context: Context, caller: Caller, place: Thread) -> str:
    if not place.ts:
        raise UserError(replies.names_a_thread("undo", caller.prefix))
    async with context.store.read() as connection:
        card = await cards.last_added(connection, place)
    if card is None:
        return replies.nothing_to_undo()
    case = await clicks.case_of(context.store, card.id, place.workspace)
    key = case.key if case else card.case_id
    await _permit(context, caller, key, org=card.org)
    clicked = await clicks.press(context.store, Click(card.id, card.version, Action.UNDO, caller.user))
    return replies.undoing(clicked.moved, key) if clicked and clicked.moved else replies.nothing_to_undo()


# --- what there is ---

SAYS = {
    TieSource.SAID: "somebody said so",
    TieSource.ROOT: "its first message says so",
    TieSource.CHANNEL: "its channel is",
}


async def _status(context: Context, place: Thread) -> str:
    async with context.store.read() as connection:
        tie = await ties.of(connection, place)
        mode = await modes.of(connection, place) or context.mode
        counts: Mapping[State, int] = await cards.counts(connection, place)
    case = await tied_case(context, place)
    slack = await context.slack(place.workspace)
    names = await slack.names({tie.by} if tie and tie.by else set(), within=PERSON_WITHIN)
    says = SAYS[tie.source] if tie else SAYS[TieSource.ROOT] if case else ""
    if tie is not None and tie.source is TieSource.SAID and tie.by and tie.by in names:
        says = f"{names[tie.by]} said so"
    standing = replies.StatusReport(bool(place.ts), (case.key, case.title) if case else None, says, mode, counts)
    return replies.status(standing)
