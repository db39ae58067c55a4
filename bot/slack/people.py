"""What Slack knows about people, groups and channels. It decides what somebody may do, so it is cached for a minute."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any, cast

import structlog
from cachetools import TTLCache

from bot.messages.text import NAME_CHARS, clean
from bot.policy import Person
from bot.slack.errors import NOT_THERE, SlackPermanent, SlackTransient
from bot.slack.json import Json, as_object, as_objects, next_cursor

POLICY_SECONDS = 60.0
NAME_SECONDS = 3600.0
TEAM_SECONDS = 3.0
"""How long Home waits to learn which workspace of a Grid a person is in."""
PAGE = 200
UNANSWERED = (SlackTransient, SlackPermanent, TimeoutError)

log = structlog.get_logger(__name__)


class People(ABC):
    """The part of a workspace's API that is cached. `within`: the seconds that a call may take."""

    def __init__(self) -> None:
        self._people = TTLCache[str, Person](4096, POLICY_SECONDS)
        self._groups = TTLCache[tuple[str, str], frozenset[str]](256, POLICY_SECONDS)
        self._known = TTLCache[str, Person](4096, NAME_SECONDS)
        self._channels = TTLCache[str, Json](1024, POLICY_SECONDS)
        self._is_org_wide = False

    @abstractmethod
    async def call(self, method: str, arguments: Json) -> Json:
        """Slack's answer; raises SlackTransient and SlackPermanent."""

    async def pages(self, method: str, arguments: Json) -> AsyncGenerator[Json]:
        """All pages of an answer."""
        cursor = ""
        while True:
            response = await self.call(method, {**arguments, "cursor": cursor} if cursor else arguments)
            yield response
            cursor = next_cursor(response)
            if not cursor:
                return

    async def channels_of(self, user: str) -> frozenset[str] | None:
        """The channels that a person shares with the bot; None when the app lacks the optional scopes for it."""
        team = await self._team_of(user, within=TEAM_SECONDS)
        arguments: Json = {"user": user, "types": "public_channel,private_channel", "limit": PAGE, **team}
        channels: set[str] = set()
        try:
            async for response in self.pages("users.conversations", arguments):
                channels.update(str(channel["id"]) for channel in as_objects(response.get("channels")))
        except SlackPermanent as refused:
            if refused.reason == "missing_scope":
                return None
            raise
        return frozenset(channels)

    async def is_shared(self, channel: str, *, within: float) -> bool | None:
        """Whether other organisations are in this channel; None when Slack does not say, as without optional scopes."""
        info = await self._channel(channel, within=within)
        return None if info is None else bool(info.get("is_ext_shared") or info.get("is_pending_ext_shared"))

    async def is_in(self, channel: str, *, within: float) -> bool | None:
        """Whether the bot is in this channel; None when Slack does not say.

        Without the optional scopes: whether Slack lets it read there.
        """
        member = (await self._channel(channel, within=within) or {}).get("is_member")
        if isinstance(member, bool):
            return member
        try:
            async with asyncio.timeout(within):
                await self.call("conversations.history", {"channel": channel, "limit": 1})
        except UNANSWERED as error:
            absent = isinstance(error, SlackPermanent) and error.reason in NOT_THERE
            return False if absent else None
        return True

    async def _channel(self, channel: str, *, within: float) -> Json | None:
        if channel not in self._channels:
            try:
                async with asyncio.timeout(within):
                    response = await self.call("conversations.info", {"channel": channel})
            except UNANSWERED:
                return None
            self._channels[channel] = as_object(response.get("channel"))
        return self._channels[channel]

    async def person(self, user: str, *, within: float) -> Person | None:
        """The person with this id; None when Slack does not say."""
        if user not in self._people:
            try:
                async with asyncio.timeout(within):
                    response = await self.call("users.info", {"user": user})
            except UNANSWERED:
                return None
            person = self._people[user] = self._known[user] = _person(response["user"])
            return person
        return self._people[user]

    async def members(self, group: str, user: str, *, within: float) -> frozenset[str]:
        """The people in a user group; nobody when Slack does not say.

        `user`: in an Enterprise Grid, the group is looked up in this person's workspace.
        """
        team = await self._team_of(user, within=within)
        key = (group, str(team.get("team_id")))
        if key not in self._groups:
            try:
                async with asyncio.timeout(within):
                    response = await self.call("usergroups.users.list", {"usergroup": group, **team})
            except UNANSWERED as error:
                log.warning("policy.group_unread", group=group, why=str(error) or type(error).__name__)
                return frozenset()
            users = frozenset(str(member) for member in cast(list[Any], response.get("users") or []))
            self._groups[key] = users
            return users
        return self._groups[key]

    async def known(self, users: Collection[str | None], *, within: float) -> Mapping[str, Person]:
        """What Slack said of these people within an hour, without those whom it does not tell: for what is shown.

        What somebody may do is judged by `person`, and who is told something new by `lately`.
        """
        await self.lately([user for user in users if user not in self._known], within=within)
        return {user: self._known[user] for user in users if user and user in self._known}

    async def lately(self, users: Collection[str | None], *, within: float) -> Mapping[str, Person]:
        """What Slack says of these people within a minute, without those whom it does not tell."""
        people = [user for user in users if user and user[:1] in ("U", "W")]
        answers = await asyncio.gather(*(self.person(user, within=within) for user in people))
        return {person.id: person for person in answers if person is not None}

    async def names(self, users: Collection[str], *, within: float) -> Mapping[str, str]:
        """Display names, without those that Slack does not tell."""
        return {user: person.name for user, person in (await self.known(users, within=within)).items()}

    async def _team_of(self, user: str, *, within: float) -> Json:
        """An argument that Grid-wide tokens need (docs.slack.dev/enterprise/developing-for-enterprise-orgs)."""
        person = await self.person(user, within=within) if self._is_org_wide else None
        return {"team_id": person.team} if person else {}


def _person(user: Json) -> Person:
    profile = as_object(user.get("profile"))
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    grid = as_object(user.get("enterprise_user"))
    return Person(
        id=user["id"],
        name=next(filter(None, (clean(str(name), NAME_CHARS) for name in names if name)), ""),
        team=user.get("team_id") or "",
        enterprise=grid.get("enterprise_id"),
        deleted=bool(user.get("deleted")),
        is_bot=any(user.get(flag) for flag in ("is_bot", "is_workflow_bot", "is_connector_bot")),
        is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        is_stranger=bool(user.get("is_stranger")),
    )
