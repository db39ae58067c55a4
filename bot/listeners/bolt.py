"""Bolt as the listeners need it: it knows the bot from others, counts events, and acknowledges after the listener."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import functools
import logging
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from prometheus_client import Counter
from slack_bolt.async_app import AsyncApp, AsyncBoltContext, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot import metrics
from bot.listeners.payloads import installation_of, is_shared
from bot.messages.modal import Malformed
from bot.messages.text import with_contact
from bot.services import watching
from bot.services.context import Context


def create(
    context: Context,
    client: AsyncWebClient,
    *,
    before_authorize: Callable[..., Awaitable[BoltResponse | None]] | None,
    contact: str = "",
) -> AsyncApp:
    """Bolt without listeners. It acknowledges when a listener has returned: its transaction is committed then.

    `contact`: whom its answers name as who runs this bot, if the operator said.
    """
    return _App(
        context,
        contact,
        logger=logging.getLogger("slack_bolt"),  # else Bolt gives each of its loggers the root's level, see `logs`
        client=client,
        authorize=_Authorize(context),
        signing_secret="",
        before_authorize=before_authorize,
        request_verification_enabled=False,  # `slack.http_mode` does it first; Socket Mode needs none
        process_before_response=True,
        # Bolt would create these for every event, and no listener uses them.
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )


def acknowledge_everything_else(app: AsyncApp) -> None:
    """The last listener: Slack would count an event that nobody handles as a failure."""

    @app.event(re.compile(".*"))
    async def on_anything_else() -> None: ...

    _ = on_anything_else


class _Authorize(AsyncAuthorize):
    """Tells Bolt who the bot is; without a token, because only `bot.slack` calls Slack.

    A subclass of Bolt's own: for a plain function it would look up arguments at every event.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    async def __call__(
        self, *, context: AsyncBoltContext, enterprise_id: str | None, team_id: str | None, **_: object
    ) -> AuthorizeResult:
        me = await self._context.myself(str(enterprise_id if context.is_enterprise_install else team_id))
        return AuthorizeResult(enterprise_id=me.enterprise, team_id=me.team, bot_id=me.bot, bot_user_id=me.user)


class _App(AsyncApp):
    """Bolt, which counts everything that Slack sends, in either mode, and names the operator's contact.

    What brings nothing is not passed through Bolt, which costs more than all else.
    """

    def __init__(self, context: Context, contact: str, **more: Any) -> None:
        super().__init__(**more)
        self._context, self._contact = context, contact

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        body: dict[str, Any] = req.body
        kind = str(body.get("type") or "command")
        if kind == "event_callback":
            event, kind = body["event"], body["event"]["type"]
            if kind == "message" and self._passes_by(event, body):
                _counter(kind, "acknowledged").inc()
                return BoltResponse(status=HTTPStatus.OK)
        response = await super().async_dispatch(req)
        if response.status == HTTPStatus.NOT_FOUND:  # Bolt's for a control or view that we have not
            response = BoltResponse(status=HTTPStatus.BAD_REQUEST)
        response.body = with_contact(response.body, self._contact)
        _counter(kind, "acknowledged" if response.status == 200 else "failed").inc()
        return response

    def _passes_by(self, event: dict[str, Any], body: dict[str, Any]) -> bool:
        if not watching.passes_by(event, shared=is_shared(body)):
            return False
        try:
            watching.pass_by(self._context, installation_of(body), event)
        except Malformed:
            return False
        return True


@functools.cache
def _counter(kind: str, outcome: str) -> Counter:
    """Kept: looking the counter up by its labels costs more than counting."""
    return metrics.events.labels(kind, outcome)
