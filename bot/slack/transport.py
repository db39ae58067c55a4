"""The two ways Slack reaches us: websockets that we open (Socket Mode), or requests to our address (HTTP mode).

The law: what arrives is handed to Bolt once it is known to be Slack's, and Slack gets Bolt's answer.
"""

from typing import Protocol


class Transport(Protocol):
    """What the bot starts and stops, whichever way it is."""

    async def run(self) -> None:
        """Take what Slack sends until cancelled; an exception says why that cannot go on."""
        ...

    async def close(self) -> None:
        """Take nothing more, and finish what is under way."""
        ...

    @property
    def age(self) -> float:
        """Seconds since the connection on which Slack speaks was opened; 0 where there is none."""
        ...

    def reasons(self) -> list[str]:
        """Why Slack cannot reach us, in sentences for an operator; empty when it can."""
        ...
