"""Checks of the workspaces that installed the bot themselves: each is allowed, and its token can be read."""

from collections.abc import Iterator, Sequence

from sqlalchemy.exc import SQLAlchemyError

from bot.config import database
from bot.config.settings import OAuth
from bot.ops.doctor.finding import Finding, Subject, error, listed, ok, warning
from bot.services.installations import NEXT, Installation, StoredInstallations
from bot.slack.manifest import INSTALL_PATH
from bot.store import Store, migrate


async def examine(subject: Subject, oauth: OAuth) -> tuple[list[Finding], Sequence[Installation]]:
    """The findings, and the installations. Problems of the database are another check's."""
    url = subject.settings.database_url
    if "DATABASE_URL" in subject.broken or not database.exists(url):
        return [_nowhere(oauth)], ()
    store = Store(url)
    try:
        if await migrate.revision(store) != migrate.HEAD:
            return [], ()
        stored = StoredInstallations(store, oauth.client_id, oauth.keys)
        lost = await stored.unreadable()
        readable = [name for name in await stored.all() if name not in lost]
        installations = [installation for name in readable if (installation := await stored.find(name))]
    except (OSError, SQLAlchemyError):
        return [], ()
    finally:
        await store.close()
    findings = [_unreadable(oauth, name) for name in lost]
    if installations:
        names = listed(installation.workspace for installation in installations)
        findings += [ok("installations", f"The bot is installed in {names}."), *_not_allowed(oauth, installations)]
    return findings or [_nowhere(oauth)], installations


def _unreadable(oauth: OAuth, workspace: str) -> Finding:
    text = f"CASE_INSIGHTS_SECRET_KEY does not open the token of {workspace}, so the bot does nothing there."
    step = NEXT.format(page=f"{oauth.public_url}{INSTALL_PATH}")
    return error("installations", text, f"{step[0].upper()}{step[1:]}.")


def _not_allowed(oauth: OAuth, installations: Sequence[Installation]) -> Iterator[Finding]:
    names = listed(each.workspace for each in installations if oauth.allowed.isdisjoint({each.team, each.enterprise}))
    if names:
        text = f"{names} installed the bot but may not use it, so it does nothing there."
        yield warning("installations", text, "Add it to CASE_INSIGHTS_ALLOWED_TEAMS, or take the app out.")


def _nowhere(oauth: OAuth) -> Finding:
    text = "No workspace has installed the bot yet."
    return warning("installations", text, f"Open {oauth.public_url}{INSTALL_PATH} in a browser.")
