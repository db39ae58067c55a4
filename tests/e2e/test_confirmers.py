"""The operator names who may confirm: people, and user groups as Slack tells of them at the click."""

from pathlib import Path

from tests.e2e.bench import PUT, bench, monitor

ONLY = "Only people named by whoever runs this bot (CASE_INSIGHTS_CONFIRMERS) can change CASEM-4523."


async def test_only_the_named_and_the_members_of_named_groups_may_confirm(tmp_path: Path) -> None:
    async with bench(tmp_path, settings={"CASE_INSIGHTS_CONFIRMERS": "S0SRE"}) as b:
        b.slack.workspace.user_groups["S0SRE"] = ["U0ANA"]
        root = b.start_thread()
        b.reply(root, monitor(1))
        card = await b.card(root, "Add 1 insight")
        await b.click(card, "insights.add", "U0BEN")
        assert (await b.answer_to("U0BEN")).startswith(ONLY)
        await b.handled()
        assert b.calls(PUT) == []
        await b.click(card, "insights.add", "U0ANA")
        await b.card(root, "Added to CASEM-4523 by Ana")
