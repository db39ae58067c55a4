"""What the bot answers to a command: to the person who gave it, and to nobody else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.commands import VERBS, Misunderstood
from bot.insights import Mode
from bot.messages.text import clock, escape, insights
from bot.model import State, TieSource

MOST_COUNTED = 1_000
"""The store counts no more of a busy channel's insights."""
MODES: Mapping[Mode, str] = {
    Mode.ASK: "links are offered before they are added",
    Mode.AUTO: "what a member pastes who may add it is added at once",
    Mode.OFF: "watching is off",
}


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What `status` tells. `tied_to`: the case's key and title; `by`: what says so; `counts`: insights by state."""

    thread: bool
    tied_to: tuple[str, str] | None
    by: str
    mode: Mode
    counts: Mapping[State, int]


def help_text(prefix: str) -> str:
    """Every command, one a line; `prefix` is what stands before it (`/insight`, `@Case Insights`)."""
    lines = [f"`{prefix} {escape(verb.usage)}` {escape(verb.does)}" for verb in VERBS.values()]
    place = (
        "Each also takes `in` and a message's address (⋯ on the message, Copy link), to say which thread is meant. "
        "A case is its key, like CASEM-4523, or its link."
    )
    return "\n".join([*lines, place])


def misunderstood(wrong: Misunderstood, prefix: str) -> str:
    """What was not understood, and the nearest right command."""
    words = escape(wrong.words if len(wrong.words) <= 200 else f"{wrong.words[:200]}…")
    return (
        f"Not understood: “{words}” {escape(wrong.problem)}. Try `{prefix} {escape(wrong.try_this)}`, "
        f"or `{prefix} help` for all commands."
    )


def no_case(*, thread: bool, prefix: str) -> str:
    where = "thread" if thread else "channel"
    return (
        f"This {where} is tied to no case. Say which one: `{prefix} tie CASEM-…`, "
        f"or name it in the command: `{prefix} add … to CASEM-…`."
    )


def unknown_case(name: str) -> str:
    return (
        f"Datadog knows no case {escape(name)}, or the bot may not see it. Check its key: a case that moved to another "
        "project has a new one."
    )


def several_cases(key: str, orgs: Sequence[str]) -> str:
    """Organisations may each have a case of this key."""
    ways = " or ".join(f"{escape(org)}/{escape(key)}" for org in orgs)
    return f"{escape(key)} is a case in {len(orgs)} Datadog organisations, so nothing was changed. Say which: {ways}."


def other_org(key: str) -> str:
    """A field's error is shown as it is."""
    return f"This link is of another Datadog organisation than {key}: untick it, or choose another case."


def not_a_case(link: str) -> str:
    return f"{escape(link[:300])} is no case of this bot's Datadog organisation. Give the case's key or its link."


def datadog_down() -> str:
    return "Datadog does not answer just now, so nothing was changed. Try again in a minute."


def keys_refused() -> str:
    return "Datadog does not accept the bot's keys, so nothing was changed. Whoever runs this bot has to renew them."


def slack_down() -> str:
    return "Slack did not let the bot read that just now, so nothing was changed. Try again in a minute."


def not_seen_by_you() -> str:
    """Somebody names a place by its address that they may not be able to read."""
    return "Slack does not say that you are in that channel with the bot, so nothing was done. Say it in that channel."


def not_in_channel() -> str:
    return "The bot is not in that channel, so it cannot read or post there: type `/invite @Case Insights` there first."


def missing_scope(scope: str) -> str:
    return (
        f"The Slack app lacks the scope `{escape(scope)}`. Whoever runs this bot adds it on the app's page, OAuth & "
        "Permissions, and installs the app again."
    )


def slack_refused(reason: str) -> str:
    return f"Slack refused that: {escape(reason)}. Tell whoever runs this bot."


def no_such_message() -> str:
    return "There is no such message: it was deleted, or its address is cut. Copy it anew: ⋯ on the message, Copy link."


def names_a_thread(verb: str, prefix: str) -> str:
    """To someone whose command needs a thread, in a place where there is none."""
    return (
        f"Which thread? A slash command does not know it. Give the address of one of its messages: "
        f"`{prefix} {verb} in https://…` (⋯ on the message, Copy link)."
    )


def adding(confirmed: int, case_key: str, rest: Sequence[str]) -> str:
    """What an `add` did, and a sentence for each link that it did not add."""
    done = f"Adding {insights(confirmed)} to {escape(case_key)}." if confirmed else "Nothing new to add."
    return "\n".join([done, *rest[:10], *([f"and {len(rest) - 10} more links"] if len(rest) > 10 else [])])


def added_before(what: str, state: State, who: str, at: float) -> str:
    """Why something is not added again."""
    if state is State.CONFIRMED:
        return f"{escape(what)}: {escape(who) or 'somebody'} is adding it already."
    if state is State.UNDOING:
        return f"{escape(what)}: it is just being removed. Try again when it is done."
    return f"{escape(what)}: {f'{escape(who)} added it at {clock(at)}' if who else 'it is on the case already'}."


def not_added(link: str, why: str) -> str:
    return f"{escape(link[:300])}: {escape(why)}"


def needs_an_id(link: str) -> str:
    return not_added(link, "its insight needs an id. Use ⋯ on the message, Add to case, and fill it in.")


def tied_already(case_key: str, *, thread: bool) -> str:
    return f"This {'thread' if thread else 'channel'} is tied to {escape(case_key)} already."


def tied_here(case_key: str, *, thread: bool) -> str:
    """The private answer where nothing is said in the open."""
    return f"This {'thread' if thread else 'channel'} is tied to {escape(case_key)} now."


def untied_already(*, thread: bool) -> str:
    return f"This {'thread' if thread else 'channel'} is tied to no case."


def mode_already(mode: Mode, *, thread: bool) -> str:
    return f"The mode of this {'thread' if thread else 'channel'} is {mode} already: {MODES[mode]}."


def done_here() -> str:
    return "Done."


def scanning() -> str:
    return "Reading this thread's earlier messages. What there is to offer comes as one card."


def scanned(read: int, new: int) -> str:
    """To whoever asked for a scan, at its end."""
    messages = "1 message" if read == 1 else f"{read} messages"
    if not new:
        return f"Read {messages} of this thread: no link that was not seen before."
    links = "1 new link" if new == 1 else f"{new} new links"
    return f"Read {messages} of this thread: {links}. What is not on the case yet is on the card."


def undoing(count: int, case_key: str) -> str:
    return f"Removing {insights(count)} from {escape(case_key)}. The card shows how it goes."


def nothing_to_undo() -> str:
    return "Nothing that the bot added in this thread is on its case any more."


def tied_by(source: TieSource, who: str) -> str:
    """What says so, for `StatusReport.by`. `who`: the person's name, where it is known."""
    match source:
        case TieSource.SAID:
            return f"{who or 'somebody'} said so"
        case TieSource.ROOT:
            return "its first message says so"
        case TieSource.CHANNEL:
            return "its channel is"
        case _:
            assert_never(source)


def status(standing: StatusReport) -> str:
    """Which case, by whose word, the mode, and how many insights stand where."""
    where = "This thread" if standing.thread else "This channel"
    if standing.tied_to is None:
        lines = [f"{where} is tied to no case{f' ({escape(standing.by)})' if standing.by else ''}."]
    else:
        key, title = standing.tied_to
        named = f"{escape(key)}, {escape(title)}" if title else escape(key)
        lines = [f"{where} is tied to {named} ({escape(standing.by)})."]
    lines.append(f"Mode {standing.mode}: {MODES[standing.mode]}.")
    if standing.counts:
        told = ", ".join(f"{count} {state}" for state, count in standing.counts.items() if count)
        many = "more than 1,000" if sum(standing.counts.values()) > MOST_COUNTED else told
        lines.append(f"Insights of this {'thread' if standing.thread else 'channel'}: {many}.")
    return "\n".join(lines)
