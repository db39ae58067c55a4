"""Whether the app is installed, and what its bot token may do."""

import secrets
from dataclasses import dataclass, field


@dataclass(slots=True)
class Installation:
    """The app's standing in a workspace: `token` opens the Web API with `scopes`; None while it is not installed.

    `is_org_wide`: not in the workspace itself but in its enterprise (`is_enterprise_install`). `issued` are all bot
    tokens there ever were.
    """

    token: str | None
    scopes: set[str]
    is_org_wide: bool
    issued: set[str] = field(default_factory=set[str])
    ended: str | None = None

    def __post_init__(self) -> None:
        if self.token is not None:
            self.issued.add(self.token)

    @property
    def active(self) -> bool:
        return self.token is not None

    def begin(self, scopes: set[str]) -> str:
        """Install, once more or for the first time: the token.

        One that works is kept, and scopes add up: https://docs.slack.dev/authentication/installing-with-oauth.
        """
        if self.token is None:
            self.token = f"xoxb-sandbox-{secrets.token_hex(12)}"
            self.issued.add(self.token)
            self.ended = None
        self.scopes |= scopes
        return self.token

    def end(self) -> None:
        """The token dies. Slack says `account_inactive` about it; after a new installation, `invalid_auth`."""
        self.token, self.ended = None, self.token
        self.scopes.clear()
