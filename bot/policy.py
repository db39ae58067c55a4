"""Who may do what.

The law: it fails closed. A person about whom we are not certain may not change a case.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.model import Tie, TieSource


@dataclass(frozen=True, slots=True)
class Person:
    """What Slack's `users.info` says of someone (docs.slack.dev/reference/objects/user-object)."""

    id: str
    name: str
    team: str
    enterprise: str | None = None
    deleted: bool = False
    is_bot: bool = False
    is_guest: bool = False
    is_stranger: bool = False


@dataclass(frozen=True, slots=True)
class OurWorkspace:
    """The workspace whose members count: the installation's team, or its enterprise if it has one."""

    team: str
    enterprise: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Confirmers:
    """The people the operator named: Slack user ids (`U…`, `W…`) and user-group ids (`S…`)."""

    users: frozenset[str]
    groups: frozenset[str]


SLACKBOT = "USLACKBOT"
"""It posts reminders and e-mails from outside, and `users.info` says that it is no bot."""


def person_behind(user: str | None, *, by_app: bool) -> str | None:
    """The person who wrote a message; None if nobody did.

    `by_app`: an app posted it, perhaps with that person's token, so it is not what that person wrote.
    """
    return None if by_app or user == SLACKBOT else user


def is_app(author: str | None) -> bool:
    """Whether a message's author, as it is stored, is no person: only people's ids begin with U or W."""
    return not (author or "").startswith(("U", "W"))


_AUTHOR_CHARS = 32  # as they are stored; Slack's ids are shorter by far than half of it


def app_as(app: str | None, account: str | None) -> str | None:
    """An app as the author of a message that Slack gives this account's `user`, as it is stored (`B0ZAP U0ANA`)."""
    author = f"{app} {account}" if app and account and account != SLACKBOT else app
    return author if author and len(author) <= _AUTHOR_CHARS else None


def account_of(author: str | None) -> str:
    """The account under which a person, or an app, posted; empty: none."""
    return (author or "").rpartition(" ")[2]


class Refusal(StrEnum):
    """Why someone may not; each has its sentence in `bot.messages`."""

    NOT_A_MEMBER = "not_a_member"
    NOT_NAMED = "not_named"
    UNKNOWN = "unknown"


def is_named(person: str, confirmers: Confirmers | None, members: Mapping[str, frozenset[str]]) -> bool:
    """Whether the operator named this person. `members`: of the groups that Slack let us read; others have nobody."""
    if confirmers is None or person in confirmers.users:
        return True
    return any(person in members.get(group, frozenset()) for group in confirmers.groups)


def may_change(person: Person | None, home: OurWorkspace, *, named: bool = True) -> Refusal | None:
    """None if this person may confirm, dismiss, undo and tie; else why not. A `person` of None is unknown to us.

    `named`: see `is_named`. A named person must also be a member.
    """
    if person is None:
        return Refusal.UNKNOWN
    if person.id == SLACKBOT or person.deleted or person.is_bot or person.is_guest or person.is_stranger:
        return Refusal.NOT_A_MEMBER
    at_home = person.team == home.team or (home.enterprise is not None and person.enterprise == home.enterprise)
    if not at_home:
        return Refusal.NOT_A_MEMBER
    return None if named else Refusal.NOT_NAMED


def may_be_automatic(tie: Tie, may: Collection[str]) -> bool:
    """Whether mode auto adds to this case: where a root names it, or its edit, only if its author may confirm, or is an
    app of ours. Through a workflow, an e-mail or a post without a sender anybody could choose the case.
    """
    return tie.source is not TieSource.ROOT or tie.by in may or _is_alert(tie.by)


def counts_as(author: str | None, accounts: Mapping[str, Person], home: OurWorkspace) -> str | None:
    """Whose a message is, for what is told of it: an app with a guest's or a stranger's token tells what they could
    tell, and one of whose account nothing is known counts as nobody.
    """
    account = account_of(author)
    if author is None or account == author:
        return author
    person = accounts.get(account)
    if person is None:
        return None
    is_ours = (person.is_bot and not person.is_stranger) or may_change(person, home) is None
    return author.partition(" ")[0] if is_ours else account


def _is_alert(author: str | None) -> bool:
    return (author or "").startswith("B")


def may_be_told(poster: str | None, by: str | None, tied_by: str | None, told: frozenset[str]) -> bool:
    """Whether a card in the open may name what a link leads to. `told`: the full members among those involved.

    One of them posted the link, or pressed a button for it (`by`); an alert's link is named in a thread that one of
    them tied, or began with the case (`tied_by`). An alert is an app's (`B…`); a workflow, an e-mail or a reminder has
    no `poster`, and anybody can have them post a link.
    """
    return poster in told or by in told or (_is_alert(poster) and tied_by in told)


def may_read_title(
    tied_by: str | None, posters: Collection[str | None], clickers: Collection[str | None], told: frozenset[str]
) -> bool:
    """Whether a card in the open may show its case's title: one of those who may be `told` pressed a button of it, or
    named the case or tied the thread; where an app of ours did that, one of them posted a link of it.
    """
    if not told.isdisjoint(clickers):
        return True
    return not told.isdisjoint(posters) if _is_alert(tied_by) else tied_by in told
