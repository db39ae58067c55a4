"""Installations, on both databases: found by workspace, encrypted at rest, with keys that rotate."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from cryptography.fernet import Fernet
from pydantic import SecretStr
from slack_sdk.oauth.installation_store import Installation
from sqlalchemy import select, text, update
from sqlalchemy.exc import SQLAlchemyError

from bot.services.installations import States, StoredInstallations
from bot.store import Store

CLIENT = "111.222"
OLD, NEW = (SecretStr(Fernet.generate_key().decode()) for _ in range(2))
TOKEN = "xoxb-" + "very-secret" * 50
"""As long as Slack says that tokens may become: 255 characters and more."""


@pytest.fixture(autouse=True)
async def nobody_installed(store: Store) -> None:
    stored, states = installations(store), States(store)
    async with store.write() as tx:
        for table in (stored.bots, stored.installations, states.oauth_states):
            await tx.execute(table.delete())


def installation(team: str | None, grid: str | None = None, *, ago: float = 0.0, **more: Any) -> Installation:
    given: dict[str, Any] = {
        "app_id": "A0CASES",
        "team_id": team,
        "team_name": "Acme",
        "enterprise_id": grid,
        "bot_token": TOKEN,
        "bot_id": "B0CASES",
        "bot_user_id": "U0CASES",
        "user_id": "U0ANA",
        "is_enterprise_install": team is None,
        "installed_at": time.time() - ago,
        **more,
    }
    return Installation(**given)


def installations(store: Store, *keys: SecretStr, client_id: str = CLIENT) -> StoredInstallations:
    return StoredInstallations(store, client_id, keys or (NEW,))


async def token_of(stored: StoredInstallations, workspace: str) -> str | None:
    found = await stored.find(workspace)
    return found.token.get_secret_value() if found else None


async def rows(store: Store, stored: StoredInstallations) -> list[Any]:
    async with store.read() as connection:
        return [
            *(row._asdict() for row in await connection.execute(select(stored.bots))),
            *(row._asdict() for row in await connection.execute(select(stored.installations))),
        ]


async def test_what_is_stored_shows_no_token_and_no_person_s(store):
    stored = installations(store)
    await stored.async_save(
        installation("T0ACME", user_token="xoxp-very-secret", incoming_webhook_url="https://hooks/very-secret")
    )
    assert await token_of(stored, "T0ACME") == TOKEN
    assert "very-secret" not in str(await rows(store, stored))
    assert await stored.find("T0OTHER") is None


async def test_an_installation_is_found_by_its_team_or_by_its_grid_as_it_was_made(store):
    stored = installations(store)
    await stored.async_save(installation("T0ONE", "E0GRID", bot_token="xoxb-one"))
    await stored.async_save(installation(None, "E0GRID", bot_token="xoxb-grid"))
    await stored.async_save(installation("T0ALONE", bot_token="xoxb-alone"))
    assert await stored.all() == ["E0GRID", "T0ALONE", "T0ONE"]
    assert [await token_of(stored, each) for each in await stored.all()] == ["xoxb-grid", "xoxb-alone", "xoxb-one"]
    found = await stored.find("T0ONE")
    assert found is not None
    assert (found.team, found.enterprise) == ("T0ONE", "E0GRID")


async def test_of_an_app_of_another_client_id_nothing_is_seen(store):
    await installations(store, client_id="333.444").async_save(installation("T0ACME"))
    assert await installations(store).find("T0ACME") is None
    assert await installations(store).all() == []


async def test_installing_again_leaves_the_newest_alone(store):
    stored = installations(store)
    await stored.async_save(installation("T0ACME", ago=60, bot_token="xoxb-first"))
    await stored.async_save(installation("T0ACME", bot_token="xoxb-second"))
    await stored.async_save(installation("T0OTHER", ago=120))
    assert await token_of(stored, "T0ACME") == "xoxb-second"
    assert len(await rows(store, stored)) == 4, "two tables, two workspaces"


async def test_a_removal_that_is_told_late_leaves_a_newer_installation(store):
    stored = installations(store)
    await stored.async_save(installation("T0ACME"))
    await stored.forget("T0ACME", before=time.time() - 30)
    assert await token_of(stored, "T0ACME") == TOKEN
    await stored.forget("T0ACME", before=time.time() + 1)
    assert await stored.find("T0ACME") is None
    assert await rows(store, stored) == []


async def test_a_key_is_rotated_and_the_old_one_can_go(store):
    await installations(store, OLD).async_save(installation("T0ACME"))
    both = installations(store, NEW, OLD)
    assert await token_of(both, "T0ACME") == TOKEN
    await both.renew()
    renewed = await rows(store, both)
    await both.renew()
    assert await rows(store, both) == renewed, "encrypted anew once"
    assert await token_of(installations(store, NEW), "T0ACME") == TOKEN


async def test_a_token_of_a_lost_key_counts_as_not_installed_until_it_is_replaced(store):
    await installations(store, OLD).async_save(installation("T0LOST", ago=60))
    await installations(store, OLD).async_save(installation(None, "E0LOST", ago=60))
    stored = installations(store, NEW)
    await stored.async_save(installation("T0ACME"))
    assert await stored.unreadable() == ["E0LOST", "T0LOST"]
    with structlog.testing.capture_logs() as logs:
        assert await stored.find("T0LOST") is None
        await stored.renew()
    assert [(each["event"], each["log_level"], each["workspace"]) for each in logs] == [
        ("installation.unreadable", "error", each) for each in ("T0LOST", "T0LOST", "E0LOST")
    ]
    assert "install again at /slack/install" in logs[0]["next"]
    assert await token_of(stored, "T0ACME") == TOKEN
    assert await installations(store, NEW, OLD).unreadable() == []
    await stored.async_save(installation("T0LOST", bot_token="xoxb-new"))
    assert await token_of(stored, "T0LOST") == "xoxb-new"
    assert await stored.unreadable() == ["E0LOST"]


async def test_a_state_counts_once_whichever_replica_takes_it(store):
    replicas = [States(store) for _ in range(8)]
    taken = await asyncio.gather(*(states.async_consume("made up") for states in replicas))
    assert taken == [False] * 8, "and their connections are open now"
    state = await States(store).async_issue()
    assert sum(await asyncio.gather(*(states.async_consume(state) for states in replicas))) == 1


async def test_a_database_that_is_busy_is_no_state_that_was_ended_and_leaves_nothing_behind(store):
    stored, states = installations(store), States(store)
    state = await states.async_issue()
    busy: tuple[Callable[[], Awaitable[object]], ...] = (
        states.async_issue,
        lambda: states.async_consume(state),
        lambda: stored.async_save(installation("T0ACME")),
    )
    async with store.write() as tx:
        if tx.dialect.name == "postgresql":
            await tx.execute(text("LOCK TABLE slack_oauth_states, slack_bots"))
        said = await asyncio.gather(*(each() for each in busy), return_exceptions=True)
    assert [isinstance(each, SQLAlchemyError) for each in said] == [True, True, True]
    assert await rows(store, stored) == []
    assert await states.async_consume(state)


async def test_states_that_nobody_ended_in_time_go(store):
    states = States(store)
    late = await states.async_issue()
    async with store.write() as tx:
        past = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
        await tx.execute(update(states.oauth_states).values(expire_at=past))
    assert not await states.async_consume(late)
    await states.async_issue()
    async with store.read() as connection:
        assert len(await connection.execute(select(states.oauth_states))) == 1
