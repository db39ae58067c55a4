"""The modal: opened by the message shortcut and by a card's Edit…, filled in, submitted."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import structlog
from cachetools import TTLCache
from slack_bolt.async_app import AsyncApp
from sqlalchemy.exc import SQLAlchemyError

from bot.commands import SHORTCUT
from bot.datadog.client import DatadogCase, DatadogPermanent, DatadogTransient
from bot.links import explain, extract
from bot.listeners.installation import caller_of, installation_of
from bot.messages import modal, sentences
from bot.messages.modal import Choice, Filled, Form, Row
from bot.model import CaseLink, Draft, Insight, State, Thread, Uncovered
from bot.services import shared_channels, submission
from bot.services.cases import CredentialsRefused, tied_case
from bot.services.context import Context, Organization
from bot.services.responder import Responder
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import cards, cases

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

OPEN_SECONDS = 2.0
"""A trigger is good for three seconds."""
SEARCH_SECONDS = 2.0
SUBMIT_SECONDS = 2.5
SEARCHES_SECONDS = 60.0

log = structlog.get_logger(__name__)


def register(app: AsyncApp, context: Context, responder: Responder, wake: Callable[[], None]) -> None:
    """Listen for the shortcut, Edit…, the search for a case, and the submission."""
    searches = TTLCache[tuple[str, str], list[Json]](256, SEARCHES_SECONDS)

    @app.shortcut(SHORTCUT)
    async def on_shortcut(ack: Ack, body: Json) -> None:
        # The modal first, from what Slack has sent: its trigger does not wait for anything else.
        shown = _of_message(context, body)
        view = modal.form(shown) if shown.rows or shown.uncovered else modal.message(sentences.no_links())
        view_id = await _open(context, body, view)
        await ack()
        if view_id is None:
            responder.respond(caller_of(body), sentences.not_opened())
        elif shown.rows or shown.uncovered:
            responder.in_background(_fill_in(context, body, view_id, shown))

    @app.action("insights.edit")
    async def on_edit(ack: Ack, body: Json, action: Json) -> None:
        view_id = await _open(context, body, modal.loading())
        await ack()
        if view_id is None:
            responder.respond(caller_of(body), sentences.not_opened())
        else:
            responder.in_background(_fill_in_card(context, body, view_id, str(action["value"]).partition(":")[0]))

    @app.options(modal.SEARCH)
    async def on_search(ack: Ack, body: Json) -> None:
        # Titles of cases are not for everybody; what to do instead, the modal says when it is sent.
        there = installation_of(body)
        may = await context.refusal(there, body["user"]["id"]) is None
        await ack(options=await _found(context, searches, there, str(body.get("value") or "")) if may else [])

    @app.view(modal.CALLBACK)
    async def on_submit(ack: Ack, body: Json) -> None:
        answer = await _submitted(context, body)
        wake()
        await ack(**answer)

    _ = on_shortcut, on_edit, on_search, on_submit


async def _open(context: Context, body: Json, view: Json) -> str | None:
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            slack = await context.slack(installation_of(body))
            return await slack.open_view(body["trigger_id"], view)
    except (SlackTransient, SlackPermanent, TimeoutError) as error:
        log.warning("modal.not_opened", why=str(error) or type(error).__name__)
        return None


def _of_message(context: Context, body: Json) -> Form:
    """What a message brings, from the shortcut's own payload."""
    message: Json = body["message"]
    rows: list[Row] = []
    uncovered: list[str] = []
    for link in extract(message):
        reading = explain(link, context.routes)
        match reading.outcome:
            case Insight() as found:
                rows.append(Row(found.type, found.resource_id, found.ref, found.host, found.scope))
            case Draft() as draft:
                found = draft.as_insight
                rows.append(
                    Row(
                        found.type, found.resource_id, found.ref, found.host, found.scope, draft=True, hint=reading.hint
                    )
                )
            case Uncovered():
                uncovered.append(link)
            case CaseLink() | None:
                pass
    once = {(row.type, row.scope, row.resource_id): row for row in reversed(rows)}
    about = {
        "workspace": installation_of(body),
        "channel": body["channel"]["id"],
        "thread": message.get("thread_ts") or message["ts"],
        "ts": message["ts"],
        "poster": message.get("user") or message.get("bot_id") or "",
    }
    return Form(about, list(reversed(once.values())), uncovered, tie=True)


async def _fill_in(context: Context, body: Json, view_id: str, shown: Form) -> None:
    """Once the store and Slack have told: the thread's case, or why this person may not."""
    there = installation_of(body)
    if refused := await context.refused(there, body["user"]["id"], "a case"):
        await _update(context, there, view_id, modal.message(refused))
        return
    case = await _case_of(context, _thread(shown.about))
    if case is not None:
        await _update(context, there, view_id, modal.form(replace(shown, case=case, tie=False)))


async def _fill_in_card(context: Context, body: Json, view_id: str, card_id: str) -> None:
    """What a card still offers, as the store has it."""
    there = installation_of(body)
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
        items = await cards.items(connection, card_id) if card else []
        case = await cases.get(connection, card.org, card.case_id) if card else None
    if card is None or case is None or card.thread.workspace != there:
        await _update(context, there, view_id, modal.message(sentences.gone_card()))
        return
    if refused := await context.refused(there, body["user"]["id"], case.key, org=case.org):
        await _update(context, there, view_id, modal.message(refused))
        return
    offered = [item for item in items if item.state is State.OFFERED]
    if not offered:
        await _update(context, there, view_id, modal.message(sentences.nothing_left()))
        return
    about = {
        "workspace": card.thread.workspace,
        "channel": card.thread.channel,
        "thread": card.thread.ts,
        "ts": offered[0].message_ts,
        "poster": offered[0].poster or "",
    }
    rows = [Row(item.type, item.resource_id, item.ref, item.host, item.scope, item.id, item.draft) for item in offered]
    chosen = Choice(f"{case.org}/{case.case_id}", case.key, case.title)
    await _update(context, there, view_id, modal.form(Form(about, rows, case=chosen)))


async def _update(context: Context, there: str, view_id: str, view: Json) -> None:
    try:
        await (await context.slack(there)).update_view(view_id, view)
    except (
        SlackTransient,
        SlackPermanent,
    ) as error:  # closed meanwhile, or Slack is slow: what is open works all the same
        log.info("modal.not_updated", why=str(error))


async def _case_of(context: Context, thread: Thread) -> Choice | None:
    """The thread's case; none where Slack or Datadog do not tell: it can be searched and typed all the same."""
    try:
        case = await tied_case(context, thread)
    except (SlackTransient, SlackPermanent, DatadogTransient, CredentialsRefused) as error:
        log.info("modal.case_unknown", why=str(error))
        return None
    return Choice(f"{case.org}/{case.case_id}", case.key, case.title) if case else None


async def _found(
    context: Context, searches: TTLCache[tuple[str, str], list[Json]], there: str, words: str
) -> Sequence[Json]:
    """Cases to choose from; none where Datadog does not tell in time: the field for the key works all the same."""
    if (there, words) in searches:
        return searches[there, words]
    ours = context.orgs_for(there)
    orgs = {name: org for name, org in ours.items() if not org.breaker.open_for}
    told = await asyncio.gather(*(_search(org, words) for org in orgs.values()))
    options = [
        Choice(f"{name}/{case.id}", f"{name}/{case.key}" if len(ours) > 1 else case.key, case.title).option
        for name, found in zip(orgs, told, strict=True)
        for case in found or ()
    ][:100]
    if None not in told:
        searches[there, words] = options
    return options


async def _search(org: Organization, words: str) -> Sequence[DatadogCase] | None:
    try:
        return await org.datadog.search(words, within=SEARCH_SECONDS)
    except (DatadogTransient, DatadogPermanent) as error:
        log.info("modal.search_failed", org=org.hosts.name, why=str(error))
        return None


async def _submitted(context: Context, body: Json) -> Mapping[str, Any]:
    """What to acknowledge a submission with: nothing (it closes), errors on fields, or the view with what changed."""
    view = cast(Json, body["view"])
    filled = modal.read(view)
    if problems := modal.errors(filled):
        return {"response_action": "errors", "errors": problems}
    try:
        async with asyncio.timeout(SUBMIT_SECONDS):
            problem = await _submit(context, body["user"]["id"], filled)
    except (SQLAlchemyError, TimeoutError) as error:
        log.warning("modal.not_saved", error=type(error).__name__)
        problem = {"key": sentences.not_saved()}
    if isinstance(problem, str):
        seen = Form({**filled.about, "told": "yes"}, filled.rows, notice=problem, case=modal.chosen(view))
        return {"response_action": "update", "view": modal.form(seen)}
    return {"response_action": "errors", "errors": problem} if problem else {}


async def _submit(context: Context, user: str, filled: Filled) -> dict[str, str] | str | None:
    """Carry it out; errors by field, or what changed meanwhile, or None when it is done."""
    if refused := await context.refused(filled.about["workspace"], user, "a case"):
        return {"key": refused}
    case = await submission.case_of(context, filled)
    if isinstance(case, str):
        return {"key": case}
    if case.org not in context.orgs_for(filled.about["workspace"]):
        return {"key": sentences.not_this_workspace(case.key, case.org)}
    if strange := submission.of_other_orgs(context, filled, case):
        return strange
    await shared_channels.is_shared(context, _thread(filled.about))  # so that the card knows, where Slack tells
    changed = await submission.submit(context, user, filled, case)
    return changed or None


def _thread(about: Mapping[str, str]) -> Thread:
    return Thread(about["workspace"], about["channel"], about["thread"])
