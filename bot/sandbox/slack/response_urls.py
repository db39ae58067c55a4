"""Response URLs, which the app can use five times within half an hour.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses. Journalled as the method
`response_url` of the service "slack".
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web

from bot.sandbox.control import Control, handle_call
from bot.sandbox.slack import payload
from bot.sandbox.slack.conversations import Conversations, Posted
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.methods import as_bot, unfurl
from bot.sandbox.slack.payload import Arguments
from bot.sandbox.slack.workspace import OUR_APP

Json = dict[str, Any]

MOST_USES = 5


@dataclass(slots=True)
class ResponseUrl:
    """The person and channel of an interaction, and the message it was on."""

    user: str
    channel: str
    source: Posted | None
    until: float
    uses: int = 0


class ResponseUrls:
    """The response URLs issued so far. `lifetime` is in seconds."""

    def __init__(self, conversations: Conversations, control: Control) -> None:
        self.conversations = conversations
        self.control = control
        self.lifetime = 1800.0
        self._urls: dict[str, ResponseUrl] = {}

    def mint(self, address: str, user: str, channel: str, source: Posted | None) -> str:
        """A new response URL on this server's `address` (`host:port`)."""
        key = secrets.token_hex(12)
        self._urls[key] = ResponseUrl(user, channel, source, time.monotonic() + self.lifetime)
        return f"http://{address}/actions/{self.conversations.workspace.team_id}/{OUR_APP}/{key}"

    def forget(self) -> None:
        """Invalidate all of them."""
        self._urls.clear()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`POST /actions/{team}/{app}/{key}` with a JSON body."""
        try:
            given = _object(await request.json())
        except ValueError:
            given = None

        async def answer() -> web.Response:
            url = self._urls.get(request.match_info["key"])
            return self._answer(url, given)

        return await handle_call(self.control, request, "slack", "response_url", given or {}, answer)

    def _answer(self, url: ResponseUrl | None, given: Json | None) -> web.Response:
        if url is None or url.until < time.monotonic():
            return _no("expired_url", 404)
        if url.uses >= MOST_USES:
            return _no("used_url", 404)
        url.uses += 1
        if given is None:
            return _no("invalid_payload", 400)
        try:
            self._respond(url, Arguments(given))
        except SlackError as refusal:
            return _no(refusal.error, 400)
        return web.Response(text="ok")

    def _respond(self, url: ResponseUrl, arguments: Arguments) -> None:
        if arguments.flag("delete_original"):
            if set(arguments.given) != {"delete_original"}:
                raise SlackError("invalid_arguments")
            self._delete(url)
            return
        kept = payload.content(arguments)
        if payload.says_nothing(kept):
            raise SlackError("no_text")
        if arguments.flag("replace_original") and url.source is not None:
            self._replace(url.source, kept)
            return
        self._say(url, arguments, kept)

    def _delete(self, url: ResponseUrl) -> None:
        source = url.source
        if source is None:
            raise SlackError("invalid_arguments")
        if source.only is not None:
            self.conversations.edit_privately(source, None)
        else:
            self.conversations.remove(source)

    def _replace(self, source: Posted, kept: Json) -> None:
        """Replace the message clicked on; a private one stays private, whatever `response_type` says."""
        if source.only is not None:
            self.conversations.edit_privately(source, kept)
        else:
            self.conversations.edit(source, source.message["user"], kept)

    def _say(self, url: ResponseUrl, arguments: Arguments, kept: Json) -> None:
        """Post a new message, to the person only or to the channel; the bot need not be in it."""
        us = self.conversations.workspace.us
        message = {**as_bot(us), **kept}
        if arguments.has("thread_ts"):
            message["thread_ts"] = arguments.text("thread_ts")
        match arguments.text("response_type", "ephemeral"):
            case "ephemeral":
                self.conversations.show_privately(url.user, url.channel, message, "response_url")
            case "in_channel":
                channel = self.conversations.workspace.channels[url.channel]
                unfurl(self.conversations, self.conversations.add(channel, message), arguments)
            case _:
                raise SlackError("invalid_arguments")


def _object(body: Any) -> Json | None:
    return payload.decoded(cast(Json, body)) if isinstance(body, dict) else None


def _no(error: str, status: int) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=status)
