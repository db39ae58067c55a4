"""What authorises requests to Datadog."""

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr


class Credentials(Protocol):
    """What authorises a request."""

    def headers(self) -> dict[str, str]: ...


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
