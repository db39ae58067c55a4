"""How a single value is written. Each check raises ValueError; its words follow the name of the setting."""

import re
from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit

from bot.links import SITES, can_be_web_host

WEB_HOSTS: Mapping[str, str] = {site.parameter: site.web_host for site in SITES}
_CONTACT = re.compile(r"#?[^\W_](?:[^\W_]|[ .,@+'()-]|(?<=[^\W_])_(?=[^\W_])){0,58}")
"""What Slack shows as it stands in mrkdwn, plain text and JSON; few enough that no text grows beyond its limits."""
_EMOJI = re.compile(r"[\w+'-]{1,100}")
_TEAM_ID = "it is in the address of Slack in a browser, app.slack.com/client/T…"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(shortest: str, longest: str) -> Callable[[object], object]:
    """`30s`, `5m`, `24h`, `400d`, `500ms` as seconds; beyond these two the bot's work would stop, or make no sense."""
    least, most = _seconds(shortest), _seconds(longest)

    def check(value: object) -> object:
        if not isinstance(value, str):
            return value
        seconds = _seconds(value)
        if not least <= seconds <= most:
            raise ValueError(f"must be between {shortest} and {longest}")
        return seconds

    return check


def _seconds(value: str) -> float:
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|d)", value.strip())
    if match is None:
        raise ValueError("is not a duration: write it like 30s, 5m, 24h or 400d")
    return float(match[1]) * _UNITS[match[2]]


def one_of(*words: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if value not in words:
            raise ValueError(f"is {value!r}: use {', '.join(words[:-1])} or {words[-1]}")
        return value

    return check


def site(value: object) -> object:
    """One of Datadog's nine sites."""
    if value not in WEB_HOSTS:
        raise ValueError(f"is not one of Datadog's nine sites: use one of {', '.join(WEB_HOSTS)}")
    return value


def web_hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    """Hosts of Datadog's pages, in lower case."""
    hosts = tuple(host.lower() for host in value)
    for host in hosts:
        if not can_be_web_host(host):
            raise ValueError(
                f"names {host!r}, from which Datadog serves no pages: "
                "write the host alone, as the browser shows it in Datadog: acme.datadoghq.com"
            )
    return hosts


def web_address(value: object) -> object:
    """http:// or https:// with a host."""
    parts = urlsplit(str(value))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is not a web address: write it like https://host/path")
    return str(value)


def public_address(value: str) -> str:
    """An address that Slack accepts as a request URL, without the slash at the end."""
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an address that Slack takes: write it like https://case-insights.example.com")
    return value.rstrip("/")


def confirmers(value: tuple[str, ...] | None) -> tuple[str, ...] | None:
    step = "copy it from a profile or a user group's page, ⋯, Copy ID"
    _check_ids(value or (), "UWS", "a person (U…, W…) or user group (S…)", step)
    return value


def contact(value: str) -> str:
    """Whom people ask, as it stands in sentences."""
    value = value.strip()
    if value and not _CONTACT.fullmatch(value):
        raise ValueError(
            f"is {value!r}, which cannot stand in a sentence in Slack: write a channel, a name or an address, "
            f"in at most 60 characters without marks: #sre-tools"
        )
    return value


def emoji(value: str) -> str:
    """An emoji's name as Slack's events have it: without colons and without a skin tone."""
    name = value.strip().strip(":").lower()
    if not _EMOJI.fullmatch(name):
        raise ValueError(f"is {value!r}, which is no emoji's name: write it as between its colons in Slack: card_index")
    return name


def allowed_teams(value: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if value == ():
        raise ValueError("is empty, so nobody could install the bot: name workspaces (T…) or Enterprise Grids (E…)")
    _check_ids(value or (), "TE", "a workspace (T…) or of an Enterprise Grid (E…)", _TEAM_ID)
    return value


def org_teams(value: frozenset[str] | None) -> frozenset[str] | None:
    if value == frozenset():
        raise ValueError("is empty, so nobody could use it: name workspaces, or leave it out for all")
    _check_ids(value or (), "TE", "a workspace (T…) or of an Enterprise Grid (E…)", _TEAM_ID)
    return value


def _check_ids(ids: Collection[str], first_letters: str, what: str, step: str) -> None:
    for slack_id in sorted(ids):
        if not re.fullmatch(rf"[{first_letters}][A-Z0-9]{{2,}}", slack_id):
            raise ValueError(f"names {slack_id!r}, which is no id of {what}: {step}")
