"""The few calls we make to Slack.

The law: nothing here is tried twice. A post has no idempotency key, so a repeat could double a card; the caller
decides, after looking (`find`). Facts: docs.slack.dev/reference/methods.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot import metrics
from bot.breaker import CircuitBreaker
from bot.config import network
from bot.messages.blocks import sections
from bot.messages.card_view import Message
from bot.messages.text import NAME_CHARS, clean, with_contact
from bot.model import Thread
from bot.slack import payloads
from bot.slack.errors import DEAD_TOKEN, SlackPermanent, SlackTransient, refusal
from bot.slack.json import Json, as_object, next_cursor
from bot.slack.people import PAGE, People

DIRECT = ("U", "W", "D")
"""How the id of a person, or of their direct messages with the app, begins."""
CLOCKS_DIFFER_SECONDS = 600.0
BELOW = 50
"""Messages asked for at most, to see whether a thread has gone on."""

READS = {
    *("conversations.history", "conversations.info", "conversations.replies", "users.conversations", "users.info"),
    "usergroups.users.list",
}
"""Called with a query: JSON is for methods that write (docs.slack.dev/apis/web-api#methods_supporting_json)."""


@dataclass(frozen=True, slots=True)
class Myself:
    """The bot's own ids and names, by `auth.test`."""

    team: str
    team_name: str
    enterprise: str | None
    user: str
    bot: str
    url: str


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message is. `channel`: Slack's own id, also where the message was sent to a person's id."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class SlackResponse:
    """Slack's answer, with the names of its headers in lower case."""

    data: Json
    headers: Mapping[str, str]


def web_client(url: str, session: aiohttp.ClientSession, token: str | None) -> AsyncWebClient:
    """slack_sdk's client. Without retries: a post that is repeated blindly would be posted twice."""
    trusted = network.certificates() if url.startswith("https:") else None
    client = AsyncWebClient(token, url, session=session, retry_handlers=[], ssl=trusted)
    client.proxy = network.proxy_for(url)  # slack_sdk's own choice knows no NO_PROXY
    return client


class Slack(People):
    """One workspace's API. All methods raise SlackTransient and SlackPermanent, unless they say otherwise."""

    def __init__(self, client: AsyncWebClient, contact: str = "") -> None:
        """`contact`: whom sentences name as who runs this bot, if the operator said."""
        super().__init__()
        self._contact = contact
        self._client = client
        self._breakers = defaultdict[str, CircuitBreaker](lambda: CircuitBreaker(time.monotonic))

    async def myself(self) -> Myself:
        """Who the bot is; raises SlackPermanent for a token that Slack does not accept."""
        response = await self._counted("auth.test", {})  # the start asks until Slack answers
        self._is_org_wide = response.get("is_enterprise_install") is True
        return Myself(
            team=response["team_id"],
            team_name=clean(response["team"], NAME_CHARS),
            enterprise=response.get("enterprise_id"),
            user=response["user_id"],
            bot=response["bot_id"],
            url=response["url"],
        )

    async def post(self, thread: Thread, message: Message, mark: Json) -> Posted:
        """Post a reply (without a thread's ts: a message) with `mark` as metadata.

        A user's id as channel: to their direct messages with the app. After a SlackTransient it is open whether the
        message was posted.
        """
        return await self._post(thread, {**_content(message), "metadata": mark})

    async def say(self, place: Thread, message: Message) -> None:
        """Post a message that nobody has to find again."""
        await self._post(place, _content(message))

    async def _post(self, place: Thread, content: Json) -> Posted:
        """Slack answers ok to a thread that is gone, and posts at the channel's top level: that is taken back."""
        response = await self.call("chat.postMessage", {**_at(place), **content, **_PLAIN})
        posted, message = Posted(response["channel"], response["ts"]), as_object(response.get("message"))
        if place.ts and message and "thread_ts" not in message:
            with contextlib.suppress(SlackTransient, SlackPermanent):
                await self.call("chat.delete", {"channel": posted.channel, "ts": posted.ts})
            raise SlackPermanent("thread_not_found")
        return posted

    async def whisper(self, place: Thread, user: str, said: str | Message) -> None:
        """Show a message to one person alone; it is lost when they are not active in Slack.

        Where Slack refuses that, it goes to their direct messages with the app.
        """
        try:
            await self.call("chat.postEphemeral", {**_at(place), "user": user, **_answer(said)})
        except SlackPermanent as refused:
            if refused.reason == "missing_scope":
                raise
            await self.call("chat.postMessage", {"channel": user, **_answer(said), **_PLAIN})

    async def update(self, channel: str, ts: str, message: Message) -> None:
        """Replace a message. Its metadata stays: Slack keeps what is not sent again."""
        await self.call("chat.update", {"channel": channel, "ts": ts, **_content(message)})

    async def find(self, thread: Thread, mark: Json, since: float, bot: str) -> str | None:
        """The ts of a reply of ours whose post was never answered; None when it did not arrive.

        `since`: when the post was sent (epoch s); clocks may differ by ten minutes. Direct messages cannot be searched,
        because the bot never asks to read them: there, a crash at the worst moment shows a card twice.
        """
        if thread.channel.startswith(DIRECT):
            return None
        method = "conversations.replies" if thread.ts else "conversations.history"
        arguments: Json = {"channel": thread.channel, "limit": PAGE, **({"ts": thread.ts} if thread.ts else {})}
        arguments |= {"include_all_metadata": True, "oldest": f"{since - CLOCKS_DIFFER_SECONDS:.6f}"}
        async for response in self.pages(method, arguments):
            for message in payloads.messages(response):
                metadata = as_object(message.get("metadata"))
                if message.get("bot_id") == bot and all(metadata.get(name) == mark[name] for name in mark):
                    return str(message["ts"])
        return None

    async def root(self, thread: Thread) -> Json | None:
        """The thread's first message; None when it is gone."""
        return await self._message({"channel": thread.channel, "ts": thread.ts, "limit": 1}, thread.ts)

    async def message(self, thread: Thread, ts: str) -> Json | None:
        """One message of a thread, its root or a reply; None when it is gone."""
        span: Json = {"oldest": ts, "latest": ts, "inclusive": True, "limit": 2}
        return await self._message({"channel": thread.channel, "ts": thread.ts, **span}, ts)

    async def _message(self, arguments: Json, ts: str) -> Json | None:
        try:
            response = await self.call("conversations.replies", arguments)
        except SlackPermanent as refused:
            if refused.reason in ("thread_not_found", "message_not_found"):
                return None
            raise
        return next((message for message in payloads.messages(response) if message["ts"] == ts), None)

    async def page(self, thread: Thread, cursor: str, limit: int) -> tuple[list[Json], str]:
        """The thread's next messages, oldest first, and the cursor of those after them ("": there are none)."""
        arguments: Json = {"channel": thread.channel, "ts": thread.ts, "limit": limit}
        response = await self.call("conversations.replies", {**arguments, "cursor": cursor} if cursor else arguments)
        return payloads.messages(response), next_cursor(response)

    async def below(self, thread: Thread, ts: str) -> list[Json]:
        """The first messages of a thread that came after this one."""
        response = await self.call(
            "conversations.replies", {"channel": thread.channel, "ts": thread.ts, "oldest": ts, "limit": BELOW}
        )
        return [message for message in payloads.messages(response) if message["ts"] > ts]  # Slack adds the root

    async def open_view(self, trigger: str, view: Json) -> str:
        """Open a modal, within three seconds of the click; its id."""
        response = await self.call("views.open", {"trigger_id": trigger, "view": view})
        return str(as_object(response.get("view"))["id"])

    async def update_view(self, view_id: str, view: Json, unless_changed: str = "") -> None:
        """Replace the view of an open modal; with the hash of the view that a person saw, only that one."""
        once = {"hash": unless_changed} if unless_changed else {}
        await self.call("views.update", {"view_id": view_id, "view": view, **once})

    async def publish_home(self, user: str, view: Json) -> None:
        """Replace a person's Home tab of the app."""
        await self.call("views.publish", {"user_id": user, "view": view})

    async def answer(self, response_url: str, said: str | Message, thread_ts: str | None, *, within: float) -> None:
        """Reply to a click so that only that person sees it. SlackPermanent: Slack does not take it (any more)."""
        body: Json = {"response_type": "ephemeral", "replace_original": False, **_answer(said)}
        if thread_ts:
            body["thread_ts"] = thread_ts
        body = with_contact(body, self._contact)
        session = self._client.session
        assert session is not None, "the client shares one session"  # noqa: S101  a wiring error of ours
        try:
            async with session.post(
                response_url,
                json=body,
                timeout=aiohttp.ClientTimeout(within),
                proxy=network.proxy_for(response_url),
                ssl=self._client.ssl or True,
            ) as response:
                if response.status != 200:
                    failure = SlackPermanent if 400 <= response.status < 500 else SlackTransient
                    raise failure(f"response_url answered {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SlackTransient(f"response_url: {network.cause_of(error, response_url)}") from error

    async def ask(self, method: str, arguments: Json) -> SlackResponse:
        """Call any method, uncounted."""
        told = with_contact(arguments, self._contact)
        payload: Json = {"http_verb": "GET", "params": arguments} if method in READS else {"json": told}
        try:
            response: Any = await self._client.api_call(method, **payload)  # pyright: ignore[reportUnknownMemberType]
        except SlackApiError as error:
            raise refusal(error) from error
        # AttributeError: slack_sdk takes the text of a text/plain answer for an object.
        except (SlackClientError, aiohttp.ClientError, TimeoutError, ValueError, AttributeError) as error:
            why = network.cause_of(error, self._client.base_url)
            raise SlackTransient(f"{method}: {why}", silent=True) from error
        headers = {name.lower(): str(value) for name, value in response.headers.items()}
        return SlackResponse(as_object(response.data), headers)

    async def call(self, method: str, arguments: Json) -> Json:
        """Call a method, if its circuit breaker lets it through; what comes of it may open that."""
        breaker = self._breakers[method]
        wait = breaker.admit()
        if wait:
            raise SlackTransient(breaker.reason, wait, tried=False)
        try:
            data = await self._counted(method, arguments)
        except SlackTransient as later:
            if later.silent:
                breaker.silent(str(later))
            else:
                breaker.answered()
            if later.after is not None:
                breaker.open(later.after, str(later))
            raise
        except SlackPermanent:
            breaker.answered()
            raise
        breaker.answered()
        return data

    async def _counted(self, method: str, arguments: Json) -> Json:
        with metrics.counted("slack", method, SlackTransient):
            try:
                return (await self.ask(method, arguments)).data
            except SlackPermanent as refused:
                if refused.reason in DEAD_TOKEN and method != "auth.test":
                    raise SlackTransient(refused.reason) from refused  # messages wait for the next token
                raise


_PLAIN: Json = {"unfurl_links": False, "unfurl_media": False}


def _at(place: Thread) -> Json:
    return {"channel": place.channel, "thread_ts": place.ts} if place.ts else {"channel": place.channel}


def _answer(said: str | Message) -> Json:
    return _content(said) if isinstance(said, Message) else {"text": said, "blocks": sections(said)}


def _content(message: Message) -> Json:
    return {"text": message.text, "blocks": message.blocks}
