"""Checks of the database: it exists, its schema, and what the bot recorded. It is only read, never created."""

import asyncio
import os

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.config import database
from bot.config.settings import Settings
from bot.ops.doctor.finding import Finding, Subject, error, listed, ok, warning
from bot.store import Store, cases, heartbeats, migrate, unknown_sites

QUIET_SECONDS = 86400.0
"""A day without a single message in all the bot's channels is worth a look."""


async def examine(subject: Subject) -> list[Finding]:
    """All that can be read."""
    url = subject.settings.database_url
    if "DATABASE_URL" in subject.broken:
        return []
    if not database.exists(url):
        return [_no_file(url)]
    if (file := database.file_of(url)) and not os.access(file, os.W_OK):
        return [error("database", f"{file} cannot be written.", "Run the bot as its owner, or change its mode.")]
    store = Store(url)
    try:
        async with asyncio.timeout(subject.within):
            return await _look(subject, store)
    except TimeoutError:
        text = f"{_address(url)} did not answer in {subject.within:g} s."
        return [error("database", text, "Check the server, the network and DATABASE_URL.")]
    except SQLAlchemyError as failed:
        why = " ".join(str(getattr(failed, "orig", None) or failed).split())
        return [error("database", f"{_address(url)} cannot be used: {why}.", "Check the server and DATABASE_URL.")]
    finally:
        await store.close()


async def _look(subject: Subject, store: Store) -> list[Finding]:
    settings = subject.settings
    revision = await migrate.revision(store)
    if revision == migrate.HEAD:
        schema = ok("database", f"{_address(settings.database_url)} has schema {revision}.")
        return [schema, await _events(subject, store), *await _links(subject, store), *await _orgs(subject, store)]
    if revision is None:
        text = f"{_address(settings.database_url)} has no tables of the bot yet."
        return [warning("database", text, "case-insights run creates them; if the bot ran before, check DATABASE_URL.")]
    text = f"{_address(settings.database_url)} has schema {revision}, this version needs {migrate.HEAD}."
    if revision > migrate.HEAD:
        return [error("database", text, "Run the newer version of the bot, or restore the backup from before it.")]
    return [warning("database", text, "Back it up; case-insights run, or db upgrade, brings it up to date.")]


async def _events(subject: Subject, store: Store) -> Finding:
    """Whether a bot runs, and when Slack last sent it an event."""
    async with store.read() as connection:
        pulse = await heartbeats.pulse(connection)
    runs = {0: "No bot runs", 1: "One bot runs"}.get(pulse.replicas, f"{pulse.replicas} replicas run")
    if pulse.event_ago is None:
        start = "Say" if pulse.replicas else "Start it, and say"
        fix = f"{start} something in its channel; if that changes nothing, {_no_events(subject.settings)}."
        return warning("events", f"{runs} on this database, and Slack has sent no event yet.", fix)
    ago = f"{pulse.event_ago / 3600:.0f} h" if pulse.event_ago >= 7200 else f"{pulse.event_ago / 60:.0f} min"
    if not pulse.replicas:
        text = f"{runs} on this database; Slack last sent an event {ago} ago."
        return warning("events", text, "Start it: case-insights run.")
    if pulse.event_ago > QUIET_SECONDS:
        text = f"{runs} on this database, but Slack has sent no event for {ago}."
        return warning("events", text, "Say something in a channel that the bot is in, and run this again.")
    return ok("events", f"{runs} on this database; Slack last sent an event {ago} ago.")


def _no_events(settings: Settings) -> str:
    """Why Slack may send none, and what to do."""
    if settings.slack_app_token or not settings.slack_signing_secret:
        return "the Slack app lacks its events: put the manifest of case-insights manifest on its page, App Manifest"
    return (
        "see whether Event Subscriptions on the Slack app's page has the right address, and whether the log has "
        "http.refused, not signed by Slack: then SLACK_SIGNING_SECRET is another app's"
    )


async def _orgs(subject: Subject, store: Store) -> list[Finding]:
    """Whether the database has cases of an organisation without keys."""
    ours = {org.hosts.name for org in subject.orgs}
    async with store.read() as connection:
        gone = sorted((await cases.orgs(connection)) - ours)
    if not ours or not gone:
        return []
    text = f"The database has cases of {listed(gone)}, but no organisation has that name: nothing can be added to them."
    return [warning("orgs", text, f"Name its table [{gone[0]}] in CASE_INSIGHTS_ORGS_FILE, if it is still yours.")]


async def _links(subject: Subject, store: Store) -> list[Finding]:
    """Whether people paste links to a site of no organisation."""
    ours = sorted({org.hosts.site for org in subject.orgs} or {subject.settings.dd_site})
    async with store.read() as connection:
        others = sorted((await unknown_sites.lately(connection)).difference(ours))
    if not others:
        return [ok("links", f"None led to another Datadog site than {listed(ours)} lately.")]
    text = f"Links to {listed(others)} were pasted in the last week, but DD_SITE is {listed(ours)}."
    return [warning("links", text, f"If they are your organisation's, set DD_SITE={others[0]} and its keys.")]


def _no_file(url: str) -> Finding:
    file = database.file_of(url)
    assert file is not None, "only a file can be missing"  # noqa: S101  a wiring error of ours
    if not os.access(file.parent, os.W_OK):
        fix = "Give the bot's user the right to write there, or choose another path in DATABASE_URL."
        return error("database", f"{file} does not exist, and cannot be created in its folder.", fix)
    fix = "case-insights run makes it; if the bot ran before, check DATABASE_URL and the folder you are in."
    return warning("database", f"There is no database yet at {file}.", fix)


def _address(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
