"""Who may do what.

The law: it fails closed. A person of whom nothing certain is known may not change a case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


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
    """Whose members count: the installation's team, or its enterprise when it has one."""

    team: str
    enterprise: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Confirmers:
    """Whom the operator has named: Slack user ids (`U…`, `W…`) and user-group ids (`S…`). None named: nobody may."""

    users: frozenset[str]
    groups: frozenset[str]


SLACKBOT = "USLACKBOT"
"""Posts reminders and e-mails from outside; `users.info` says of it that it is no bot."""


def person_behind(user: str | None, *, by_app: bool) -> str | None:
    """Whose authority a message carries, by its `user`; None: nobody's.

    `by_app`: an app posted it, with whoever's token: what it says is not what that person did.
    """
    return None if by_app or user == SLACKBOT else user


class Refusal(StrEnum):
    """Why someone may not; each has its sentence in `bot.messages`."""

    NOT_A_MEMBER = "not_a_member"
    NOT_NAMED = "not_named"
    UNKNOWN = "unknown"


def is_named(person: str, confirmers: Confirmers | None, members: Mapping[str, frozenset[str]]) -> bool:
    """Whether the operator lets this person in. `members`: the groups that Slack told of; an unread one has nobody."""
    if confirmers is None or person in confirmers.users:
        return True
    return any(person in members.get(group, frozenset()) for group in confirmers.groups)


def may_change(person: Person | None, home: OurWorkspace, *, named: bool = True) -> Refusal | None:
    """None when this person may confirm, dismiss, undo and tie; else why not. None as person: Slack did not say who.

    `named`: see `is_named`; being named makes nobody a member.
    """
    if person is None:
        return Refusal.UNKNOWN
    if person.id == SLACKBOT or person.deleted or person.is_bot or person.is_guest or person.is_stranger:
        return Refusal.NOT_A_MEMBER
    at_home = person.team == home.team or (home.enterprise is not None and person.enterprise == home.enterprise)
    if not at_home:
        return Refusal.NOT_A_MEMBER
    return None if named else Refusal.NOT_NAMED
