"""What the doctor reports: a finding per line, with the next step."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from bot.config.organizations import OrganizationConfig
from bot.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined: the settings as far as they are right, and the variables that are `broken`.

    `orgs`: the Datadog organisations, none where their settings are wrong; `clock`: this machine's, epoch s;
    `within`: seconds that an answer may take.
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
    """`next`: what to do; empty where there is nothing to do, or `text` says it."""

    check: str
    level: Level
    text: str
    next: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """`ahead`: how many seconds this machine's clock is ahead of the service's (None: unknown)."""

    findings: tuple[Finding, ...] = ()
    ahead: float | None = None


def together(names: Sequence[str], examined: Sequence[Examined]) -> Examined:
    """One result for several workspaces or organisations; a finding begins with its name where there are several."""
    findings = [
        replace(finding, text=f"{name}: {finding.text}") if len(names) > 1 else finding
        for name, one in zip(names, examined, strict=True)
        for finding in one.findings
    ]
    return Examined(tuple(findings), next((one.ahead for one in examined if one.ahead is not None), None))


def ok(check: str, text: str) -> Finding:
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, fix: str = "") -> Finding:
    return Finding(check, Level.WARNING, text, fix)


def error(check: str, text: str, fix: str = "") -> Finding:
    return Finding(check, Level.ERROR, text, fix)


def as_row(finding: Finding) -> dict[str, str | None]:
    """One JSON object; `next` is null where there is none."""
    return {**asdict(finding), "next": finding.next or None}


def as_text(findings: Sequence[Finding]) -> str:
    """A line each, the next step below it, and the totals."""
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{finding.level:<8} {finding.check:<15} {finding.text}")
        if finding.next:
            lines.append(f"{'':<24} → {finding.next}")
    return "\n".join([*lines, _totals(findings)])


def listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _totals(findings: Sequence[Finding]) -> str:
    errors, warnings = (sum(finding.level is level for finding in findings) for level in (Level.ERROR, Level.WARNING))
    if not errors and not warnings:
        return "All is well."
    return f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}."
