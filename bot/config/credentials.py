"""Secrets, and what authorises requests to Datadog."""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.config import ConfigError


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, and the file it came from; None: it was set directly."""

    value: SecretStr
    file: Path | None = None


_ELSE = r"xox[a-z.]|xapp-|pub[0-9a-f]{32}$|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""Slack's tokens, Datadog's client tokens, and the UUID that names a key but is none."""
_PAGE = "copy it from your Slack app's page, Basic Information"
_SHAPES = {
    "SLACK_BOT_TOKEN": (
        r"xoxb-.+",
        "is not a bot token (xoxb-…): copy it from your Slack app's page, OAuth & Permissions",
    ),
    "SLACK_APP_TOKEN": (r"xapp-.+", f"is not an app-level token (xapp-…): {_PAGE}"),
    "SLACK_SIGNING_SECRET": (r"[0-9A-Za-z]{32}", f"is no signing secret of 32 letters and digits: {_PAGE}"),
    "SLACK_CLIENT_SECRET": (rf"(?!{_ELSE}).*[^0-9a-f].*|[0-9a-f]{{32}}", f"is no client secret: {_PAGE}"),
    "DD_API_KEY": (
        rf"(?!{_ELSE}|dd(app|pat|sat)_).*[^0-9a-f].*|[0-9a-f]{{32}}",
        "is no API key of 32 digits and letters a to f: copy the key, not its ID, from Organization Settings, API Keys",
    ),
    "DD_APP_KEY": (
        rf"(?!{_ELSE}).*[^0-9a-f].*|[0-9a-f]{{40}}",
        "is no application key (ddapp_…, or 40 digits and letters a to f): copy the key, not its ID, from Organization "
        "Settings, Application Keys",
    ),
    "DD_ACCESS_TOKEN": (
        rf"(?!{_ELSE}|ddapp_).+",
        "is no access token (ddpat_…, ddsat_…, or one of OAuth): copy it again",
    ),
}
"""What a secret looks like, as far as that is documented: a shape that nobody has described yet is let through.

docs.datadoghq.com/account_management/personal-access-tokens (prefixes; an application key may be an access token, too).
"""
_EDGES = "\ufeff\u200b\u2060\x00"
"""A byte-order mark and its kin, which stick to what is copied or saved, and which `strip` leaves."""


def read_secret(name: str, value: SecretStr | None, file: Path | None, *, where: str = "") -> Secret | None:
    """A secret, set directly or as the path of a file; None: it is not set. Raises ConfigError, never with the secret.

    `name`: `DD_API_KEY`, or `dd_api_key` `where` a file of organisations sets it.
    """
    in_file = f"{name}_file" if name.islower() else f"{name}_FILE"
    if value is not None and file is not None:
        raise ConfigError(f"{where}{name} and {in_file} are both set: keep one of them.")
    if file is None:
        text = _bare(value.get_secret_value()) if value is not None else ""
    else:
        try:
            text = _bare(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}{in_file}: {unreadable(file, error)}") from error
        if not text:
            raise ConfigError(f"{where}{in_file}: {file} is empty; write the secret into it.")
    if problem := text and _contradiction(name.upper(), text):
        raise ConfigError(f"{where}{name if file is None else in_file} {problem}.")
    return Secret(SecretStr(text), file) if text else None


def _bare(text: str) -> str:
    """Without what is around a secret where it was copied, encoded or quoted: line ends, marks, quotes."""
    text = text.strip().strip(_EDGES).strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].strip() if quoted else text


def _contradiction(name: str, text: str) -> str | None:
    """Why this cannot be such a secret, without showing it; None: it may be one."""
    parts = re.split(r"\s*,\s*", text) if name == "CASE_INSIGHTS_SECRET_KEY" else [text]
    if not all(re.fullmatch(r"[!-~]*", part) for part in parts):
        return "has a space, a line end or a character that no secret has: copy it again"
    shape, words = _SHAPES.get(name, (".*", ""))
    return None if re.fullmatch(shape, text, re.IGNORECASE) else words


def unreadable(file: object, error: OSError | UnicodeDecodeError) -> str:
    """Why this text file cannot be read, as a sentence with the next step."""
    if isinstance(error, OSError):
        return f"{file} cannot be read ({error.strerror}); check its path and mode."
    return f"{file} cannot be read (it is not UTF-8 text); save it as UTF-8."


@dataclass(frozen=True, slots=True)
class Keys:
    """An API key with an application key."""

    api_key: SecretStr
    app_key: SecretStr

    def headers(self) -> dict[str, str]:
        return {
            "DD-API-KEY": self.api_key.get_secret_value(),
            "DD-APPLICATION-KEY": self.app_key.get_secret_value(),
        }


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An OAuth, personal or service access token."""

    token: SecretStr

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"}


Credentials = Keys | AccessToken
