"""Submitting the modal: the case it means, and all of it in one transaction."""

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.commands import parse_case
from bot.datadog.client import DatadogTransient
from bot.links import insight_on, orgs_of
from bot.messages import replies
from bot.messages.modal import Filled, Row
from bot.messages.sentences import modal_changed
from bot.model import CardItem, Case, CaseName, Insight, InsightType, State, Thread
from bot.services.cases import CredentialsRefused, find, names_of
from bot.services.context import PERSON_WITHIN, Context
from bot.store import adding, cards, cases, comments, now, ties, tying
from bot.store.adding import Adding

RESOLVE_SECONDS = 1.2
"""Datadog's part of the time that Slack waits for a submission."""


async def case_of(context: Context, filled: Filled) -> Case | str:
    """The case that was chosen or typed, or a sentence for the field."""
    named = parse_case(filled.key) if filled.key else None
    if filled.key and named is None:
        return replies.not_a_case(filled.key)
    workspace = filled.about["workspace"]
    names = names_of(context, workspace, named) if named else [CaseName(*filled.case.split("/", 1))]
    if not names:
        return replies.not_a_case(filled.key)
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await find(context, names)
    except (DatadogTransient, TimeoutError):
        return replies.datadog_down()
    except CredentialsRefused:
        return replies.keys_refused()
    if len(found) > 1:
        return replies.several_cases(found[0].key, [case.org for case in found])
    return found[0] if found else replies.unknown_case(names[0].case)


def of_other_orgs(context: Context, filled: Filled, case: Case) -> dict[str, str]:
    """A sentence for each ticked link that is another organisation's than the case, by the field of its id."""
    hosts = context.hosts_for(filled.about["workspace"])
    return {
        f"id.{number}": replies.other_org(case.key)
        for number, row in enumerate(filled.rows)
        if row.ticked
        and row.type is not InsightType.SCM_URL
        and case.org not in [org.name for org in orgs_of(row.host, hosts)]
    }


async def submit(context: Context, user: str, filled: Filled, case: Case) -> str:
    """Confirm what is ticked, withdraw what it replaces, tie, comment; or, where it changed meanwhile, say what did.

    An empty sentence: all of it is committed.
    """
    about = filled.about
    thread = Thread(about["workspace"], about["channel"], about["thread"])
    wanted = [row for row in filled.rows if row.ticked]
    async with context.store.write() as tx:
        old = await cards.by_id(tx, [row.insight for row in wanted if row.insight is not None])
        decided = [item for item in old if item.state is not State.OFFERED]
        if decided and "told" not in about:
            changed = decided
        else:
            changed = []
            if filled.tie and thread.ts:
                await tying.tie_in(tx, thread, case, user)
            await ties.lock_case(tx, case.org, case.case_id)
            if await cases.get(tx, case.org, case.case_id) is None:
                await cases.save(tx, case)
            items = tuple(_insight(context, row) for row in wanted)
            poster = about["poster"] or None
            await adding.add_in(tx, Adding(thread, case.org, case.case_id, items, user, about["ts"], poster))
            await _withdraw_replaced(tx, old, items, user)
            if filled.comment:
                await comments.ask(tx, case, thread, filled.comment, user)
    slack = await context.slack(thread.workspace)
    names = await slack.names({item.by for item in changed if item.by}, within=PERSON_WITHIN)
    return modal_changed([(item, names.get(item.by or "", "")) for item in changed]) if changed else ""


async def _withdraw_replaced(tx: AsyncConnection, old: Sequence[CardItem], new: Sequence[Insight], user: str) -> None:
    """What a card offered under another id or type than it was added with."""
    kept = {each.identity for each in new}
    replaced = [item.id for item in old if item.state is State.OFFERED and item.identity not in kept]
    change = cards.Change(State.WITHDRAWN, await now(tx), by=user)
    await cards.touch(tx, await cards.move(tx, replaced, change, was=State.OFFERED))


def _insight(context: Context, row: Row) -> Insight:
    """The insight that a row names, with the scope that its ref gives."""
    ref = row.ref
    page = ref if ref.startswith("http") else f"https://{row.host}{ref}"
    identity = insight_on(row.type, row.resource_id, page, context.routes)
    resource_id = identity.resource_id if identity else row.resource_id
    scope = row.scope or (identity.scope if identity else "")
    return Insight(row.type, resource_id, ref, row.host, scope)
