"""The workspaces that installed the bot themselves: whether each is allowed, and its token can be read."""

from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from bot.config import database
from bot.config.settings import OAuth
from bot.model import INSTALL_PATH
from bot.ops.doctor.finding import Finding, Subject, error, listed, ok, warning
from bot.services.installations import NEXT, Installation, StoredInstallations
from bot.store import Store, migrate


async def examine(subject: Subject, oauth: OAuth) -> tuple[list[Finding], Sequence[Installation]]:
    """What there is to say, and where the bot is installed. What is wrong with the database, its own check says."""
    url = subject.settings.database_url
    if "DATABASE_URL" in subject.broken or not database.exists(url):
        return [_nobody(oauth)], ()
    store = Store(url)
    try:
        if await migrate.revision(store) != migrate.HEAD:
            return [], ()
        stored = StoredInstallations(store, oauth.client_id, oauth.keys)
        lost = await stored.unreadable()
        readable = [name for name in await stored.all() if name not in lost]
        found = [each for name in readable if (each := await stored.find(name))]
    except (OSError, SQLAlchemyError):
        return [], ()
    finally:
        await store.close()
    unreadable = [_unreadable(oauth, name) for name in lost]
    return [*unreadable, *(_told(oauth, found) if found or not lost else ())], found


def _unreadable(oauth: OAuth, workspace: str) -> Finding:
    text = f"CASE_INSIGHTS_SECRET_KEY does not open the token of {workspace}, so the bot does nothing there."
    step = NEXT.format(page=f"{oauth.public_url}{INSTALL_PATH}")
    return error("installations", text, f"{step[0].upper()}{step[1:]}.")


def _told(oauth: OAuth, found: Sequence[Installation]) -> list[Finding]:
    if not found:
        return [_nobody(oauth)]
    findings = [ok("installations", f"The bot is installed in {listed([each.workspace for each in found])}.")]
    refused = [each.workspace for each in found if oauth.allowed.isdisjoint({each.team, each.enterprise})]
    if refused:
        text = f"{listed(refused)} installed the bot but may not use it, so it does nothing there."
        findings.append(warning("installations", text, "Add it to CASE_INSIGHTS_ALLOWED_TEAMS, or take the app out."))
    return findings


def _nobody(oauth: OAuth) -> Finding:
    text = "No workspace has installed the bot yet."
    return warning("installations", text, f"Open {oauth.public_url}{INSTALL_PATH} in a browser.")
