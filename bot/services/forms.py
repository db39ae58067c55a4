"""The modal: what it shows at once, what is filled in once Slack and Datadog have answered, the search for a case."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

import structlog

from bot.commands import CaseReference, parse_case
from bot.datadog.answers import DatadogCase
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.links import Reading, explain, extract, sentence
from bot.links.outcomes import CaseLink, Uncovered
from bot.messages import form_view, sentences
from bot.messages.card_view import address
from bot.messages.modal import CaseOption, Form, Row
from bot.model import Case, Draft, Identity, Insight, State, Thread
from bot.services import card_links, watching
from bot.services.cases import as_case, find, names_of, tied_case
from bot.services.checks import UserError, permit
from bot.services.context import Context, Organization
from bot.slack.errors import SlackPermanent, SlackTransient
from bot.store import cards, cases

Json = dict[str, Any]

OPEN_SECONDS = 2.0
SEARCH_SECONDS = 2.0
NAMES_SECONDS = 1.0
OPTIONS = 100
"""The most that Slack takes."""

UNANSWERED = (SlackTransient, SlackPermanent, DatadogTransient, DatadogPermanent)

log = structlog.get_logger(__name__)


def of_message(context: Context, workspace: str, channel: str, message: Json) -> Form:
    """What a message brings, from the shortcut's payload alone; each insight once."""
    readings = [context.read(link) for link in extract(message)]
    rows = {row.identity: row for row in reversed([*filter(None, map(_row, readings))])}
    thread = Thread(workspace, channel, message.get("thread_ts") or message["ts"])
    about = _about(thread, message["ts"], message.get("user") or message.get("bot_id"))
    refused = next((reading.reason for reading in readings if isinstance(reading.outcome, Uncovered)), None)
    named = watching.names_of(context, workspace, [reading.outcome for reading in readings])
    return Form(about, list(reversed(rows.values())), named, tie=True, refused=sentence(refused) if refused else "")


def _row(reading: Reading) -> Row | None:
    match reading.outcome:
        case Draft() as draft:
            insight, hint = draft.as_insight, reading.hint
        case Insight() as insight:
            hint = ""
        case Uncovered(note=Insight() as insight):
            hint = ""
        case Uncovered() | CaseLink() | None:
            return None
        case _:
            assert_never(reading.outcome)
    draft = isinstance(reading.outcome, Draft)
    return Row(insight.type, insight.resource_id, insight.ref, insight.host, insight.scope, draft=draft, hint=hint)


def _about(thread: Thread, message_ts: str, poster: str | None) -> dict[str, str]:
    """What is needed of the message when the form is submitted; the modal carries it."""
    place = {"workspace": thread.workspace, "channel": thread.channel, "thread": thread.ts}
    return {**place, "ts": message_ts, "poster": poster or ""}


def view_of(form: Form) -> Json:
    """The form, or that there is nothing to fill in."""
    return form_view.message(sentences.no_links(form.refused)) if form.is_empty else form_view.form(form)


async def open_view(context: Context, workspace: str, trigger: str, view: Json) -> str | None:
    """Open a modal; its id, or None where Slack does not open it in time."""
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await (await context.slack(workspace)).open_view(trigger, view)
    except (SlackTransient, SlackPermanent, TimeoutError) as error:
        log.warning("modal.not_opened", why=str(error) or type(error).__name__)
        return None


async def fill(context: Context, workspace: str, user: str, view_id: str, form: Form) -> None:
    """Show the case and the names in the form, or why this person may not add to it."""
    if form.is_empty:
        return
    try:
        await permit(context, workspace, user, "a case")
    except UserError as error:
        view = form_view.message(str(error))
    else:
        filled, titled = await asyncio.gather(_with_case(context, form), described(context, form))
        view = form_view.form(replace(filled, rows=titled.rows))
    await update(context, workspace, view_id, view)


async def fill_from_card(context: Context, workspace: str, user: str, view_id: str, card_id: str) -> None:
    """Show what a card still offers, or why this person cannot edit it."""
    try:
        view = form_view.form(await described(context, await of_card(context, workspace, user, card_id)))
    except UserError as error:
        view = form_view.message(str(error))
    await update(context, workspace, view_id, view)


async def show_fields(context: Context, workspace: str, user: str, view: Json, form: Form) -> None:
    """Show the form with one more link's fields, in place of the view that this person sees."""
    if await context.refusal(workspace, user) is None:
        form = await described(context, form)
    await update(context, workspace, str(view["id"]), form_view.form(form), str(view.get("hash") or ""))


async def _with_case(context: Context, form: Form) -> Form:
    """The form with the case of its thread; where that has none, with the one that its message links to."""
    about = form.about
    try:
        thread = Thread(about["workspace"], about["channel"], about["thread"])
        if case := await tied_case(context, thread):
            return replace(form, case=_choice(case), tie=False)
    except UNANSWERED as error:
        log.info("modal.case_unknown", why=str(error))  # it can be searched for and typed, and is checked then
    try:
        known = await find(context, form.named)
    except UNANSWERED as error:
        log.info("modal.case_unknown", why=str(error))
        return form
    return replace(form, case=_choice(known[0])) if len(known) == 1 else form


async def described(context: Context, form: Form, *, within: float = NAMES_SECONDS) -> Form:
    """The form with the names that Datadog tells in time, and how to complete what has no id. For full members only."""
    org = form.case.value.partition("/")[0] if form.case else ""
    links: dict[str, list[Identity]] = {}
    for row in form.rows:
        owners = context.owners(form.about["workspace"], row.host)
        if org in owners or len(owners) == 1:
            links.setdefault(org if org in owners else owners[0], []).append(row.identity)
    found = await asyncio.gather(*(context.orgs[one].names_of(ids, within=within) for one, ids in links.items()))
    names: Mapping[Identity, str] = {identity: name for titles in found for identity, name in titles.items()}
    rows = [replace(row, name=names.get(row.identity, ""), hint=_hint(context, row)) for row in form.rows]
    return replace(form, rows=rows)


def _hint(context: Context, row: Row) -> str:
    page = address(row.ref, row.host)
    return explain(page if page.startswith("http") else f"https://{page}", context.routes).hint if row.draft else ""


async def of_card(context: Context, workspace: str, user: str, card_id: str) -> Form:
    """What a card still offers, and what failed; raises UserError."""
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
        items = await cards.items(connection, card_id) if card else []
        case = await cases.get(connection, card.org, card.case_id) if card else None
    if card is None or case is None or card.thread.workspace != workspace:
        raise UserError(sentences.GONE_CARD)
    await permit(context, workspace, user, case.key, org=case.org)
    offered = [item for item in items if item.state in (State.OFFERED, State.FAILED)]
    if not offered:
        card_link = await card_links.of_card(context, card_id)
        raise UserError(sentences.nothing_left(card_link, continued=card.continued_in is not None))
    about = _about(card.thread, offered[0].message_ts, offered[0].poster)
    rows = [Row(item.type, item.resource_id, item.ref, item.host, item.scope, item.id, item.draft) for item in offered]
    return Form(about, rows, case=_choice(case))


async def update(context: Context, workspace: str, view_id: str, view: Json, unless_changed: str = "") -> None:
    """Replace the view of an open modal, as far as Slack takes that."""
    try:
        await (await context.slack(workspace)).update_view(view_id, view, unless_changed)
    except (SlackTransient, SlackPermanent) as error:  # closed by now, or Slack is slow: what is open works anyway
        log.info("modal.not_updated", why=str(error))


async def search(context: Context, workspace: str, user: str, words: str) -> Sequence[CaseOption]:
    """The case with this key or link, else cases with these words in their title, for those who may change one.

    None where Datadog does not answer in time: a person can still type the key into its own field.
    """
    if await context.refusal(workspace, user) is not None:
        return ()
    try:
        async with asyncio.timeout(SEARCH_SECONDS):
            reference = parse_case(words)
            found = await _by_key(context, workspace, reference) if reference else ()
            return found or await _by_words(context, workspace, words)
    except TimeoutError:
        return ()


async def _by_key(context: Context, workspace: str, reference: CaseReference) -> Sequence[CaseOption]:
    try:
        known = await find(context, names_of(context, workspace, reference))
    except (DatadogTransient, DatadogPermanent) as error:
        log.info("modal.case_unknown", why=str(error))
        return ()
    return [_listed(context, workspace, case) for case in known]


async def _by_words(context: Context, workspace: str, words: str) -> Sequence[CaseOption]:
    orgs = context.orgs_for(workspace)
    found = await asyncio.gather(*(_search(org, words) for org in orgs.values()))
    choices = [
        _listed(context, workspace, as_case(context, name, case))
        for name, cases_of_org in zip(orgs, found, strict=True)
        for case in cases_of_org
    ]
    return choices[:OPTIONS]


def _listed(context: Context, workspace: str, case: Case) -> CaseOption:
    """A case among others, with its organisation where there are several."""
    choice = _choice(case)
    return replace(choice, key=f"{case.org}/{case.key}") if len(context.orgs_for(workspace)) > 1 else choice


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
