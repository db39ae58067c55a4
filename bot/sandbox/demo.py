"""`case-insights sandbox --demo`: the main job, played once in the terminal."""

from collections.abc import Callable
from typing import Any

from bot.sandbox.example_data import CASE_KEY, CASE_LINK, INCIDENTS
from bot.sandbox.render import as_text, readable
from bot.sandbox.sandbox import Sandbox, running_sandbox

Json = dict[str, Any]

MONITOR_LINK = "https://app.datadoghq.com/monitors/90210?group=host%3Aweb-1&from_ts=1795439598000&to_ts=1795440498000"
ERROR_LINK = "https://app.datadoghq.com/error-tracking/issue/2841440d-e780-4fe2-96cd-6a8c1d194da5"


async def play(manifest: Json, say: Callable[[str], None] = print) -> None:
    """Show a thread about a case, a reply with two links and one click; print what everybody sees."""
    async with running_sandbox(manifest) as sandbox:
        slack, control = sandbox.slack, sandbox.control
        root = slack.message(INCIDENTS, "U0ANA", f"Memory on the API keeps growing, the case is {CASE_LINK}")["ts"]
        reply = f"This fired just now {MONITOR_LINK} and this is the error behind it {ERROR_LINK}"
        slack.message(INCIDENTS, "U0ANA", reply, thread_ts=root)
        say(f"Ana starts a thread about {CASE_KEY} in #incidents, and pastes two links in a reply.")
        card = await control.until(lambda: _card(sandbox, root), timeout=20, what="the card")
        say("\nThe bot offers them:\n" + _indented(as_text(card)))
        say("\nBen presses Add.")
        await slack.click(INCIDENTS, card["ts"], "insights.add", "U0BEN")
        await control.until(lambda: "Added to" in _text(sandbox, root), timeout=20, what="the card that says added")
        await control.quiet()
        say("\nThe thread in Slack at the end:")
        for message in slack.thread(INCIDENTS, root):
            name = slack.workspace.users[message["user"]].name
            say(_indented(f"{name}: {as_text(message)}"))
        case = sandbox.datadog.cases[CASE_KEY]
        say(f"\nThe case in Datadog, {CASE_KEY}, {case.title}:")
        for insight in case.insights:
            say(_indented(f"{insight.type}  {insight.resource_id}\n    {insight.ref}"))
        puts = control.matching("datadog", "PUT /api/v2/cases/{case_id}/insights")
        say(f"\n{len(case.insights)} insights added with {len(puts)} call to Datadog.")


def _card(sandbox: Sandbox, root: str) -> Json | None:
    return next((message for message in sandbox.slack.thread(INCIDENTS, root) if message.get("metadata")), None)


def _text(sandbox: Sandbox, root: str) -> str:
    card = _card(sandbox, root)
    return readable(card["text"]) if card else ""


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
