"""Whether the app is installed, and what its bot token may do."""

import secrets
from dataclasses import dataclass, field


@dataclass(slots=True)
class Installation:
    """The app's installation: its bot `token`, None while it is not installed, and the `scopes` of that token.

    `is_org_wide`: installed in the enterprise, not the workspace (`is_enterprise_install`). `issued`: all bot tokens so
    far.
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
        """Install, for the first time or again; returns the token.

        A token that works is kept, and scopes add up: https://docs.slack.dev/authentication/installing-with-oauth.
        """
        if self.token is None:
            self.token = f"xoxb-sandbox-{secrets.token_hex(12)}"
            self.issued.add(self.token)
            self.ended = None
        self.scopes |= scopes
        return self.token

    def end(self) -> None:
        """Revoke the token: from now on `account_inactive`, and `invalid_auth` after a new installation."""
        self.token, self.ended = None, self.token
        self.scopes.clear()
