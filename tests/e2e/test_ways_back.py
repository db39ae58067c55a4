"""A way back from what is decided on a card, and the question before a choice for a whole channel."""

import json

from tests.e2e.bench import Bench
from tests.e2e.test_modal import submit, until_shown
from tests.e2e.test_ties import choose


async def test_what_was_dismissed_is_shown_in_private_and_added_back(b: Bench) -> None:
    root, card = await b.offer(4711)
    await b.click(card, "insights.dismiss")
    card = await b.card(root, "Dismissed by Ana")
    await b.click(card, "insights.add_back", "U0BEN")
    await b.card(root, "by Ben")
    await b.handled()
    assert [resource for _, resource, _ in b.on_case] == ["4711"]

    root, card = await b.offer(*range(4720, 4727))
    await b.click(card, "insights.dismiss")
    card = await b.card(root, "and 2 more")
    await b.click(card, "insights.show", "U0BEN")
    await b.answer_to("U0BEN")
    shown = json.dumps(b.slack.private[-1])
    assert all(f"Add back Monitor {number}" in shown for number in range(4720, 4727))


async def test_a_choice_for_a_whole_channel_is_made_once_its_question_is_answered(b: Bench) -> None:
    root, card = await b.offer(4730)
    await choose(b, card, "Off in this channel")
    await submit(b, await until_shown(b, "The whole channel?"))
    await b.handled()
    b.reply(root, "https://app.datadoghq.com/monitors/4731")
    await b.handled()
    assert len(b.cards(root)) == 1
