"""The Web API over HTTP: arguments from query, form or JSON, token, scopes and errors."""

import base64
import binascii
import json
from typing import Any, cast

from aiohttp import web

from bot.sandbox.control import Control, Json, handle_call
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.methods import CHAT, Api, Method, missing_scope
from bot.sandbox.slack.payload import Arguments, decoded
from bot.sandbox.slack.reading_methods import READING
from bot.sandbox.slack.view_methods import VIEWS

METHODS: dict[str, Method] = {**CHAT, **READING, **VIEWS}


class WebApi:
    """`/api/<method>`, for the bot token and the app-level token with its `app_scopes`."""

    def __init__(self, api: Api, control: Control, app_token: str) -> None:
        self.api = api
        self.control = control
        self.app_token = app_token
        self.app_scopes = {"connections:write"}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        try:
            given = decoded(await arguments_of(request))
        except SlackError as refusal:
            given, unread = Json(), refusal
        else:
            unread = None
        token = token_of(request, given)

        async def answer() -> web.Response:
            if unread is not None:
                return self._refused(name, unread)
            return self._answer(name, token, Arguments(given))

        return await handle_call(self.control, request, "slack", name, given, answer)

    def _answer(self, name: str, token: str, arguments: Arguments) -> web.Response:
        try:
            method = self._allowed(name, token)
            return self._respond(name, {"ok": True, **method.run(self.api, arguments)})
        except SlackError as refusal:
            return self._refused(name, refusal)

    def _allowed(self, name: str, token: str) -> Method:
        """The method, if it exists and the token may call it. Raises SlackError."""
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        if method.caller == "client":
            return method
        if not token:
            raise SlackError("not_authed")
        installation = self.api.workspace.installation
        if token == installation.ended:
            raise SlackError("account_inactive")
        if token not in (installation.token, self.app_token):
            raise SlackError("invalid_auth")
        kind = "bot" if token == installation.token else "app"
        if method.caller not in ("any", kind):
            raise SlackError("not_allowed_token_type")
        if method.caller == "app" and "connections:write" not in self.app_scopes:
            raise missing_scope(("connections:write",), self.app_scopes)
        self.api.need_scope(*method.scopes)
        return method

    def _refused(self, name: str, refusal: SlackError) -> web.Response:
        return self._respond(name, {"ok": False, "error": refusal.error, **refusal.more})

    def _respond(self, name: str, body: Json) -> web.Response:
        method = METHODS.get(name)
        headers = {"X-OAuth-Scopes": ",".join(sorted(self.api.scopes))}
        if method is not None and method.scopes:
            headers["X-Accepted-OAuth-Scopes"] = ",".join(method.scopes)
        return web.json_response(body, headers=headers)


async def arguments_of(request: web.Request) -> Json:
    """The arguments of a request, `client_id` and `client_secret` also from HTTP Basic authentication.

    Raises SlackError when the body is not what its Content-Type says.
    """
    given: Json = {**_client(request), **request.query}
    if request.content_type == "application/json":
        return {**given, **_json_object(await request.text())}
    form = await request.post()
    return {**given, **{name: value for name, value in form.items() if isinstance(value, str)}}


def _json_object(text: str) -> Json:
    try:
        data: Any = json.loads(text or "{}")
    except ValueError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(data, dict):
        raise SlackError("json_not_object")
    return cast(Json, data)


def _client(request: web.Request) -> Json:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return {}
    try:
        client_id, _, client_secret = base64.b64decode(credentials).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {"client_id": client_id, "client_secret": client_secret}


def token_of(request: web.Request, given: Json) -> str:
    """The token from the header, or from the `token` argument unless the body is JSON."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer" and token:
        return token
    return "" if request.content_type == "application/json" else str(given.get("token", ""))
