"""Secrets, and what authorises requests to Datadog."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.config import ConfigError


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, and the file it came from; None: it was set directly."""

    value: SecretStr
    file: Path | None = None


def read_secret(name: str, value: SecretStr | None, file: Path | None, *, where: str = "") -> Secret | None:
    """A secret, set directly or as the path of a file; None: it is not set. Raises ConfigError.

    `name`: `DD_API_KEY`, or `dd_api_key` `where` a file of organisations sets it.
    """
    in_file = f"{name}_file" if name.islower() else f"{name}_FILE"
    if value is not None and file is not None:
        raise ConfigError(f"{where}{name} and {in_file} are both set: keep one of them.")
    if file is None:
        return None if value is None else Secret(value)
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}{in_file}: {unreadable(file, error)}") from error
    if not text:
        raise ConfigError(f"{where}{in_file}: {file} is empty; write the secret into it.")
    return Secret(SecretStr(text), file)


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
