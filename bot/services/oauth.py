"""Workspaces that install the bot themselves: their store and the two pages, put together.

Imported only where OAuth is set: it brings slack_sdk's stores and cryptography along.
"""

from collections.abc import Callable

from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.config.settings import OAuth
from bot.services.installations import States, StoredInstallations
from bot.slack.client import Slack
from bot.slack.oauth import Installing
from bot.slack.workspaces import InstalledWorkspaces
from bot.store import Store


def installations(oauth: OAuth, store: Store) -> StoredInstallations:
    return StoredInstallations(store, oauth.client_id, oauth.keys)


async def workspaces(oauth: OAuth, store: Store, connect: Callable[[SecretStr], Slack]) -> InstalledWorkspaces:
    """Those that are installed, and will be; their tokens are encrypted with the newest key from here on."""
    stored = installations(oauth, store)
    await stored.renew()
    return InstalledWorkspaces(stored, connect, oauth.allowed)


def pages(oauth: OAuth, store: Store, client: AsyncWebClient, slack_url: str) -> Installing:
    """`client` has no token."""
    return Installing(client, installations(oauth, store), States(store), oauth, slack_url)
