"""Who may do what.

The law: it fails closed. A person of whom nothing certain is known may not change a case.
"""

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
class Home:
    """Whose members count: the installation's team, or its enterprise when it has one."""

    team: str
    enterprise: str | None
    name: str


class Refusal(StrEnum):
    """Why someone may not; each has its sentence in `bot.messages`."""

    NOT_A_MEMBER = "not_a_member"
    UNKNOWN = "unknown"


def may_change(person: Person | None, home: Home) -> Refusal | None:
    """None when this person may confirm, dismiss, undo and tie; else why not. None as person: Slack did not say who."""
    if person is None:
        return Refusal.UNKNOWN
    if person.deleted or person.is_bot or person.is_guest or person.is_stranger:
        return Refusal.NOT_A_MEMBER
    at_home = person.team == home.team or (home.enterprise is not None and person.enterprise == home.enterprise)
    return None if at_home else Refusal.NOT_A_MEMBER
