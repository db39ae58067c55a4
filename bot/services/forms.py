"""The modal: what it shows at once, what is filled in once the store and Slack have answered, the search for a case."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog

from bot.datadog.client import DatadogCase
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.links import Reading, explain, extract
from bot.messages import modal, sentences
from bot.messages.modal import CaseOption, Form, Row
from bot.model import Case, Draft, Insight, State, Thread, Uncovered
from bot.services.cases import tied_case
from bot.services.checks import UserError, permit
from bot.services.context import Context, Organization
from bot.slack.errors import SlackPermanent, SlackTransient
from bot.store import cards, cases

Json = dict[str, Any]

OPEN_SECONDS = 2.0
SEARCH_SECONDS = 2.0
OPTIONS = 100
"""The most that Slack takes."""

log = structlog.get_logger(__name__)


def of_message(context: Context, workspace: str, channel: str, message: Json) -> Form:
    """What a message brings, from the shortcut's payload alone; each insight once."""
    readings = [explain(link, context.routes) for link in extract(message)]
    rows = {(row.type, row.scope, row.resource_id): row for row in reversed([*filter(None, map(_row, readings))])}
    thread = Thread(workspace, channel, message.get("thread_ts") or message["ts"])
    about = _about(thread, message["ts"], message.get("user") or message.get("bot_id"))
    uncovered = [reading.link for reading in readings if isinstance(reading.outcome, Uncovered)]
    return Form(about, list(reversed(rows.values())), uncovered, tie=True)


def _row(reading: Reading) -> Row | None:
    outcome = reading.outcome
    if not isinstance(outcome, Insight | Draft):
        return None
    draft = isinstance(outcome, Draft)
    insight, hint = (outcome.as_insight, reading.hint) if draft else (outcome, "")
    return Row(insight.type, insight.resource_id, insight.ref, insight.host, insight.scope, draft=draft, hint=hint)


def _about(thread: Thread, message_ts: str, poster: str | None) -> dict[str, str]:
    """What is needed of the message when the form is submitted; the modal carries it."""
    place = {"workspace": thread.workspace, "channel": thread.channel, "thread": thread.ts}
    return {**place, "ts": message_ts, "poster": poster or ""}


def view_of(form: Form) -> Json:
    """The form, or that there is nothing to fill in."""
    return modal.form(form) if form.rows or form.uncovered else modal.message(sentences.NO_LINKS)


async def open_view(context: Context, workspace: str, trigger: str, view: Json) -> str | None:
    """Open a modal; its id, or None where Slack does not open it in time."""
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await (await context.slack(workspace)).open_view(trigger, view)
    except (SlackTransient, SlackPermanent, TimeoutError) as error:
        log.warning("modal.not_opened", why=str(error) or type(error).__name__)
        return None


async def fill(context: Context, workspace: str, user: str, view_id: str, form: Form) -> None:
    """Show the thread's case in the form, or why this person may not add to it."""
    if not (form.rows or form.uncovered):
        return
    try:
        await permit(context, workspace, user, "a case")
        case = await tied_case(context, Thread(workspace, form.about["channel"], form.about["thread"]))
    except UserError as error:
        await _update(context, workspace, view_id, modal.message(str(error)))
    except (SlackTransient, SlackPermanent, DatadogTransient, DatadogPermanent) as error:
        log.info("modal.case_unknown", why=str(error))  # it can be searched for and typed, and is checked then
    else:
        if case is not None:
            await _update(context, workspace, view_id, modal.form(replace(form, case=_choice(case), tie=False)))


async def fill_from_card(context: Context, workspace: str, user: str, view_id: str, card_id: str) -> None:
    """Show what a card still offers, or why this person cannot edit it."""
    try:
        view = modal.form(await of_card(context, workspace, user, card_id))
    except UserError as error:
        view = modal.message(str(error))
    await _update(context, workspace, view_id, view)


async def of_card(context: Context, workspace: str, user: str, card_id: str) -> Form:
    """What a card still offers; raises UserError."""
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
        items = await cards.items(connection, card_id) if card else []
        case = await cases.get(connection, card.org, card.case_id) if card else None
    if card is None or case is None or card.thread.workspace != workspace:
        raise UserError(sentences.GONE_CARD)
    await permit(context, workspace, user, case.key, org=case.org)
    offered = [item for item in items if item.state is State.OFFERED]
    if not offered:
        raise UserError(sentences.NOTHING_LEFT)
    about = _about(card.thread, offered[0].message_ts, offered[0].poster)
    rows = [Row(item.type, item.resource_id, item.ref, item.host, item.scope, item.id, item.draft) for item in offered]
    return Form(about, rows, case=_choice(case))


async def _update(context: Context, workspace: str, view_id: str, view: Json) -> None:
    try:
        await (await context.slack(workspace)).update_view(view_id, view)
    except (SlackTransient, SlackPermanent) as error:  # closed by now, or Slack is slow: what is open works anyway
        log.info("modal.not_updated", why=str(error))


async def search(context: Context, workspace: str, user: str, words: str) -> Sequence[CaseOption]:
    """Cases with these words in their title, for those who may change one; none where Datadog does not answer in time.

    Without one a person can still type its key.
    """
    if await context.refusal(workspace, user) is not None:
        return ()
    orgs = context.orgs_for(workspace)
    found = await asyncio.gather(*(_search(org, words) for org in orgs.values()))
    choices = [
        CaseOption(f"{name}/{case.id}", f"{name}/{case.key}" if len(orgs) > 1 else case.key, case.title)
        for name, cases_of_org in zip(orgs, found, strict=True)
        for case in cases_of_org
    ]
    return choices[:OPTIONS]


async def _search(org: Organization, words: str) -> Sequence[DatadogCase]:
    """Slack asks after each pause in typing, and again for the same words: an answer counts for a while."""
    if words not in org.searches:
        try:
            org.searches[words] = await org.datadog.search(words, within=SEARCH_SECONDS)
        except (DatadogTransient, DatadogPermanent) as error:
            log.info("modal.search_failed", org=org.hosts.name, why=str(error))
            return ()
    return org.searches[words]


def _choice(case: Case) -> CaseOption:
    return CaseOption(f"{case.org}/{case.case_id}", case.key, case.title)
