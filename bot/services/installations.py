"""The workspaces that install the bot: slack_sdk's stores in our database, with the tokens encrypted at rest.

slack_sdk's own look-ups need the Enterprise Grid of a team, which an event of that team may not name. Here an
installation is found by the store's `workspace`: the enterprise of an org-wide install, else the team. Tokens are
encrypted by Fernet (cryptography.io/en/latest/fernet): the first key encrypts, each of them decrypts.

Imported only where OAuth is set, because slack_sdk's stores and cryptography come with it.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import structlog
from cachetools import TTLCache
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr
from slack_sdk.oauth import installation_store
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.sqlalchemy import AsyncSQLAlchemyOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import ColumnElement, Table, and_, case, delete, desc, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.config.settings import OAuth
from bot.slack.client import Slack
from bot.slack.errors import SlackPermanent
from bot.slack.manifest import INSTALL_PATH
from bot.slack.oauth import Installing
from bot.slack.workspaces import Workspace
from bot.store import Store
from bot.store.dialects import insert_on
from bot.store.transaction import Transaction

STATE_SECONDS = 600
"""How long a person may take to press Allow."""
STATE_PREFIX = "state:"
"""Tells a state from a token, which the same key encrypts."""
CHECKED_SECONDS = 60.0
"""How long an installation at another replica, or its removal, may be unknown to this one."""
NEXT = "put the key that it was encrypted with behind the new one, with a comma, or install again at {page}"
"""The next step where no key of CASE_INSIGHTS_SECRET_KEY opens a token."""

log = structlog.get_logger(__name__)


_NO_ENGINE = cast(AsyncEngine, None)
"""What would run slack_sdk's own statements: the store runs ours."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One workspace's. `enterprise`: its Enterprise Grid, if it is in one."""

    workspace: str
    team: str | None
    enterprise: str | None
    token: SecretStr


class StoredInstallations(AsyncSQLAlchemyInstallationStore):
    """The tables are slack_sdk's, the rest is ours. `states`: of the installations that lead here."""

    def __init__(self, store: Store, client_id: str, keys: Sequence[SecretStr]) -> None:
        super().__init__(client_id, _NO_ENGINE)
        self._store = store
        self._first, self._all = _fernets(keys)
        self.states = States(store, keys)

    async def save(self, installation: installation_store.Installation, state: str) -> bool:
        """Store it in place of an older one, without what the bot does not need: people's tokens and webhooks.

        Returns False, and stores nothing, where the state was used before.
        """
        kept = copy(installation)
        kept.bot_token = self._first.encrypt(str(installation.bot_token).encode()).decode()
        kept.bot_refresh_token = kept.user_token = kept.user_refresh_token = None
        kept.incoming_webhook_url = kept.incoming_webhook_configuration_url = None
        async with self._store.write() as tx:
            if not await self.states.use(tx, state):
                return False
            await tx.execute(self.installations.insert(), self._row(kept.to_dict()))
            await tx.execute(self.bots.insert(), self._row(kept.to_bot().to_dict()))
            await self._forget(tx, _workspace(installation), installation.installed_at)
            return True

    async def find(self, workspace: str) -> Installation | None:
        """The newest of this workspace; None where there is none, or no key opens its token (an error in the log)."""
        bots = self.bots.c
        newest = select(self.bots).where(self._of(self.bots, workspace), bots.bot_token.is_not(None))
        async with self._store.read() as connection:
            row = (await connection.execute(newest.order_by(desc(bots.installed_at)).limit(1))).one_or_none()
        if row is None:
            return None
        token = _decrypted(self._all, row.bot_token)
        if token is None:
            _log_unreadable(workspace)
            return None
        return Installation(workspace, row.team_id, row.enterprise_id, SecretStr(token))

    async def all(self) -> Sequence[str]:
        """Every workspace, in order."""
        bots = self.bots.c
        workspace = case((bots.is_enterprise_install, bots.enterprise_id), else_=bots.team_id)
        async with self._store.read() as connection:
            names = await connection.execute(select(workspace).where(bots.client_id == self.client_id).distinct())
            return sorted(str(name) for name in names.scalars())

    async def forget(self, workspace: str, *, before: float) -> None:
        """Delete what was installed before this time (epoch s): a late event must not remove a newer installation."""
        async with self._store.write() as tx:
            await self._forget(tx, workspace, before)

    async def unreadable(self) -> Sequence[str]:
        """The workspaces whose token no key opens, in order: the bot counts as not installed in them until one does."""
        async with self._store.read() as connection:
            rows = await connection.execute(select(self.bots).where(self.bots.c.client_id == self.client_id))
        return sorted({_workspace(row) for row in rows if _decrypted(self._all, row.bot_token) is None})

    async def renew(self) -> None:
        """Encrypt with the first key what another one opens; a token that none opens is an error in the log."""
        async with self._store.write() as tx:
            for table in (self.bots, self.installations):
                stored = select(table).where(table.c.client_id == self.client_id).order_by(table.c.id)
                for row in await tx.execute(stored.with_for_update()):
                    if _decrypted(self._first, row.bot_token) is not None:
                        continue
                    if _decrypted(self._all, row.bot_token) is not None:
                        rotated = self._all.rotate(row.bot_token.encode()).decode()
                        await tx.execute(update(table).where(table.c.id == row.id).values(bot_token=rotated))
                    elif table is self.bots:
                        _log_unreadable(_workspace(row))

    async def _forget(self, tx: Transaction, workspace: str, before: float) -> None:
        earlier = datetime.fromtimestamp(before, UTC).replace(tzinfo=None)
        for table in (self.bots, self.installations):
            await tx.execute(delete(table).where(self._of(table, workspace), table.c.installed_at < earlier))

    def _row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """As slack_sdk stores it: its times are UTC, its columns have no zone."""
        times = {name: value.replace(tzinfo=None) for name, value in values.items() if isinstance(value, datetime)}
        return {**values, **times, "client_id": self.client_id}

    def _of(self, table: Table, workspace: str) -> ColumnElement[bool]:
        org_wide = and_(table.c.is_enterprise_install, table.c.enterprise_id == workspace)
        team = and_(~table.c.is_enterprise_install, table.c.team_id == workspace)
        return and_(table.c.client_id == self.client_id, or_(org_wide, team))


def _fernets(keys: Sequence[SecretStr]) -> tuple[Fernet, MultiFernet]:
    """What encrypts, and what decrypts."""
    fernets = [Fernet(key.get_secret_value()) for key in keys]
    return fernets[0], MultiFernet(fernets)


def _decrypted(fernet: Fernet | MultiFernet, token: str, ttl: int | None = None) -> str | None:
    """`ttl`: seconds since it was encrypted, above which it does not count."""
    try:
        return fernet.decrypt(token.encode(), ttl).decode()
    except InvalidToken:
        return None


def _workspace(installed: Any) -> str:
    """Of a row, or of slack_sdk's installation."""
    return str(installed.enterprise_id if installed.is_enterprise_install else installed.team_id)


def _log_unreadable(workspace: str) -> None:
    log.error("installation.unreadable", workspace=workspace, next=NEXT.format(page=INSTALL_PATH))


class States(AsyncSQLAlchemyOAuthStateStore):
    """Installations that somebody has started: a Fernet token, so that any replica can tell one without a row for it.

    Only one that was used has a row, for longer than it is valid.
    """

    def __init__(self, store: Store, keys: Sequence[SecretStr]) -> None:
        super().__init__(STATE_SECONDS, _NO_ENGINE)
        self._store = store
        self._first, self._all = _fernets(keys)

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        """A new state; nothing is written."""
        return self._first.encrypt(f"{STATE_PREFIX}{uuid4().hex}".encode()).decode()

    async def async_consume(self, state: str) -> bool:
        """Whether it is ours, young enough and not used: asked before Slack is, while `use` uses it up."""
        if (name := self._name(state)) is None:
            return False
        used = select(self.oauth_states.c.id).where(self.oauth_states.c.state == name)
        async with self._store.read() as connection:
            return (await connection.execute(used)).first() is None

    async def use(self, tx: Transaction, state: str) -> bool:
        """Use up a state; returns False where another transaction has. Records of states that expired are deleted."""
        states, now = self.oauth_states, _utc_now()
        await tx.execute(delete(states).where(states.c.expire_at <= now))
        # Twice its life, because the clocks of replicas differ.
        record = {"state": self._name(state), "expire_at": now + timedelta(seconds=2 * STATE_SECONDS)}
        if record["state"] is None:  # it expired while Slack was asked
            return False
        row = insert_on(tx.dialect.name, states).values(**record).on_conflict_do_nothing()
        return (await tx.execute(row.returning(states.c.id))).first() is not None

    def _name(self, state: str) -> str | None:
        """What is inside: one token can be spelt in several ways."""
        name = _decrypted(self._all, state, ttl=STATE_SECONDS)
        return name if name is not None and name.startswith(STATE_PREFIX) else None


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class InstalledWorkspaces:
    """Those that installed the bot themselves, of the `allowed` workspaces and Enterprise Grids.

    `connect`: Slack, with a token. Who the bot is in a workspace is asked once for each token.
    """

    def __init__(
        self, installations: StoredInstallations, connect: Callable[[SecretStr], Slack], allowed: frozenset[str]
    ) -> None:
        self._installations, self._connect, self._allowed = installations, connect, allowed
        self._checked = TTLCache[str, Workspace](4096, CHECKED_SECONDS)
        self._connected: dict[str, tuple[str, Workspace]] = {}

    async def at(self, workspace: str) -> Workspace:
        if checked := self._checked.get(workspace):
            return checked
        installation = await self._installations.find(workspace)
        if installation is None or self._allowed.isdisjoint({installation.team, installation.enterprise}):
            self._connected.pop(workspace, None)
            raise SlackPermanent("not_installed" if installation is None else "team_not_allowed")
        token = installation.token.get_secret_value()
        known_token, connected = self._connected.get(workspace, ("", None))
        if connected is None or known_token != token:
            slack = self._connect(installation.token)
            connected = Workspace(slack, await slack.myself())
            self._connected[workspace] = (token, connected)
        self._checked[workspace] = connected
        return connected

    async def installed(self) -> Sequence[str]:
        return await self._installations.all()

    def grid(self, workspace: str) -> str | None:
        _, connected = self._connected.get(workspace, ("", None))
        return connected.myself.enterprise if connected else None

    async def removed(self, workspace: str, at: float) -> None:
        await self._installations.forget(workspace, before=at + 1.0)
        self._checked.pop(workspace, None)
        self._connected.pop(workspace, None)


async def workspaces(oauth: OAuth, store: Store, connect: Callable[[SecretStr], Slack]) -> InstalledWorkspaces:
    """The workspaces that install the bot; from now on their tokens are encrypted with the first key."""
    stored = StoredInstallations(store, oauth.client_id, oauth.keys)
    await stored.renew()
    return InstalledWorkspaces(stored, connect, oauth.allowed)


def pages(oauth: OAuth, store: Store, client: AsyncWebClient, slack_url: str) -> Installing:
    """The two pages of the installation; `client` has no token."""
    stored = StoredInstallations(store, oauth.client_id, oauth.keys)
    return Installing(client, stored.save, stored.states, oauth, slack_url)
