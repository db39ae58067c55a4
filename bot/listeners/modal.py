"""The modal: opened by the message shortcut and by a card's Edit…, filled in, submitted."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.commands import SHORTCUT
from bot.listeners.payloads import caller_of, installation_of, parts
from bot.messages import form_view, modal, sentences
from bot.services import forms, submission
from bot.services.context import Context
from bot.services.responder import Caller, Responder

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]
Fill = Callable[[str], Coroutine[Any, Any, None]]
"""Fills in the view with this id."""


def register(app: AsyncApp, context: Context, responder: Responder) -> None:
    """Listen for the shortcut, Edit…, the search for a case, Change…, and the submission."""

    async def show(ack: Ack, body: Json, view: Json, fill: Fill) -> None:
        """Open this view first, because its trigger expires after three seconds, and fill it in after that."""
        caller = caller_of(body)
        view_id = await forms.open_view(context, caller.here.workspace, body.get("trigger_id", ""), view)
        await ack()
        if view_id is None:
            responder.respond(caller, sentences.NOT_OPENED)
        else:
            responder.in_background(fill(view_id))

    @app.shortcut(SHORTCUT)
    async def on_shortcut(ack: Ack, body: Json) -> None:
        workspace, user = installation_of(body), body["user"]["id"]
        form = forms.of_message(context, workspace, body["channel"]["id"], body["message"])
        await show(ack, body, forms.view_of(form), lambda view_id: forms.fill(context, workspace, user, view_id, form))

    @app.action("insights.edit")
    async def on_edit(ack: Ack, body: Json, action: Json) -> None:
        workspace, user = installation_of(body), body["user"]["id"]
        card, _ = parts(action)
        view = form_view.loading()
        await show(ack, body, view, lambda view_id: forms.fill_from_card(context, workspace, user, view_id, card))

    @app.options(modal.SEARCH)
    async def on_search(ack: Ack, body: Json) -> None:
        choices = await forms.search(context, installation_of(body), body["user"]["id"], str(body.get("value") or ""))
        await ack(options=[choice.option for choice in choices])

    @app.action(modal.CHANGE)
    async def on_change(ack: Ack, body: Json, action: Json) -> None:
        form = modal.changing(body["view"], action["block_id"])
        await ack()
        user = body["user"]["id"]
        responder.in_background(forms.show_fields(context, installation_of(body), user, body["view"], form))

    @app.view(modal.CALLBACK)
    async def on_submit(ack: Ack, body: Json) -> None:
        user = body["user"]["id"]
        result = await submission.submit(context, installation_of(body), user, body["view"])
        match result:
            case submission.Submitted(thread, answer):
                await ack()
                responder.respond(Caller(thread, user, "view_submission"), answer)
            case modal.Form():
                await ack(response_action="update", view=form_view.form(result))
            case _:
                await ack(response_action="errors", errors=result)

    _ = on_shortcut, on_edit, on_search, on_change, on_submit
