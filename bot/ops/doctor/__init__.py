"""Checks a configuration against the real services; reports what is wrong, and what to do about it.

The laws: it changes nothing anywhere; one problem does not stop the other checks; it prints no secret; it asks
everything at once, so it takes seconds.
"""

import asyncio
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from bot.config import ConfigError, environment, settings
from bot.config.organizations import OrganizationConfig
from bot.config.settings import Settings
from bot.ops.doctor import configured, database, datadog, slack
from bot.ops.doctor.finding import Examined, Finding, Level, Subject, as_row, as_text, error, ok, warning

__all__ = ["Finding", "Level", "as_row", "as_text", "examine"]

ANSWER_SECONDS = 5.0
SKEW_SECONDS, MAX_SKEW_SECONDS = 30.0, 300.0
"""Slack's signatures are valid for five minutes (docs.slack.dev/authentication/verifying-requests-from-slack)."""
SECRET_CHARS = 4
"""Anything shorter would black out ordinary words."""


async def examine(
    process: Mapping[str, str] | None = None,
    *,
    env_file: str | None = environment.ENV_FILE,
    clock: Callable[[], float] = time.time,
    within: float = ANSWER_SECONDS,
) -> list[Finding]:
    """All findings; never raises for a mistake of the operator's. `clock`, `within`: see `Subject`."""
    config, problems = settings.examine(process, env_file=env_file)
    readable = env_file if "" not in problems else None
    orgs: Sequence[OrganizationConfig] = ()
    orgs_problem: list[str] = []
    if not problems.keys() & datadog.NEEDED:
        try:
            orgs = config.orgs()
        except ConfigError as bad_file:
            orgs_problem = [str(bad_file)]
    subject = Subject(config, orgs, frozenset(problems), clock, within)
    of_slack, of_datadog, of_database = await asyncio.gather(
        _survived("slack", slack.examine(subject)),
        _survived("datadog", datadog.examine(subject)),
        _survived("database", _examined(database.examine(subject))),
    )
    findings = [
        *configured.examine(
            subject, [*settings.to_tell(problems), *orgs_problem], environment.read(process, env_file=readable)
        ),
        *of_slack.findings,
        *of_datadog.findings,
        *of_database.findings,
        *_clocks({"Slack's": of_slack, "Datadog's": of_datadog}),
    ]
    return [_without_secrets(finding, _secrets(config, orgs)) for finding in findings]


async def _survived(check: str, examined: Awaitable[Examined]) -> Examined:
    """What was examined, or that the check itself failed: the others are of use all the same."""
    try:
        return await examined
    except Exception as failed:  # noqa: BLE001  whatever it is, a person gets a sentence
        where = traceback.extract_tb(failed.__traceback__)[-1]
        text = f"This check failed itself: {type(failed).__name__} in {Path(where.filename).name}, line {where.lineno}."
        return Examined((error(check, text, "Look at the settings that it is about, then report it as a bug."),))


async def _examined(findings: Awaitable[Sequence[Finding]]) -> Examined:
    return Examined(tuple(await findings))


def _clocks(examined: Mapping[str, Examined]) -> Iterable[Finding]:
    ahead = {whose: service.ahead for whose, service in examined.items() if service.ahead is not None}
    if not ahead:
        return
    worst = max(ahead, key=lambda whose: abs(ahead[whose]))
    seconds = ahead[worst]
    if abs(seconds) < SKEW_SECONDS:
        yield ok("clock", f"It agrees with {' and '.join(ahead)}.")
        return
    text = f"This machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} {worst}."
    fix = "Set it by NTP (chrony, systemd-timesyncd, or the host's clock): beyond 300 s Slack's signatures are refused."
    yield (error if abs(seconds) >= MAX_SKEW_SECONDS else warning)("clock", text, fix)


def _secrets(config: Settings, orgs: Iterable[OrganizationConfig]) -> list[str]:
    secrets = [value.get_secret_value() for _, value in config if isinstance(value, SecretStr)]
    secrets += [secret.value.get_secret_value() for org in orgs for secret in org.secrets.values()]
    # By hand: the address may be none that SQLAlchemy reads.
    secrets += re.findall(r"://[^/@:]*:([^@]+)@", config.database_url)
    return [secret for secret in secrets if len(secret) >= SECRET_CHARS]


def _without_secrets(finding: Finding, secrets: Iterable[str]) -> Finding:
    """No finding should contain one, but a mistyped address, or an error of a driver's, might."""
    for secret in secrets:
        finding = replace(finding, text=finding.text.replace(secret, "…"), next=finding.next.replace(secret, "…"))
    return finding
