"""Installations, on both databases: found by workspace, encrypted at rest, with keys that rotate."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from cryptography.fernet import Fernet
from pydantic import SecretStr
from slack_sdk.oauth.installation_store import Installation
from sqlalchemy import select, text, update
from sqlalchemy.exc import SQLAlchemyError

from bot.services.installations import StoredInstallations
from bot.store import Store

CLIENT = "111.222"
OLD, NEW = (SecretStr(Fernet.generate_key().decode()) for _ in range(2))
TOKEN = "xoxb-" + "very-secret" * 50
"""As long as Slack says that tokens may become: 255 characters and more."""


@pytest.fixture(autouse=True)
async def nobody_installed(store: Store) -> None:
    stored = installations(store)
    async with store.write() as tx:
        for table in (stored.bots, stored.installations, stored.states.oauth_states):
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


async def save(stored: StoredInstallations, made: Installation) -> None:
    """As it comes back from Slack, with a state of its own."""
    assert await stored.save(made, await stored.states.async_issue())


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
    await save(
        stored, installation("T0ACME", user_token="xoxp-very-secret", incoming_webhook_url="https://hooks/very-secret")
    )
    assert await token_of(stored, "T0ACME") == TOKEN
    assert "very-secret" not in str(await rows(store, stored))
    assert await stored.find("T0OTHER") is None


async def test_an_installation_is_found_by_its_team_or_by_its_grid_as_it_was_made(store):
    stored = installations(store)
    await save(stored, installation("T0ONE", "E0GRID", bot_token="xoxb-one"))
    await save(stored, installation(None, "E0GRID", bot_token="xoxb-grid"))
    await save(stored, installation("T0ALONE", bot_token="xoxb-alone"))
    assert await stored.all() == ["E0GRID", "T0ALONE", "T0ONE"]
    assert [await token_of(stored, each) for each in await stored.all()] == ["xoxb-grid", "xoxb-alone", "xoxb-one"]
    found = await stored.find("T0ONE")
    assert found is not None
    assert (found.team, found.enterprise) == ("T0ONE", "E0GRID")


async def test_of_an_app_of_another_client_id_nothing_is_seen(store):
    await save(installations(store, client_id="333.444"), installation("T0ACME"))
    assert await installations(store).find("T0ACME") is None
    assert await installations(store).all() == []


async def test_installing_again_leaves_the_newest_alone(store):
    stored = installations(store)
    await save(stored, installation("T0ACME", ago=60, bot_token="xoxb-first"))
    await save(stored, installation("T0ACME", bot_token="xoxb-second"))
    await save(stored, installation("T0OTHER", ago=120))
    assert await token_of(stored, "T0ACME") == "xoxb-second"
    assert len(await rows(store, stored)) == 4, "two tables, two workspaces"


async def test_a_removal_that_is_told_late_leaves_a_newer_installation(store):
    stored = installations(store)
    await save(stored, installation("T0ACME"))
    await stored.forget("T0ACME", before=time.time() - 30)
    assert await token_of(stored, "T0ACME") == TOKEN
    await stored.forget("T0ACME", before=time.time() + 1)
    assert await stored.find("T0ACME") is None
    assert await rows(store, stored) == []


async def test_a_key_is_rotated_and_the_old_one_can_go(store):
    await save(installations(store, OLD), installation("T0ACME"))
    both = installations(store, NEW, OLD)
    assert await token_of(both, "T0ACME") == TOKEN
    await both.renew()
    renewed = await rows(store, both)
    await both.renew()
    assert await rows(store, both) == renewed, "encrypted anew once"
    assert await token_of(installations(store, NEW), "T0ACME") == TOKEN


async def test_a_token_of_a_lost_key_counts_as_not_installed_until_it_is_replaced(store):
    await save(installations(store, OLD), installation("T0LOST", ago=60))
    await save(installations(store, OLD), installation(None, "E0LOST", ago=60))
    stored = installations(store, NEW)
    await save(stored, installation("T0ACME"))
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
    await save(stored, installation("T0LOST", bot_token="xoxb-new"))
    assert await token_of(stored, "T0LOST") == "xoxb-new"
    assert await stored.unreadable() == ["E0LOST"]


async def recorded(store: Store) -> list[Any]:
    async with store.read() as connection:
        return [row._asdict() for row in await connection.execute(select(installations(store).states.oauth_states))]


async def test_a_state_that_only_began_something_is_written_nowhere_and_lives_with_its_key(store):
    state = await installations(store, OLD).states.async_issue()
    assert await recorded(store) == []
    assert await installations(store, NEW, OLD).states.async_consume(state), "at a replica with the next key"
    assert not await installations(store, NEW).states.async_consume(state)


def made_up(text: str, *, ago: float = 0.0, key: SecretStr = NEW) -> str:
    return Fernet(key.get_secret_value()).encrypt_at_time(text.encode(), int(time.time() - ago)).decode()


@pytest.mark.parametrize(
    "state",
    [
        made_up("state:1", ago=601),
        made_up("state:1", key=OLD),
        made_up("xoxb-a-token-that-is-stored"),
        made_up("state:1")[:-1],
        "made up",
        "",
        "\0é",
    ],
    ids=["too old", "another key's", "a token", "cut", "words", "nothing", "no base64"],
)
async def test_what_is_no_state_of_ours_stores_nothing(store, state: str):
    stored = installations(store)
    assert not await stored.states.async_consume(state)
    assert not await stored.save(installation("T0ACME"), state)
    assert await rows(store, stored) == []
    assert await recorded(store) == []


async def test_a_state_installs_once_whichever_replica_takes_it_and_however_it_is_spelt(store):
    replicas = [installations(store) for _ in range(8)]
    state = await replicas[0].states.async_issue()
    spelt = [state, *(f"{state[:at]}!{state[at:]}" for at in range(8, 15))]
    saved = await asyncio.gather(
        *(each.save(installation("T0ACME"), one) for each, one in zip(replicas, spelt, strict=True))
    )
    assert sum(saved) == 1
    assert len(await rows(store, replicas[0])) == 2
    assert not any([await replicas[1].states.async_consume(one) for one in spelt])


async def test_a_database_that_is_busy_uses_no_state_up_and_leaves_nothing_behind(store):
    stored = installations(store)
    state = await stored.states.async_issue()
    async with store.write() as tx:
        if tx.dialect.name == "postgresql":
            await tx.execute(text("LOCK TABLE slack_oauth_states, slack_bots"))
        with pytest.raises(SQLAlchemyError):
            await stored.save(installation("T0ACME"), state)
    assert await rows(store, stored) == []
    assert await stored.save(installation("T0ACME"), state)


async def test_the_record_of_a_state_ends_after_the_state(store):
    stored = installations(store)
    await save(stored, installation("T0ACME"))
    [record] = await recorded(store)
    assert record["expire_at"] > datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=600)
    async with store.write() as tx:
        past = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
        await tx.execute(update(stored.states.oauth_states).values(expire_at=past))
    await save(stored, installation("T0OTHER"))
    assert [each["state"] != record["state"] for each in await recorded(store)] == [True]
