"""Submitting the modal: the case it means, and all of it in one transaction."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.commands import parse_case
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.links import Routes, insight_on
from bot.messages import modal, replies, sentences
from bot.messages.card_view import address
from bot.messages.modal import Filled, Form, Row
from bot.messages.text import readable
from bot.model import CardItem, Case, CaseName, Insight, InsightType, NoteType, State, Thread
from bot.services import additions, forms, shared_channels, ties
from bot.services.additions import Added, Addition
from bot.services.cases import find, why_unknown
from bot.services.checks import UserError, in_channels, named_case, not_outside, permit
from bot.services.context import PERSON_WITHIN, Context
from bot.services.responder import Answer, not_saved, text_of
from bot.store import cards, now, tie_changes
from bot.store.transaction import Transaction

Json = dict[str, Any]

SUBMIT_SECONDS = 2.5
"""Of the three for which Slack waits."""
RESOLVE_SECONDS = 1.2
"""Datadog's part of them."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form that is committed, and what is told then: in the open, or to this person in its thread."""

    thread: Thread
    answer: Answer


async def submit(context: Context, workspace: str, user: str, view: Json) -> Mapping[str, str] | Form | Submitted:
    """Confirm what is ticked, withdraw what it replaces, tie. Submitted: all of it is committed.

    Else nothing is changed: sentences by the field that they are about, or the form again, which says what others
    decided meanwhile. Raises Malformed.
    """
    filled = modal.read(view)
    if not filled.about.keys() >= modal.ABOUT:
        raise modal.Malformed("no place of ours")
    if filled.about["workspace"] != workspace:
        return {"key": sentences.OTHER_WORKSPACE}
    if problems := modal.errors(filled):
        return problems
    try:
        async with asyncio.timeout(SUBMIT_SECONDS):
            await permit(context, workspace, user, "a case")
            if filled.tie:
                await in_channels(context, workspace, user, {filled.about["channel"]}, was_there=True)
            else:
                await not_outside(context, workspace, user, filled.about["channel"])
            case = await _case_of(context, filled)
            if problems := of_other_orgs(context, workspace, filled.rows, case):
                return problems
            written = await _write(context, user, filled, case)
    except UserError as error:
        return {"key": readable(str(error))}
    except (SQLAlchemyError, TimeoutError) as error:
        log.warning("modal.not_saved", error=type(error).__name__)
        return {"key": not_saved(error)}
    if isinstance(written, _Written):
        return Submitted(_thread(filled), partial(_told, context, user, case, filled, written))
    form = await forms.described(context, modal.again(view), within=0)
    return replace(form, about={**filled.about, "warned": "yes"}, notice=written)


async def _case_of(context: Context, filled: Filled) -> Case:
    """The case that was chosen or typed; raises UserError."""
    workspace = filled.about["workspace"]
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            if filled.key:
                reference = parse_case(filled.key)
                if reference is None:
                    raise UserError(replies.not_a_case(filled.key))
                return await named_case(context, workspace, reference)
            chosen = CaseName(*filled.case.split("/", 1))
            known = await find(context, [chosen])
    except TimeoutError as error:
        raise UserError(replies.DATADOG_DOWN) from error
    except (DatadogTransient, DatadogPermanent) as error:
        raise UserError(why_unknown(error)) from error
    if not known:
        raise UserError(replies.unknown_case(chosen.case))
    if chosen.org not in context.orgs_for(workspace):
        raise UserError(sentences.not_this_workspace(known[0].key, chosen.org))
    return known[0]


def of_other_orgs(context: Context, workspace: str, rows: Sequence[Row], case: Case) -> dict[str, str]:
    """A sentence for each ticked link that belongs to another organisation than the case, by its field, or the key's.

    A link that is one line has no field, and Slack shows errors at fields only.
    """
    problems: dict[str, list[str]] = {}
    for number, row in enumerate(rows):
        foreign = row.type is not InsightType.SCM_URL and case.org not in context.owners(workspace, row.host)
        if row.ticked and foreign:
            field = f"id.{number}" if row.open else "key"
            problems.setdefault(field, []).append(f"{number + 1} · {replies.other_org(case.key)}")
    return {field: " ".join(of_field) for field, of_field in problems.items()}


def _thread(filled: Filled) -> Thread:
    return Thread(filled.about["workspace"], filled.about["channel"], filled.about["thread"])


@dataclass(frozen=True, slots=True)
class _Written:
    """What a form committed: the insights, and what became of them; `tied`: its thread is, since now."""

    insights: Sequence[Insight]
    added: Added
    tied: bool


async def _told(context: Context, user: str, case: Case, filled: Filled, written: _Written) -> str:
    thread, said = _thread(filled), list[str]()
    if written.tied:
        said.append(await text_of(ties.announced(context, thread, case, user)))
    if written.insights:
        link_of = {insight.identity: address(insight.ref, insight.host) for insight in written.insights}
        said.append(await additions.told(context, case, thread, written.added, link_of))
    return "\n".join(filter(None, said))


async def _write(context: Context, user: str, filled: Filled, case: Case) -> _Written | str:
    """Commit all of it; or nothing, where others decided on some of it meanwhile: a sentence that says so."""
    about, thread = filled.about, _thread(filled)
    await shared_channels.is_shared(context, thread)  # stored, because the card depends on it
    rows = [row for row in filled.rows if row.ticked]
    insights = tuple(insight_of(row, context.routes) for row in rows)
    async with context.store.write() as tx:
        old = await cards.by_id(tx, [row.insight for row in rows if row.insight is not None])
        open_to_all = (State.OFFERED, State.FAILED)
        decided = [item for item in old if item.state not in open_to_all and "warned" not in about]
        if not decided:
            tied = filled.tie and bool(thread.ts) and await tie_changes.tie_in(tx, thread, case, user)
            adding = Addition(thread, case.org, case.case_id, insights, user, about["ts"], about["poster"] or None)
            added = await additions.add(tx, adding)
            await _withdraw_replaced(tx, old, insights, user)
            return _Written(insights, added, tied)
    slack = await context.slack(thread.workspace)
    names = await slack.names({item.by for item in decided if item.by}, within=PERSON_WITHIN)
    return sentences.modal_changed([(item, names.get(item.by or "", "")) for item in decided])


async def _withdraw_replaced(tx: Transaction, old: Sequence[CardItem], new: Sequence[Insight], user: str) -> None:
    """Withdraw offers whose id or type the person changed; what failed and is replaced is dismissed."""
    kept = {insight.identity for insight in new}
    replaced = [item.id for item in old if item.identity not in kept]
    for was, becomes in ((State.OFFERED, State.WITHDRAWN), (State.FAILED, State.DISMISSED)):
        change = cards.Change(becomes, await now(tx), by=user)
        await cards.touch(tx, await cards.move(tx, replaced, change, was=was))


def insight_of(row: Row, routes: Routes) -> Insight:
    """The insight that a row names, with the scope that its ref gives."""
    page = row.ref if row.ref.startswith("http") else f"https://{row.host}{row.ref}"
    identity = insight_on(row.type, row.resource_id, page, routes)
    resource_id = identity.resource_id if identity else row.resource_id
    of_link = row.scope if row.type in (NoteType.NOTE, InsightType.WIDGET) else ""
    return Insight(row.type, resource_id, row.ref, row.host, (identity.scope if identity else "") or of_link)
