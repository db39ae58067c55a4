"""The one grammar of `/insight …` and `@Case Insights …`.

Nothing here raises: text that is not understood becomes a value with the nearest right command.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import assert_never

from bot.insights import Mode
from bot.links.id_formats import case_key, uuid
from bot.links.permalinks import Permalink, permalink
from bot.links.typed import as_typed, is_link

COMMAND, MENTION = "/insight", "@Case Insights"
"""The two prefixes of a command: the slash command in the manifest, and the app's display name."""
SHORTCUT, CREATE_SHORTCUT = "add_to_case", "create_case"
"""The message shortcuts in the manifest."""
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_ORG = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CaseReference:
    """A case as a person names it: its key (upper case), its UUID (lower case), or its link.

    `org`: the Datadog organisation before the key (`acme/CASEM-1`), for keys that several organisations have.
    """

    name: str
    org: str = ""

    @property
    def typed(self) -> str:
        return f"{self.org}/{self.name}" if self.org else self.name

    @property
    def is_link(self) -> bool:
        return "://" in self.name


@dataclass(frozen=True, slots=True)
class Add:
    """Put links, and all links of `messages`, on a case. No case: the thread's."""

    links: tuple[str, ...]
    messages: tuple[Permalink, ...]
    case: CaseReference | None
    where: Permalink | None


@dataclass(frozen=True, slots=True)
class SetTie:
    case: CaseReference
    where: Permalink | None


@dataclass(frozen=True, slots=True)
class Untie:
    where: Permalink | None


@dataclass(frozen=True, slots=True)
class Status:
    where: Permalink | None


@dataclass(frozen=True, slots=True)
class SetMode:
    mode: Mode
    where: Permalink | None


@dataclass(frozen=True, slots=True)
class Scan:
    where: Permalink | None


@dataclass(frozen=True, slots=True)
class Undo:
    where: Permalink | None


@dataclass(frozen=True, slots=True)
class New:
    """Create a case. `title`: as it was typed, in Slack's mrkdwn; it may be empty."""

    title: str
    where: Permalink | None


@dataclass(frozen=True, slots=True)
class Explain:
    link: str


@dataclass(frozen=True, slots=True)
class Why:
    """`page`: of an answer that is longer than one message (1, 2, …)."""

    message: Permalink
    page: int = 1


@dataclass(frozen=True, slots=True)
class Help:
    pass


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """`words`: the text as typed; `problem`: what is wrong with it; `try_this`: the nearest right command, if any."""

    words: str
    problem: str
    try_this: str


Change = Add | New | SetTie | Untie | SetMode | Scan | Undo
Command = Change | Status | Explain | Why | Help


def channels(command: Command) -> frozenset[str]:
    """The channels of the messages whose addresses a command names."""
    match command:
        case Add(_, messages, _, where):
            links = [*messages, where]
        case New(_, where) | SetTie(_, where) | SetMode(_, where):
            links = [where]
        case Untie(where) | Status(where) | Scan(where) | Undo(where):
            links = [where]
        case Why(message, _):
            links = [message]
        case Explain() | Help():
            links = []
        case _:
            assert_never(command)
    return frozenset(link.channel for link in links if link)


class _Wrong(Exception):
    """The problem with a command; never leaves this module."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One row of the grammar, with its usage and its effect for the help and the documents."""

    usage: str
    does: str
    read: Callable[[Sequence[str], Permalink | None], Command]


def parse(text: str) -> Command | Misunderstood:
    """Read what a person typed after `/insight` or the mention."""
    plain = as_typed(text)
    words = plain.split()
    if not words:
        return Help()
    verb, rest = words[0].lower().rstrip(":,."), words[1:]
    if is_link(words[0]):
        verb, rest = "add", words
    if verb not in VERBS:
        near = get_close_matches(verb, VERBS, 1, 0.5)
        return Misunderstood(words[0], "is no command", VERBS[near[0]].usage if near else "")
    try:
        rest, where = _title(text) if verb == "new" else _without_place(rest)
        return VERBS[verb].read(rest, where)
    except _Wrong as wrong:
        return Misunderstood(plain.strip(), str(wrong), VERBS[verb].usage)


def parse_case(text: str) -> CaseReference | None:
    """A case from its key, UUID or link; None if the text is none of these."""
    try:
        return _case(as_typed(text).split())
    except _Wrong:
        return None


def _without_place(words: Sequence[str]) -> tuple[Sequence[str], Permalink | None]:
    """The words without `in <permalink>`, and the message at that address."""
    before, after = _split_at("in", words)
    if after is None:
        return words, None
    where = permalink(after[0]) if after else None
    if where is None:
        raise _Wrong("needs a message's address after “in” (⋯ on the message, Copy link)")
    return [*before, *after[1:]], where


def _title(text: str) -> tuple[Sequence[str], Permalink | None]:
    """The rest of the first line, word for word, and the message that it ends with: "in" may be a part of a title."""
    words = text.strip().split("\n")[0].split()[1:]
    where = permalink(as_typed(words[-1])) if len(words) > 1 and words[-2].lower() == "in" else None
    return (words[:-2] if where else words), where


def _split_at(separator: str, words: Sequence[str]) -> tuple[Sequence[str], Sequence[str] | None]:
    """The words before and after the first `separator`; None after it, if it is missing."""
    at = next((number for number, word in enumerate(words) if word.lower() == separator), None)
    return (words, None) if at is None else (words[:at], words[at + 1 :])


def _case(words: Sequence[str]) -> CaseReference:
    if len(words) != 1 and not case_key("".join(words)):  # "CASEM - 4523"
        raise _Wrong("needs one case: its key, like CASEM-4523, or its link")
    word = "".join(words).rstrip(".!?:")
    if is_link(word):
        return CaseReference(words[0])
    org, slash, name = word.rpartition("/")
    if (key := case_key(name)) and (not slash or _ORG.fullmatch(org)):
        return CaseReference(key, org.lower())
    if case_id := uuid(word):
        return CaseReference(case_id)
    raise _Wrong(f"does not name a case: “{word}” is neither a key, like CASEM-4523, nor a case's link")


def _add(words: Sequence[str], where: Permalink | None) -> Command:
    given, after = _split_at("to", words)
    case = None if after is None else _case(after)
    wrong = next((word for word in given if not is_link(word)), None)
    if wrong is not None:
        raise _Wrong(f"takes only links, and “{wrong}” is none")
    if not given:
        raise _Wrong("needs a link")
    messages = tuple(message for link in given if (message := permalink(link)))
    links = tuple(link for link in given if permalink(link) is None)
    return Add(links, messages, case, where)


def _tie(words: Sequence[str], where: Permalink | None) -> Command:
    return SetTie(_case(words[1:] if words and words[0].lower() == "to" else words), where)


def _mode(words: Sequence[str], where: Permalink | None) -> Command:
    if len(words) != 1 or words[0].lower() not in tuple(Mode):
        raise _Wrong("needs a mode: ask, auto or off")
    return SetMode(Mode(words[0].lower()), where)


def _explain(words: Sequence[str], where: Permalink | None) -> Command:
    if len(words) != 1:
        raise _Wrong("needs one link")
    return Explain(words[0])


def _why(words: Sequence[str], where: Permalink | None) -> Command:
    words, page = (words[:-1], int(words[-1])) if words and _NUMBER.fullmatch(words[-1]) else (words, 1)
    message = where if not words else permalink(words[0]) if len(words) == 1 else None
    if message is None:
        raise _Wrong("needs a message's address (⋯ on the message, Copy link)")
    return Why(message, page)


def _new(words: Sequence[str], where: Permalink | None) -> Command:
    return New(" ".join(words), where)


def _alone(make: Callable[[Permalink | None], Command]) -> Callable[[Sequence[str], Permalink | None], Command]:
    def read(words: Sequence[str], where: Permalink | None) -> Command:
        if words:
            raise _Wrong(f"does not take “{' '.join(words)}”")
        return make(where)

    return read


VERBS: Mapping[str, Verb] = {
    "add": Verb("add <link…> [to <case>]", "adds links to the case; a message's address stands for its links", _add),
    "new": Verb("new [title]", "opens a form for a new case, about this thread", _new),
    "tie": Verb("tie <case>", "ties the thread or channel to a case and offers the links in it", _tie),
    "untie": Verb("untie", "says that this thread or channel is about no case", _alone(Untie)),
    "status": Verb("status", "shows the case, the mode and the insights", _alone(Status)),
    "mode": Verb("mode ask|auto|off", "offers links, adds them at once, or stays quiet", _mode),
    "scan": Verb("scan", "reads the thread's earlier messages for links", _alone(Scan)),
    "undo": Verb("undo", "removes from the case what was added last in the thread", _alone(Undo)),
    "explain": Verb("explain <link>", "shows how a link is read, and why", _explain),
    "why": Verb("why <message's address>", "shows what happened to a message's links, and why", _why),
    "help": Verb("help", "shows this", _alone(lambda _: Help())),
}
