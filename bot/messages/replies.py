"""The bot's replies to commands, which only the person who gave the command sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.commands import MENTION, VERBS, Misunderstood
from bot.insights import Mode
from bot.messages.text import WORDS_CHARS, clock, code, escape, insights, this
from bot.model import State, TieSource

MOST_COUNTED = 1_000
"""The store counts no more of a busy channel's insights."""
MODES: Mapping[Mode, str] = {
    Mode.ASK: "links are offered before they are added",
    Mode.AUTO: "links from members who may add them are added at once",
    Mode.OFF: "watching is off",
}
DATADOG_DOWN = "Datadog is not answering, so nothing was changed. Try again in a minute."
KEYS_REFUSED = (
    "Datadog does not accept the bot's keys, so nothing was changed. Whoever runs this bot has to renew them."
)
DATADOG_BUSY = "Datadog asks the bot to slow down (429), so nothing was changed. Try again in a minute."
CASE_FORBIDDEN = (
    "Datadog does not let the bot see that case, so nothing was changed. Ask whoever runs this bot to check the keys' "
    "`cases_read` and their access to the case's project."
)
SLACK_DOWN = "The bot could not read that from Slack, so nothing was changed. Try again in a minute."
NOT_READ = "The bot could not read its database. Ask again in a moment."
NOT_SEEN_BY_YOU = (
    "Nothing was done: Slack does not show that you are in that channel with the bot. Do it in that channel."
)
NOT_IN_CHANNEL = (
    "The bot is not in that channel, so it cannot read or post there: type `/invite @Case Insights` there first."
)
SPOKEN_OF = "To tell the bot what to do, begin the message with its name: `@Case Insights help` lists what it can do."
NO_SUCH_MESSAGE = "There is no such message: it was deleted, or its address is cut. Copy it again: ⋯, Copy link."
NOT_FOR_THIS_WORKSPACE = "It belongs to a Datadog organisation that this bot does not use from this workspace."
EXAMPLES = ("add https://app.datadoghq.com/monitors/1 to CASEM-4523", "tie CASEM-4523", "mode off")
SCANNING = "Reading this thread's earlier messages. If there are links to offer, they come in one card."
FOR_THE_RESULT = " for the result"
NOTHING_TO_UNDO = "Nothing to undo: nothing that the bot added in this thread is still on its case."


UNTIED_AGAIN = "If this thread's first message or its channel names a case, that counts again."
UNWATCHED = "But nothing is watched here while other organisations read this channel."
NOT_READ_HERE = f"But nothing is watched here. {NOT_IN_CHANNEL}"


def to_question(refusal: str) -> str:
    """Why there is no answer, to someone who asked for no change."""
    asked = refusal.replace(", so nothing was changed", "").replace("Nothing was done: ", "")
    return asked.replace("Do it in that channel.", "Ask in that channel.")


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What `status` shows. `tied_to`: the case's key and title; `by`: where the tie comes from; `counts`: by state.

    `unknown`: the case that its first message names, where Datadog does not know it. `unwatched`: why the bot watches
    nothing there, a sentence; empty where it does.
    """

    thread: bool
    tied_to: tuple[str, str] | None
    by: str
    mode: Mode
    counts: Mapping[State, int]
    unknown: str = ""
    unwatched: str = ""


def help_text(prefix: str) -> str:
    """Every command, one a line, after its `prefix` (`/insight`, `@Case Insights`); examples; and the way without."""
    lines = [f"{code(f'{prefix} {verb.usage}')} {escape(verb.does)}" for verb in VERBS.values()]
    examples = [f"{prefix} {example}" for example in EXAMPLES]
    return "\n".join(
        [
            *lines,
            "To name another thread, add `in` and a message's address (⋯ on the message, Copy link). "
            "A case is its key, like CASEM-4523, or its link.",
            f"For example: {', '.join(map(code, examples))}.",
            "Without typing: ⋯ on any message, Add to case.",
        ]
    )


def misunderstood(wrong: Misunderstood, prefix: str) -> str:
    """What was not understood, and one thing to try: the nearest right command, else the help."""
    next_step = f"Try {code(f'{prefix} {wrong.try_this}')}." if wrong.try_this else f"`{prefix} help` lists them all."
    return f"Not understood: “{escape(wrong.words, 200)}” {escape(wrong.problem)}. {next_step}"


def said_elsewhere(address: str) -> str:
    """To someone who changed the tie or mode of another thread, where that is announced to everybody."""
    return f"Done, and said in the open in <{address}|that thread>."


def counts_for(address: str, command: str) -> str:
    """To someone who changed a tie or a mode by a message that begins a thread."""
    return (
        f"That is for <{address}|your message's thread> alone. For the whole channel, type {code(command)} in its "
        "message field."
    )


def no_case(*, thread: bool, prefix: str) -> str:
    return (
        f"{this(thread)} is tied to no case. Tie it to one: `{prefix} tie CASEM-…`, "
        f"or say which case links are for: `{prefix} add … to CASEM-…`."
    )


def unknown_case(name: str) -> str:
    return (
        f"Datadog knows no case {escape(name)}, or the bot may not see it. Check its key: a case that moved to another "
        "project has a new one."
    )


def root_unknown(names: Sequence[str]) -> str:
    """To the person whose message began a thread with cases that Datadog does not know."""
    return f"{unknown_case(names[0])} So this thread is tied to none: edit its first message, or tie the thread."


def several_cases(key: str, orgs: Sequence[str]) -> str:
    ways = " or ".join(f"{escape(org)}/{escape(key)}" for org in orgs)
    return f"{escape(key)} is a case in {len(orgs)} Datadog organisations, so nothing was changed. Say which: {ways}."


def other_org(key: str) -> str:
    """Not escaped: the error of a modal's field is plain text."""
    return f"This link and {key} belong to different Datadog organisations. Untick it, or choose another case."


def not_a_case(link: str) -> str:
    shown = escape(link, WORDS_CHARS)
    return f"{shown} is no case in a Datadog organisation that this bot uses. Give the case's key or link."


def missing_scope(scope: str) -> str:
    return (
        f"The Slack app lacks the scope {code(scope)}. Whoever runs this bot has to add it on the app's page, "
        "OAuth & Permissions, and install the app again."
    )


def slack_refused(reason: str) -> str:
    return f"Slack refused that: {escape(reason)}. Tell whoever runs this bot."


def names_a_thread(verb: str, prefix: str) -> str:
    """To someone whose command needs a thread, in a place where there is none."""
    return (
        f"Which thread? A slash command does not know it. Add the address of one of its messages: "
        f"`{prefix} {verb} in https://…` (⋯ on the message, Copy link)."
    )


def card_link(address: str) -> str:
    return f"<{address}|the card>" if address else ""


def thread_link(address: str) -> str:
    """Where the card will be."""
    return f"<{address}|the thread>"


def see(card: str, why: str = "") -> str:
    """Where to look, after a sentence; `card`: a link to it, empty where there is none."""
    return f" See {card}{why}." if card else ""


def adding(confirmed: int, case_key: str, rest: Sequence[str], card: str = "", notes: int = 0) -> str:
    """The result of an `add`, with a sentence for each link that was not added; `card`: a link to it.

    `notes`: how many of the confirmed ones are notes.
    """
    done = f"Adding {insights(confirmed, notes)} to {escape(case_key)}." if confirmed else "Nothing new to add."
    done += see(card, FOR_THE_RESULT)
    return "\n".join([done, *rest[:10], *([f"and {len(rest) - 10} more links"] if len(rest) > 10 else [])])


def added_before(what: str, state: State, who: str, at: float) -> str:
    """Why something is not added again."""
    if state is State.CONFIRMED:
        return f"{escape(what)}: {escape(who) or 'somebody'} is already adding it."
    if state is State.UNDOING:
        return f"{escape(what)}: it is being removed. Try again when that is done."
    return f"{escape(what)}: {f'{escape(who)} added it at {clock(at)}' if who else 'it is already on the case'}."


def not_added(link: str, why: str) -> str:
    return f"{escape(link, WORDS_CHARS)}: {escape(why)}"


def needs_an_id(link: str) -> str:
    return not_added(link, "it needs an id. Use ⋯ on the message, Add to case, and fill it in.")


def tied_already(case_key: str, unwatched: str = "", *, thread: bool) -> str:
    return f"{this(thread)} is already tied to {escape(case_key)}. {unwatched}".rstrip()


def tied_here(case_key: str, unwatched: str = "", *, thread: bool) -> str:
    """The private answer if nothing is announced; `unwatched` as in status."""
    return f"{this(thread)} is now tied to {escape(case_key)}. {unwatched}".rstrip()


def untied_here(unwatched: str = "", *, thread: bool, again: bool) -> str:
    """The private answer if nothing is announced. `again`: it is about what its first message or its channel says."""
    return f"{UNTIED_AGAIN if again else f'{this(thread)} is tied to no case.'} {unwatched}".rstrip()


def in_mode(mode: Mode, unwatched: str = "", *, thread: bool, tied: bool) -> str:
    """The private answer if nothing is announced, and if the mode was the same before; `unwatched` as in status."""
    effect = f". {unwatched}" if unwatched else f": {effect_of(mode, thread=thread, tied=tied)}."
    return f"{this(thread)} is in mode {mode}{effect}"


def effect_of(mode: Mode, *, thread: bool, tied: bool) -> str:
    """What a mode does, within a sentence; where there is no case (`tied`), from when on, and how."""
    if tied or mode is Mode.OFF:
        return MODES[mode]
    command = f"{MENTION} {VERBS['tie'].usage}"
    when = f"once it is tied to a case ({code(command)})" if thread else "in threads that are about a case"
    return f"{when}, {MODES[mode]}"


def scan_given_up(words: str) -> str:
    """`words`: why, a sentence."""
    return f"The bot could not read this thread's earlier messages. {words} Ask again when that has changed."


def scanned(read: int, new: int, card: str = "") -> str:
    """To the person who asked for a scan, at its end; `card`: a link to the one that offers new links, if one does."""
    messages = "1 message" if read == 1 else f"{read} messages"
    links = "no new links" if not new else "1 new link" if new == 1 else f"{new} new links"
    return f"Read {messages} of this thread: {links}.{see(card, ' for those not on the case yet')}"


def undoing(count: int, case_key: str, card: str, notes: int = 0) -> str:
    return f"Removing {insights(count, notes)} from {escape(case_key)}.{see(card, FOR_THE_RESULT)}"


def tied_by(source: TieSource, who: str) -> str:
    """Where a tie comes from, for `StatusReport.by`. `who`: the person's name, if known."""
    match source:
        case TieSource.SAID:
            return f"{who or 'somebody'} said so"
        case TieSource.ROOT:
            return "its first message says so"
        case TieSource.CHANNEL:
            return "its channel is"
        case _:
            assert_never(source)


def status(report: StatusReport) -> str:
    """The case and where the tie comes from, the mode, and the number of links in each state, insights and notes."""
    case = "no case" if report.tied_to is None else ", ".join(escape(text) for text in report.tied_to if text)
    by = f" ({escape(report.by)})" if report.by else ""
    mode = f"Mode {report.mode}: {MODES[report.mode]}."
    if report.unwatched:
        mode = f"Mode {report.mode}. {report.unwatched}"
    elif report.tied_to is None and report.mode is not Mode.OFF:
        where = "once there is a case" if report.thread else "in threads that are about a case"
        mode = f"Mode {report.mode}, which takes effect {where}."
    lines = [f"{this(report.thread)} is tied to {case}{by}.", mode]
    if report.unknown:
        lines.insert(1, f"Its first message names {escape(report.unknown)}, which Datadog does not know.")
    if report.counts:
        counts = ", ".join(f"{count} {state}" for state, count in report.counts.items() if count)
        counts = "more than 1,000" if sum(report.counts.values()) > MOST_COUNTED else counts
        lines.append(f"Links of {this(report.thread).lower()}: {counts}.")
    return "\n".join(lines)
