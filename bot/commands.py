"""The one grammar of `/insight …` and `@Case Insights …`: what people type, read into what they want.

Nothing here raises: what is not understood is a value that says so, with the nearest right command.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot.insights import Mode

COMMAND, MENTION = "/insight", "@Case Insights"
"""What stands before a command: the app's manifest declares the one, its display name makes the other."""
SHORTCUT = "add_to_case"
"""The message shortcut, as the manifest declares it."""
_CONTROL = re.compile(r"<(https?://[^<>|]+)(?:\|[^<>]*)?>", re.IGNORECASE)
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\u00a0": " "})
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_KEY = re.compile(r"[A-Z][A-Z0-9]{0,9}-[1-9][0-9]{0,8}", re.IGNORECASE)
_ORG = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PERMALINK = re.compile(
    r"https://[^/?#]+/archives/(?P<channel>[CDG][A-Z0-9]{2,20})/p(?P<seconds>\d{10})(?P<micros>\d{6})"
    r"(?:\?(?P<query>[^#]*))?(?:#.*)?"
)
_THREAD_TS = re.compile(r"(?:^|&)thread_ts=(\d{10}\.\d{6})(?:&|$)")


@dataclass(frozen=True, slots=True)
class Permalink:
    """A Slack message by its address: its channel, its ts, and its thread's root (itself, where it is no reply)."""

    channel: str
    ts: str
    thread_ts: str


@dataclass(frozen=True, slots=True)
class CaseReference:
    """A case as a person names it: a key (upper case), a UUID (lower case), or a link of one.

    `org`: the Datadog organisation that they put before the key, where several may have it.
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
    """Put links on a case; `messages`: all links of these. No case: that of the thread."""

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
class Explain:
    link: str


@dataclass(frozen=True, slots=True)
class Why:
    message: Permalink


@dataclass(frozen=True, slots=True)
class Help:
    pass


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """`words`: what was not understood, as typed; `problem`: what is wrong with it; `try_this`: a right command."""

    words: str
    problem: str
    try_this: str


Change = Add | SetTie | Untie | SetMode | Scan | Undo
Command = Change | Status | Explain | Why | Help


def channels(command: Command) -> frozenset[str]:
    """Those that a command names by the address of a message."""
    match command:
        case Why(message):
            named = [message]
        case Add(_, messages, _, where):
            named = [*messages, *([where] if where else [])]
        case SetTie(_, where) | SetMode(_, where) | Untie(where) | Status(where) | Scan(where) | Undo(where):
            named = [where] if where else []
        case Explain() | Help():
            named = []
    return frozenset(each.channel for each in named)


class _Wrong(Exception):
    """Ends the reading of a command; never leaves this module."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Verb:
    """One row of the grammar: how it is written, and what it does, for help and README."""

    usage: str
    does: str
    read: Callable[[Sequence[str], Permalink | None], Command]


def parse(text: str) -> Command | Misunderstood:
    """What a person wants who typed this after `/insight` or the mention."""
    plain = _plain(text)
    words = plain.split()
    if not words:
        return Help()
    verb, rest = words[0].lower().rstrip(":,."), words[1:]
    if _is_link(words[0]):
        verb, rest = "add", words
    if verb not in VERBS:
        near = next(iter(get_close_matches(verb, VERBS, 1, 0.5)), "help")
        return Misunderstood(words[0], "is no command", VERBS[near].usage)
    try:
        rest, where = _without_place(rest)
        return VERBS[verb].read(rest, where)
    except _Wrong as wrong:
        return Misunderstood(plain.strip(), wrong.problem, VERBS[verb].usage)


def permalink(link: str) -> Permalink | None:
    """The message that this address names; None: it is no address of a Slack message."""
    match = _PERMALINK.fullmatch(link)
    if match is None:
        return None
    ts = f"{match['seconds']}.{match['micros']}"
    thread = _THREAD_TS.search(match["query"] or "")
    return Permalink(match["channel"], ts, thread[1] if thread else ts)


def _plain(text: str) -> str:
    """Text as typed: Slack's markup of links and its escapes undone, typographic quotes made plain."""
    text = _CONTROL.sub(lambda found: f" {found[1]} ", text).translate(_QUOTES)
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return " ".join(stripped for word in text.split() if (stripped := word.strip("\"'`,;")))


def _is_link(word: str) -> bool:
    return word.lower().startswith(("http://", "https://"))


def parse_case(text: str) -> CaseReference | None:
    """A case as a person names it; None: this is neither a key, nor a UUID, nor a link."""
    try:
        return _case(_plain(text).split())
    except _Wrong:
        return None


def _without_place(words: Sequence[str]) -> tuple[Sequence[str], Permalink | None]:
    """The words without `in <permalink>`, and the place that it names."""
    places = [number for number, word in enumerate(words) if word.lower() == "in"]
    if not places:
        return words, None
    at = places[0]
    named = permalink(words[at + 1]) if at + 1 < len(words) else None
    if named is None:
        raise _Wrong("needs the address of a message after “in” (⋯ on it, Copy link)")
    return [*words[:at], *words[at + 2 :]], named


def _case(words: Sequence[str]) -> CaseReference:
    if len(words) != 1:
        raise _Wrong("needs one case: its key, like CASEM-4523, or its link")
    word = words[0].rstrip(".!?")
    if _is_link(word):
        return CaseReference(words[0])
    org, slash, key = word.rpartition("/")
    if _KEY.fullmatch(key) and (_ORG.fullmatch(org) if slash else True):
        return CaseReference(key.upper(), org.lower())
    if _UUID.fullmatch(word):
        return CaseReference(word.lower())
    raise _Wrong(f"does not name a case: “{word}” is neither a key, like CASEM-4523, nor a link of one")


def _nothing_more(words: Sequence[str]) -> None:
    if words:
        raise _Wrong(f"takes no “{' '.join(words)}”")


def _add(words: Sequence[str], where: Permalink | None) -> Command:
    at = next((number for number, word in enumerate(words) if word.lower() == "to"), len(words))
    given, after = words[:at], words[at + 1 :]
    case = _case(after) if at < len(words) else None
    wrong = next((word for word in given if not _is_link(word)), None)
    if wrong is not None:
        raise _Wrong(f"takes links: “{wrong}” is none")
    if not given:
        raise _Wrong("needs a link")
    messages = tuple(found for link in given if (found := permalink(link)))
    links = tuple(link for link in given if permalink(link) is None)
    return Add(links, messages, case, where)


def _tie(words: Sequence[str], where: Permalink | None) -> Command:
    return SetTie(_case(words[1:] if words and words[0].lower() == "to" else words), where)


def _mode(words: Sequence[str], where: Permalink | None) -> Command:
    if len(words) != 1 or words[0].lower() not in tuple(Mode):
        raise _Wrong("names no mode (ask, auto, off)")
    return SetMode(Mode(words[0].lower()), where)


def _explain(words: Sequence[str], where: Permalink | None) -> Command:
    if len(words) != 1:
        raise _Wrong("needs one link")
    return Explain(words[0])


def _why(words: Sequence[str], where: Permalink | None) -> Command:
    message = permalink(words[0]) if len(words) == 1 else where if not words else None
    if message is None:
        raise _Wrong("needs the address of a message (⋯ on it, Copy link)")
    return Why(message)


def _plainly(make: Callable[[Permalink | None], Command]) -> Callable[[Sequence[str], Permalink | None], Command]:
    def read(words: Sequence[str], where: Permalink | None) -> Command:
        _nothing_more(words)
        return make(where)

    return read


VERBS: Mapping[str, Verb] = {
    "add": Verb("add <link…> [to <case>]", "puts links on the case; a message's address means its links", _add),
    "tie": Verb("tie <case>", "says which case this is about, and offers the links that are there", _tie),
    "untie": Verb("untie", "says that this is about no case", _plainly(Untie)),
    "status": Verb("status", "tells the case, the mode and what waits", _plainly(Status)),
    "mode": Verb("mode ask|auto|off", "offers links, adds them at once, or keeps quiet", _mode),
    "scan": Verb("scan", "reads the thread's earlier messages for links", _plainly(Scan)),
    "undo": Verb("undo", "takes off the case what was added last in the thread", _plainly(Undo)),
    "explain": Verb("explain <link>", "tells what a link is read as, and why", _explain),
    "why": Verb("why <message's address>", "tells what became of a message's links, and why", _why),
    "help": Verb("help", "shows this", _plainly(lambda _: Help())),
}
