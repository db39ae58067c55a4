"""The start: what the bot waits for, because it may come a little later, and what it does not."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog
from sqlalchemy.exc import OperationalError

from bot.config import ConfigError
from bot.slack.client import Myself, Slack
from bot.slack.errors import SlackPermanent, SlackTransient
from bot.store import Store, migrate

AGAIN_SECONDS = 5.0

log = structlog.get_logger(__name__)


async def opened(store: Store, stopping: asyncio.Event, say: Callable[[str], None]) -> bool:
    """Bring the schema up to date once PostgreSQL answers, as it may start later; False: the bot is stopped before.

    `say`: takes the sentence for `/readyz`. Raises what other answers of the database are, such as a wrong password.
    """
    while not stopping.is_set():
        try:
            await migrate.upgrade(store)
        except OperationalError as error:
            if not migrate.may_answer_later(error):
                raise
            why = " ".join(str(error.orig).split())
            say(f"The database does not answer ({why}).")
            log.warning("database.not_answering", why=why, next_try_in=AGAIN_SECONDS)
            await _pause(stopping)
        else:
            return True
    return False


async def _pause(stopping: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(AGAIN_SECONDS):
            await stopping.wait()


async def myself(slack: Slack) -> Myself:
    """Who the bot is; raises SlackTransient, and ConfigError where Slack refuses its token."""
    try:
        return await slack.myself()
    except SlackPermanent as refused:
        raise ConfigError(
            f"SLACK_BOT_TOKEN: Slack does not accept it ({refused.reason}); "
            "copy it again from your Slack app's page, OAuth & Permissions; reinstall the app if it was removed."
        ) from refused


async def myself_patiently(slack: Slack, stopping: asyncio.Event) -> Myself | None:
    """Who the bot is, asked until Slack answers; None when the bot is stopped before."""
    while not stopping.is_set():
        try:
            return await myself(slack)
        except SlackTransient as later:
            log.warning("slack.not_answering", why=str(later), next_try_in=AGAIN_SECONDS)
            await _pause(stopping)
    return None
