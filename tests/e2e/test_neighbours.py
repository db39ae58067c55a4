"""What goes wrong for some holds up nobody else: kinds of work have places of their own, and a pause counts for all."""

from tests.e2e.bench import PUT, Bench, monitor

CASES = 20
"""More than there are places for cases."""


async def test_while_more_cases_than_there_are_places_get_no_answer_others_get_their_cards_at_once(own: Bench) -> None:
    b = own
    offered = []
    for number in range(CASES):
        b.datadog.add_case(f"SLOW-{number + 1}", f"Case {number}")
        root = b.start_thread(f"https://app.datadoghq.com/cases/SLOW-{number + 1}")
        b.reply(root, monitor(number + 1))
        offered.append((root, await b.card(root, "Add 1 insight")))
    b.control.rule("datadog", PUT, hold="before")
    for _, card in offered:
        await b.click(card, "insights.add")
    await b.held(PUT)

    root = b.start_thread()
    b.reply(root, monitor(900))
    card = await b.card(root, "Add 1 insight to CASEM-4523")
    await b.click(card, "insights.dismiss")
    await b.card(root, "Dismissed by Ana")
    assert not any(call.done for call in b.calls(PUT)), "nobody had to wait for an answer of Datadog"

    b.control.clear_rules()
    b.control.release()
    for root, _ in offered:
        await b.card(root, "Added to SLOW-")
    assert [len(case.insights) for case in b.datadog.cases if case.key.startswith("SLOW")] == CASES * [1]


async def test_a_pause_that_slack_asks_for_counts_for_whatever_is_posted_meanwhile(b: Bench) -> None:
    roots = [b.start_thread() for _ in range(12)]
    await b.handled()
    b.control.rule("slack", "chat.postMessage", status=429, headers={"Retry-After": "2"}, times=1)
    b.reply(roots[0], monitor(1))
    await b.control.until(lambda: any(call.status == 429 for call in b.calls("chat.postMessage")), what="the refusal")
    for number, root in enumerate(roots[1:], 2):
        b.reply(root, monitor(number))
    for root in roots:
        await b.card(root, "Add 1 insight")
    await b.handled()
    refused, *posted = b.calls("chat.postMessage")
    assert refused.status == 429
    assert [call.status for call in posted] == len(roots) * [200]
    assert min(call.at for call in posted) - refused.at > 1.9
