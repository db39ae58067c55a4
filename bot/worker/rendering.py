"""A card's message, and whether it differs from what Slack shows."""

import hashlib
import json
from dataclasses import dataclass, replace

from bot.messages.card_view import Message
from bot.messages.cards import card_message
from bot.messages.questions import question_message
from bot.model import Card, Question, State
from bot.services import card_links
from bot.services.card_views import NAMES_WITHIN, told_among, view
from bot.services.context import Context
from bot.store import cards, questions, shared_channels, ties


@dataclass(frozen=True, slots=True)
class RenderedCard:
    """A card as of now: its message, the digest of what it reads, and whether there is anything to post."""

    version: int
    message: Message
    digest: str
    empty: bool = False


async def render(context: Context, card: Card) -> RenderedCard | None:
    """The card's message now; None: what it would show is not stored any more."""
    return await (_question(context, card) if card.asks else _insights(context, card))


async def _insights(context: Context, card: Card) -> RenderedCard | None:
    shown = await view(context, card)
    if shown is None:
        return None
    if shown.continued:
        shown = replace(shown, below=await _below(context, card.id))
    # The version itself stands in every button. What counts is the newest that an insight joined: a click from before
    # that does not mean the insight.
    joined = max((item.joined_version for item in shown.items), default=0)
    digest = _digest(card_message(replace(shown, version=joined)))
    empty = all(item.state is State.WITHDRAWN for item in shown.items)
    return RenderedCard(shown.version, card_message(shown), digest, empty=empty)


async def _below(context: Context, card: str) -> str:
    """The address of the card that continues this one; empty while it has none."""
    async with context.store.read() as connection:
        old = await cards.get(connection, card)
        new = await cards.get(connection, old.continued_in) if old and old.continued_in else None
    return await card_links.address(context, new)


async def _question(context: Context, card: Card) -> RenderedCard | None:
    async with context.store.snapshot() as connection:
        question = await questions.get(connection, card.id)
        tied = await questions.tied_to(connection, question) if question else None
        shared = await shared_channels.is_shared(connection, card.thread)
        tie = await ties.own(connection, card.thread)
    if question is None:
        return None
    workspace = await context.workspaces.at(card.thread.workspace)
    people = await workspace.slack.lately({question.by, tie.by if tie else None}, within=NAMES_WITHIN)
    names = {user: person.name for user, person in people.items()}
    visible = context.orgs_for(card.thread.workspace).keys() >= {case.org for case in question.asks}
    titled = visible and not shared and bool(told_among(workspace, people))

    def render(question: Question) -> Message:
        return question_message(question, names, card.thread, tied_to=tied, titled=titled)

    return RenderedCard(question.version, render(question), _digest(render(replace(question, version=0))))


def _digest(message: Message) -> str:
    return hashlib.blake2b(json.dumps(message.blocks).encode(), digest_size=12).hexdigest()
