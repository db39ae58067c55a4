"""The few calls we make to Slack, and how they fail.

The law: nothing here is tried twice. A post has no idempotency key, so a repeat could double a card; whoever calls
decides, after looking (`find_card`). Facts: docs.slack.dev/reference/methods.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import structlog
from cachetools import TTLCache
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot import metrics
from bot.messages.view import Message
from bot.model import Thread
from bot.policy import Person

Json = dict[str, Any]

POLICY_SECONDS = 60.0
"""How long what Slack said of a person decides what they may do."""
NAME_SECONDS = 3600.0
TEAM_SECONDS = 3.0
"""How long Home waits to learn which workspace of a Grid somebody is in."""
PAGE = 200
DIRECT = ("U", "W", "D")
"""A person's id, or that of their direct messages with the app."""
CLOCKS_DIFFER_SECONDS = 600.0

READS = frozenset(
    {
        "conversations.history",
        "conversations.info",
        "conversations.replies",
        "users.conversations",
        "users.info",
        "usergroups.users.list",
    }
)
"""Asked with a query: JSON is for methods that write (docs.slack.dev/apis/web-api#methods_supporting_json)."""

ENDS = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "message_not_found",
        "thread_not_found",
        "cant_update_message",
        "edit_window_closed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "invalid_auth",
        "not_authed",
        "missing_scope",
        "restricted_action",
        "user_not_found",
        "user_not_in_channel",
        "invalid_blocks",
        "invalid_arguments",
        "expired_trigger_id",
        "exchanged_trigger_id",
        "not_found",
        "view_too_large",
        "msg_too_long",
    }
)
"""Slack's errors that asking again does not change."""


DEAD_TOKEN = frozenset({"token_revoked", "token_expired", "account_inactive", "invalid_auth", "not_authed"})
"""The token does not count any more; another one will, where the app is installed again."""

log = structlog.get_logger(__name__)


class SlackTransient(Exception):
    """Not now: 429, 5xx, time-out, broken connection. `after`: seconds that Slack asks for, if it does."""

    def __init__(self, words: str, after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


class SlackPermanent(Exception):
    """Slack will not do it: `reason` is its own error word, `needed` the scope that is missing."""

    def __init__(self, reason: str, needed: str = "") -> None:
        super().__init__(f"{reason} ({needed})" if needed else reason)
        self.reason, self.needed = reason, needed


@dataclass(frozen=True, slots=True)
class Myself:
    """Who the bot is, by `auth.test`: told apart from everybody else by these ids."""

    team: str
    team_name: str
    enterprise: str | None
    user: str
    bot: str
    url: str


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message is: `channel` is Slack's own id, also where a person's was given."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class SlackResponse:
    """An answer of Slack's, and its headers with their names in lower case."""

    data: Json
    headers: Mapping[str, str]


class Slack:
    """One workspace's API."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._people = TTLCache[str, Person](4096, POLICY_SECONDS)
        self._groups = TTLCache[tuple[str, str], frozenset[str]](256, POLICY_SECONDS)
        self._names = TTLCache[str, str](4096, NAME_SECONDS)
        self._shared = TTLCache[str, bool](1024, POLICY_SECONDS)
        self._is_org_wide = False

    async def myself(self) -> Myself:
        """Who we are; raises SlackEnd for a token that Slack does not take."""
        said = await self._call("auth.test", {})
        self._is_org_wide = said.get("is_enterprise_install") is True
        return Myself(
            team=said["team_id"],
            team_name=said["team"],
            enterprise=said.get("enterprise_id"),
            user=said["user_id"],
            bot=said["bot_id"],
            url=said["url"],
        )

    async def post(self, thread: Thread, message: Message, mark: Json) -> Posted:
        """Post a reply (or, without a thread's ts, a message) that carries `mark` as metadata.

        A user's id as channel: to their direct messages with the app. An exception leaves open whether it was posted,
        but for SlackEnd.
        """
        said = await self._call("chat.postMessage", {**_at(thread), **_shown(message), **_PLAIN, "metadata": mark})
        return Posted(said["channel"], said["ts"])

    async def say(self, place: Thread, message: Message) -> None:
        """Say something in the open that nobody has to find again."""
        await self._call("chat.postMessage", {**_at(place), **_shown(message), **_PLAIN})

    async def whisper(self, place: Thread, user: str, text: str) -> None:
        """Say something in a place to one person alone; it is lost when they are not there."""
        await self._call("chat.postEphemeral", {**_at(place), "user": user, "text": text})

    async def update(self, channel: str, ts: str, message: Message) -> None:
        """Show a card anew. Its metadata stays: Slack keeps what is not sent again."""
        await self._call("chat.update", {"channel": channel, "ts": ts, **_shown(message)})

    async def find(self, thread: Thread, mark: Json, since: float, bot: str) -> str | None:
        """The ts of a reply of ours whose post was never answered; None when it did not arrive.

        `since`: when the post left (epoch s); clocks may differ by ten minutes. Direct messages cannot be searched,
        because the bot never asks to read them: there, a crash at the worst moment shows a card twice.
        """
        if thread.channel.startswith(DIRECT):
            return None
        oldest = f"{since - CLOCKS_DIFFER_SECONDS:.6f}"
        async for message in self._replies(thread, {"include_all_metadata": True, "oldest": oldest}):
            told = _object(message.get("metadata"))
            same = all(told.get(name) == value for name, value in mark.items())
            if message.get("bot_id") == bot and same:
                return str(message["ts"])
        return None

    async def root(self, thread: Thread) -> Json | None:
        """The thread's first message; None when it is gone."""
        try:
            said = await self._call("conversations.replies", {"channel": thread.channel, "ts": thread.ts, "limit": 1})
        except SlackPermanent as end:
            if end.reason == "thread_not_found":
                return None
            raise
        first = next(iter(_objects(said.get("messages"))), None)
        return first if first and first.get("ts") == thread.ts else None

    async def page(self, thread: Thread, cursor: str, limit: int) -> tuple[list[Json], str]:
        """The thread's next messages, oldest first, and the cursor of those after them ("": there are none)."""
        asked: Json = {"channel": thread.channel, "ts": thread.ts, "limit": limit}
        said = await self._call("conversations.replies", {**asked, "cursor": cursor} if cursor else asked)
        return _objects(said.get("messages")), str(_object(said.get("response_metadata")).get("next_cursor") or "")

    async def message(self, thread: Thread, ts: str) -> Json | None:
        """One message of a thread, its root or a reply; None when it is gone."""
        asked: Json = {"channel": thread.channel, "ts": thread.ts, "oldest": ts, "latest": ts, "inclusive": True}
        try:
            said = await self._call("conversations.replies", {**asked, "limit": 2})
        except SlackPermanent as end:
            if end.reason in ("thread_not_found", "message_not_found"):
                return None
            raise
        return next((each for each in _objects(said.get("messages")) if each.get("ts") == ts), None)

    async def open_view(self, trigger: str, view: Json) -> str:
        """Open a modal, within three seconds of the click; its id."""
        said = await self._call("views.open", {"trigger_id": trigger, "view": view})
        return str(_object(said.get("view"))["id"])

    async def update_view(self, view_id: str, view: Json) -> None:
        """Show another view in a modal that is open."""
        await self._call("views.update", {"view_id": view_id, "view": view})

    async def publish_home(self, user: str, view: Json) -> None:
        """Show this in somebody's Home tab of the app."""
        await self._call("views.publish", {"user_id": user, "view": view})

    async def channels_of(self, user: str) -> frozenset[str] | None:
        """The channels that a person shares with the bot; None when the app lacks the optional scopes for it."""
        found: set[str] = set()
        cursor = ""
        team = await self._team_of(user, within=TEAM_SECONDS)
        while True:
            asked: Json = {"user": user, "types": "public_channel,private_channel", "limit": PAGE, **team}
            try:
                said = await self._call("users.conversations", {**asked, "cursor": cursor} if cursor else asked)
            except SlackPermanent as end:
                if end.reason == "missing_scope":
                    return None
                raise
            found.update(str(each["id"]) for each in _objects(said.get("channels")))
            cursor = str(_object(said.get("response_metadata")).get("next_cursor") or "")
            if not cursor:
                return frozenset(found)

    async def is_shared(self, channel: str, *, within: float) -> bool | None:
        """Whether other organisations are in this channel; None when Slack does not say in so many seconds.

        It needs optional scopes.
        """
        if channel not in self._shared:
            try:
                async with asyncio.timeout(within):
                    said = await self._call("conversations.info", {"channel": channel})
            except (SlackTransient, SlackPermanent, TimeoutError):
                return None
            told = _object(said.get("channel"))
            self._shared[channel] = bool(told.get("is_ext_shared") or told.get("is_pending_ext_shared"))
        return self._shared[channel]

    async def person(self, user: str, *, within: float) -> Person | None:
        """Who this is, as of the last minute; None when Slack does not say within so many seconds."""
        if user in self._people:
            return self._people[user]
        try:
            async with asyncio.timeout(within):
                said = await self._call("users.info", {"user": user})
        except (SlackTransient, SlackPermanent, TimeoutError):
            return None
        person = _person(said["user"])
        self._people[user] = person
        self._names[user] = person.name
        return person

    async def members(self, group: str, user: str, *, within: float) -> frozenset[str]:
        """Who is in a user group, as of the last minute; nobody when Slack does not say within so many seconds.

        `user`: of an Enterprise Grid, it is the workspace that this person is in.
        """
        team = await self._team_of(user, within=within)
        known = (group, str(team.get("team_id")))
        if known in self._groups:
            return self._groups[known]
        try:
            async with asyncio.timeout(within):
                said = await self._call("usergroups.users.list", {"usergroup": group, **team})
        except (SlackTransient, SlackPermanent, TimeoutError) as error:
            log.warning("policy.group_unread", group=group, why=str(error) or type(error).__name__)
            return frozenset()
        users = frozenset(str(user) for user in cast(list[Any], said.get("users") or []))
        self._groups[known] = users
        return users

    async def _team_of(self, user: str, *, within: float) -> Json:
        """What a token that is for a whole Grid must say (docs.slack.dev/enterprise/developing-for-enterprise-orgs)."""
        person = await self.person(user, within=within) if self._is_org_wide else None
        return {"team_id": person.team} if person else {}

    async def names(self, users: set[str], *, within: float) -> Mapping[str, str]:
        """Display names for as many as Slack tells of within so many seconds."""
        missing = [user for user in users if user not in self._names and user[:1] in ("U", "W")]
        if missing:
            await asyncio.gather(*(self.person(user, within=within) for user in missing))
        return {user: self._names[user] for user in users if user in self._names}

    async def answer(self, response_url: str, text: str, thread_ts: str | None, *, within: float) -> None:
        """Say something to the person who clicked, and to nobody else."""
        body: Json = {"response_type": "ephemeral", "replace_original": False, "text": text}
        if thread_ts:
            body["thread_ts"] = thread_ts
        session = self._client.session
        assert session is not None, "the client shares one session"  # noqa: S101  a wiring error of ours
        try:
            async with session.post(response_url, json=body, timeout=aiohttp.ClientTimeout(within)) as said:
                if said.status != 200:
                    raise SlackTransient(f"response_url answered {said.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SlackTransient(f"response_url: {type(error).__name__}") from error

    async def _replies(self, thread: Thread, more: Json) -> AsyncGenerator[Json]:
        cursor = ""
        method = "conversations.replies" if thread.ts else "conversations.history"
        while True:
            page: Json = {"channel": thread.channel, "limit": PAGE, **({"ts": thread.ts} if thread.ts else {}), **more}
            said = await self._call(method, {**page, "cursor": cursor} if cursor else page)
            for message in _objects(said.get("messages")):
                yield message
            cursor = str(_object(said.get("response_metadata")).get("next_cursor") or "")
            if not cursor:
                return

    async def ask(self, method: str, arguments: Json) -> SlackResponse:
        """What any method answers; raises SlackEnd and SlackLater."""
        sent: Json = {"http_verb": "GET", "params": arguments} if method in READS else {"json": arguments}
        try:
            said: Any = await self._client.api_call(method, **sent)  # pyright: ignore[reportUnknownMemberType]
        except SlackApiError as error:
            raise _refusal(error) from error
        # AttributeError: slack_sdk takes the text of a text/plain answer for an object.
        except (SlackClientError, aiohttp.ClientError, TimeoutError, ValueError, AttributeError) as error:
            raise SlackTransient(f"{method}: {type(error).__name__}") from error
        return SlackResponse(_object(said.data), {name.lower(): str(value) for name, value in said.headers.items()})

    async def _call(self, method: str, arguments: Json) -> Json:
        with metrics.counted("slack", method, SlackTransient):
            try:
                return (await self.ask(method, arguments)).data
            except SlackPermanent as end:
                if end.reason in DEAD_TOKEN and method != "auth.test":
                    raise SlackTransient(end.reason) from end  # what is to be said waits for the next token
                raise


def _object(value: Any) -> Json:
    """JSON from outside as an object, empty where it is none."""
    return cast(Json, value) if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Json]:
    return [_object(each) for each in cast(list[Any], value)] if isinstance(value, list) else []


_PLAIN: Json = {"unfurl_links": False, "unfurl_media": False}


def _at(place: Thread) -> Json:
    return {"channel": place.channel, "thread_ts": place.ts} if place.ts else {"channel": place.channel}


def _shown(message: Message) -> Json:
    return {"text": message.text, "blocks": message.blocks}


def _refusal(error: SlackApiError) -> SlackTransient | SlackPermanent:
    said: Any = error.response  # slack_sdk leaves what is in a response untyped
    if isinstance(said, aiohttp.ClientResponse):  # what it raises for a body that only claims to be JSON
        return SlackTransient(f"HTTP {said.status}", _retry_after(said.headers))
    status = said.status_code
    if status == 429:
        return SlackTransient("ratelimited", _retry_after(said.headers))
    data = _object(said.data)
    reason = str(data.get("error") or f"HTTP {status}")
    if reason == "ratelimited":
        return SlackTransient(reason, _retry_after(said.headers))
    if reason in ENDS:
        return SlackPermanent(reason, str(data.get("needed") or ""))
    return SlackTransient(reason)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    said = {name.lower(): value for name, value in headers.items()}.get("retry-after")
    try:
        after = float(said or "nan")
    except ValueError:
        return None
    return min(max(after, 0.0), 3600.0) if math.isfinite(after) else None


def _person(user: Json) -> Person:
    profile = _object(user.get("profile"))
    grid = _object(user.get("enterprise_user"))
    return Person(
        id=user["id"],
        name=profile.get("display_name") or profile.get("real_name") or user.get("real_name") or user.get("name") or "",
        team=user.get("team_id") or "",
        enterprise=grid.get("enterprise_id"),
        deleted=bool(user.get("deleted")),
        is_bot=bool(user.get("is_bot")),
        is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        is_stranger=bool(user.get("is_stranger")),
    )
