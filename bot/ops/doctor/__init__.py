"""Checks a configuration against the real services, and says what is wrong and what to do about it.

The laws: it changes nothing anywhere; it goes on with what can be checked when something is wrong; it prints no
secret; all is asked at once, so it is over in seconds.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from bot.config import ConfigError, environment, settings
from bot.config.organizations import OrganizationConfig
from bot.config.settings import Settings
from bot.ops.doctor import configured, database, datadog, slack
from bot.ops.doctor.finding import Examined, Finding, Level, Subject, as_row, as_text, error, ok, warning

__all__ = ["Finding", "Level", "as_row", "as_text", "examine"]

ANSWER_SECONDS = 5.0
SKEW_SECONDS, TOO_MUCH_SECONDS = 30.0, 300.0
"""Slack's signatures are good for five minutes (docs.slack.dev/authentication/verifying-requests-from-slack)."""
SECRET_CHARS = 4
"""What is shorter than this would black out ordinary words."""


async def examine(
    variables: Mapping[str, str] | None = None,
    *,
    env_file: str | None = environment.ENV_FILE,
    clock: Callable[[], float] = time.time,
    within: float = ANSWER_SECONDS,
) -> list[Finding]:
    """All findings; never raises for what an operator can get wrong. `clock`, `within`: see `Subject`."""
    found, problems = settings.examine(variables, env_file=env_file)
    broken = frozenset(problems)
    orgs, orgs_problem = _orgs(found, broken)
    subject = Subject(found, orgs, broken, clock, within)
    of_slack, of_datadog, of_database = await asyncio.gather(
        slack.examine(subject), datadog.examine(subject), database.examine(subject)
    )
    findings = [
        *configured.examine(subject, [*problems.values(), *orgs_problem], _given(variables, env_file)),
        *of_slack.findings,
        *of_datadog.findings,
        *of_database,
        *_clocks({"Slack's": of_slack, "Datadog's": of_datadog}),
    ]
    return [_without_secrets(finding, _secrets(found, orgs)) for finding in findings]


def _orgs(found: Settings, broken: frozenset[str]) -> tuple[Sequence[OrganizationConfig], Sequence[str]]:
    """The Datadog organisations, and why not."""
    if broken & datadog.NEEDED:
        return (), ()
    try:
        return found.orgs(), ()
    except ConfigError as error:
        return (), (str(error),)


def _given(variables: Mapping[str, str] | None, env_file: str | None) -> list[str]:
    try:
        return list(environment.read(variables, env_file=env_file))
    except ConfigError:
        return list(environment.read(variables, env_file=None))


def _clocks(asked: Mapping[str, Examined]) -> Iterable[Finding]:
    ahead = {whose: each.ahead for whose, each in asked.items() if each.ahead is not None}
    if not ahead:
        return
    worst = max(ahead, key=lambda whose: abs(ahead[whose]))
    seconds = ahead[worst]
    if abs(seconds) < SKEW_SECONDS:
        yield ok("clock", f"It agrees with {' and '.join(ahead)}.")
        return
    text = f"This machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} {worst}."
    fix = "Set it by NTP (chrony, systemd-timesyncd, or the host's clock): beyond 300 s Slack's signatures are refused."
    yield (error if abs(seconds) >= TOO_MUCH_SECONDS else warning)("clock", text, fix)


def _secrets(found: Settings, orgs: Iterable[OrganizationConfig]) -> list[str]:
    secrets = [value.get_secret_value() for _, value in found if isinstance(value, SecretStr)]
    secrets += [secret.value.get_secret_value() for org in orgs for secret in org.secrets.values()]
    password = make_url(found.database_url).password or ""
    return [secret for secret in (*secrets, password) if len(secret) >= SECRET_CHARS]


def _without_secrets(finding: Finding, secrets: Iterable[str]) -> Finding:
    """Nothing here should hold one; an address that was mistyped, or an error of a driver's, might."""
    for secret in secrets:
        finding = replace(finding, text=finding.text.replace(secret, "…"), next=finding.next.replace(secret, "…"))
    return finding
