"""What the doctor says: one finding per line, with the next step where there is one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.config.organizations import OrganizationConfig
from bot.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined: settings as far as they are right, and the names of the variables that are not.

    `orgs`: the Datadog organisations, none where they cannot be told; `clock` is this machine's, epoch s;
    `within`: how many seconds anybody who is asked may take.
    """

    settings: Settings
    orgs: Sequence[OrganizationConfig]
    broken: frozenset[str]
    clock: Callable[[], float]
    within: float


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `next`: what to do about it; empty where there is nothing to do, or `text` says it."""

    check: str
    level: Level
    text: str
    next: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found, and how many seconds this machine's clock is ahead of the one that was asked (None: unknown)."""

    findings: tuple[Finding, ...] = ()
    ahead: float | None = None


def ok(check: str, text: str) -> Finding:
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, then: str = "") -> Finding:
    return Finding(check, Level.WARNING, text, then)


def error(check: str, text: str, then: str = "") -> Finding:
    return Finding(check, Level.ERROR, text, then)


def as_row(finding: Finding) -> dict[str, str | None]:
    """One JSON object: check, level (ok, warning, error), text, next (null where there is none)."""
    return {
        "check": finding.check,
        "level": finding.level.value,
        "text": finding.text,
        "next": finding.next or None,
    }


def as_text(findings: Sequence[Finding]) -> str:
    """A line each, the next step below it, and the sum."""
    return "\n".join([*(line for each in findings for line in _lines(each)), _sum(findings)])


def listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _lines(finding: Finding) -> list[str]:
    first = f"{finding.level:<8} {finding.check:<15} {finding.text}"
    return [first, f"{'':<24} → {finding.next}"] if finding.next else [first]


def _sum(findings: Sequence[Finding]) -> str:
    errors, warnings = (sum(each.level is level for each in findings) for level in (Level.ERROR, Level.WARNING))
    if not errors and not warnings:
        return "All is well."
    return f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
