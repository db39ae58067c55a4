"""The command line: run, doctor, sandbox, explain, add, why, audit, db, manifest."""

import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

T = TypeVar("T")

PUBLIC_URL = "CASE_INSIGHTS_PUBLIC_URL"


class _Refusal(click.ClickException):
    """A sentence for the person, or one a line, and exit code 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        for line in self.message.splitlines():
            click.echo(f"case-insights: {line}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="case-insights-bot", prog_name="case-insights")
def main() -> None:
    """Puts the Datadog links of a Slack thread on the case it is about."""


@main.command()
@click.option("--socket", "chosen", flag_value="socket", help="Socket Mode, if the secrets of both modes are set.")
@click.option("--http", "chosen", flag_value="http", help="HTTP mode, if the secrets of both modes are set.")
def run(chosen: str | None) -> None:
    """Run the bot, with the settings of the environment and of .env."""
    import gc

    # None of a thousand imported modules is ever freed: collecting garbage meanwhile costs a sixth of the start.
    gc.disable()
    # Imported here: `explain` must not pay for Slack and the database.
    from bot import app, logs
    from bot.config import settings
    from bot.config.validation import TransportMode

    gc.freeze()
    gc.enable()

    async def start() -> None:
        configured = settings.read(transport_mode=TransportMode(chosen) if chosen else None)
        logs.configure(configured.log_level, configured.log_format)
        await app.run(configured)

    logs.configure()
    _run(start())


@main.command()
@click.argument("link", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per link.")
def explain(link: str | None, *, as_json: bool) -> None:
    """Explain what the bot does with LINK, and why; `-` reads one link per line."""
    from bot import links
    from bot.config import ConfigError, environment

    if link is None:
        raise _Refusal("give a link, or - to read one per line: case-insights explain 'https://app.datadoghq.com/…'")
    try:
        routes = environment.routes_from(environment.read())
    except ConfigError as error:
        raise _Refusal(str(error)) from error
    for text in (line.rstrip("\r\n") for line in sys.stdin) if link == "-" else (link,):
        reading = links.explain(text, routes)
        row = json.dumps(links.as_row(reading))
        click.echo(row if as_json or link == "-" else links.as_text(reading))


@main.command()
@click.argument("links", nargs=-1, metavar="LINK…")
@click.option("--case", required=True, help="The case: its key, its UUID or its link.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per link.")
def add(links: tuple[str, ...], case: str, *, as_json: bool) -> None:
    """Put each LINK on a case, once; `-` reads one per line. Needs the settings of Datadog alone.

    Exit code 0: all are on the case; 1: some are not; 2: nothing was begun. Two runs at the same time can put the same
    insight there twice.
    """
    import asyncio

    from bot import logs
    from bot.config import ConfigError
    from bot.ops import add

    if not links:
        raise _Refusal(
            "give a link, or - to read one per line: case-insights add --case CASEM-4523 'https://app.datadoghq.com/…'"
        )
    lines = [line.strip() for link in links for line in (sys.stdin if link == "-" else (link,))]
    logs.configure("WARNING")
    try:
        results = asyncio.run(add.run(case.strip(), filter(None, lines)))
    except ConfigError as error:
        raise _Refusal(str(error)) from error
    for result in results:
        click.echo(json.dumps(add.as_json(result)) if as_json else add.as_text(result))
    if not all(result.is_on_case for result in results):
        sys.exit(1)


@main.command()
@click.argument("permalink")
def why(permalink: str) -> None:
    """Explain what became of the links in the message at PERMALINK; with the settings of `run`."""
    from bot import app, links, logs
    from bot.config import settings

    message = links.permalink(permalink)
    if message is None:
        raise _Refusal(f"{permalink} is not the address of a Slack message: ⋯ on the message, Copy link.")

    async def explanation() -> str:
        return await app.why(settings.read(listens=False), message)

    logs.configure()
    click.echo(_run(explanation()))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per finding.")
def doctor(*, as_json: bool) -> None:
    """Check settings, tokens, keys, permissions and the database; exit code 1 when something is wrong."""
    import asyncio

    from bot import logs
    from bot.ops import doctor

    logs.configure()
    findings = asyncio.run(doctor.examine())
    if as_json:
        for finding in findings:
            click.echo(json.dumps(doctor.as_row(finding), ensure_ascii=False))
    else:
        click.echo(doctor.as_text(findings))
    if any(finding.level is doctor.Level.ERROR for finding in findings):
        sys.exit(1)


@main.command()
@click.option("--since", help="Only moves since this date, like 2026-11-23 or 2026-11-23T18:00 (UTC).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per move.")
def audit(since: str | None, *, as_json: bool) -> None:
    """Print who moved which insight, and when."""
    from bot.ops import audit

    async def print_lines() -> int:
        count = 0
        async for line in audit.lines(since, as_json=as_json):
            click.echo(line)
            count += 1
        return count

    if not _run(print_lines()):
        click.echo(f"case-insights: {audit.nothing(since)}", err=True)


@main.group()
def db() -> None:
    """The database: its schema, and a copy of it."""


@db.command()
def upgrade() -> None:
    """Bring the schema up to date; `run` does this by itself."""
    from bot.ops import database

    click.echo(_run(database.upgrade()))


@db.command()
def current() -> None:
    """Print the schema that the database has, and the one this version needs."""
    from bot.ops import database

    click.echo(_run(database.current()))


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the SQLite database into FILE while the bot runs."""
    from bot.ops import database

    click.echo(_run(database.backup(file)))


@db.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy(source: str, target: str) -> None:
    """Copy all that the database FROM holds into the empty database TO; both as in DATABASE_URL. Stop the bot first."""
    from bot.ops import database_copy

    for line in _run(database_copy.copy(source, target)):
        click.echo(line)


@main.command()
@click.option("--mode", type=click.Choice(["socket", "http", "oauth"]), default="socket", show_default=True)
@click.option("--url", help="HTTP, OAuth: the address at which Slack reaches the bot, else CASE_INSIGHTS_PUBLIC_URL.")
@click.option("--reaction", is_flag=True, help="With the scope and the events that CASE_INSIGHTS_REACTION needs.")
def manifest(mode: str, url: str | None, *, reaction: bool) -> None:
    """Print the Slack app manifest, to paste when creating the app."""
    from bot.slack.manifest import as_json

    address = None if mode == "socket" else _public_address(url)
    click.echo(as_json(address, oauth=mode == "oauth", reaction=reaction))


def _public_address(url: str | None) -> str:
    """The bot's own address, from --url or the setting."""
    from bot.config import environment, values

    name, value = ("--url", url) if url else (PUBLIC_URL, environment.read().get(PUBLIC_URL))
    if not value:
        raise _Refusal(f"--url is missing: the address at which Slack reaches the bot; or set {PUBLIC_URL}.")
    try:
        return values.public_address(value)
    except ValueError as error:
        raise _Refusal(f"{name} {error}.") from error


@main.command()
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Where the page is served."
)
@click.option("--no-open", is_flag=True, help="Do not open the page in a browser.")
@click.option("--demo", is_flag=True, help="Play the main job once, print what happened, and end.")
def sandbox(port: int, *, no_open: bool, demo: bool) -> None:
    """Try the bot here: a small Slack and a small Datadog on this machine, no account and no token."""
    import asyncio

    from bot.sandbox import interactive
    from bot.sandbox.demo import play
    from bot.sandbox.page.server import PortTaken
    from bot.sandbox.sandbox import BotFailed
    from bot.slack.manifest import app_manifest

    try:
        manifest = app_manifest(reaction=not demo)
        asyncio.run(play(manifest) if demo else interactive.run(manifest, port, open_page=not no_open))
    except PortTaken as error:
        raise _Refusal(str(error)) from error
    except BotFailed as error:
        raise _Refusal(f"the bot did not start. The end of its log:\n{error}") from error


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it; an error of the operator's is one sentence and exit code 2."""
    import asyncio

    from sqlalchemy.exc import DatabaseError

    from bot.config import ConfigError
    from bot.store.migrate import NewerSchema

    try:
        return asyncio.run(work)
    except (ConfigError, NewerSchema) as error:
        raise _Refusal(str(error)) from error
    except DatabaseError as error:
        why = " ".join(str(error.orig).split())  # PostgreSQL's has several lines
        raise _Refusal(f"DATABASE_URL: the database cannot be used ({why}); check its address.") from error


if __name__ == "__main__":
    main(prog_name="case-insights")
