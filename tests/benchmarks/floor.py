"""The floor of a link and a click: the least program that would be accepted as correct, for one kind of link.

Real Bolt and raw SQLite, one transaction wherever a crash could lose or double something, the same rows and the same
calls to Slack and Datadog as the bot's. Everything else that the bot does is left out: other links, edits, people's
rights beyond one look-up, failures. `python -m tests.benchmarks.floor`: prints its port.
"""

import asyncio
import json
import os
import re
import secrets
import sqlite3
import time
from contextlib import contextmanager
from typing import Any

import httpx
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.benchmarks.bare import over_http

LINK = re.compile(r"https://app\.datadoghq\.com(/monitors/(\d+))")
Json = dict[str, Any]

database = sqlite3.connect(os.environ["FLOOR_DATABASE"], isolation_level=None)
slack = AsyncWebClient(os.environ["TOKEN"], os.environ["SLACK_API_URL"], retry_handlers=[])
datadog = httpx.AsyncClient(base_url=os.environ["DD_API_URL"], headers={"DD-API-KEY": "sandbox-api-key"})
datadog.headers["DD-APPLICATION-KEY"] = "sandbox-app-key"
bolt = AsyncApp(client=slack, signing_secret=os.environ["SLACK_SIGNING_SECRET"], process_before_response=True)
members, titles = dict[str, bool](), dict[str, str]()
under_way = set[asyncio.Task[None]]()


@contextmanager
def transaction() -> Any:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database.execute
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def after(work: Any) -> None:
    task = asyncio.create_task(work)
    under_way.add(task)
    task.add_done_callback(under_way.discard)


@bolt.event("message")
async def on_message(event: Json) -> None:
    found = LINK.search(event.get("text", ""))
    if found is None or "bot_id" in event:
        return
    channel, thread = event["channel"], event.get("thread_ts", event["ts"])
    tied = database.execute("SELECT case_id FROM ties WHERE channel = ? AND thread = ?", (channel, thread)).fetchone()
    if tied is None:
        return
    (case_id,), (ref, resource), at, card = tied, found.groups(), time.time(), secrets.token_hex(6)
    with transaction() as execute:
        seen = (channel, event["ts"], thread, event["user"], resource, ref, at)
        if not execute("INSERT OR IGNORE INTO sightings VALUES (?, ?, ?, ?, ?, ?, 'offered', ?)", seen).rowcount:
            return
        made = execute(
            "INSERT OR IGNORE INTO insights (case_id, resource, ref, state, at) VALUES (?, ?, ?, 'offered', ?)",
            (case_id, resource, ref, at),
        )
        if not made.rowcount:
            return
        execute("INSERT INTO transitions VALUES (?, ?, NULL, 'offered', NULL)", (made.lastrowid, at))
        execute("INSERT INTO cards VALUES (?, ?, ?, ?, NULL, 1, 0, ?)", (card, channel, thread, case_id, at))
        execute("INSERT INTO card_insights VALUES (?, ?)", (card, made.lastrowid))
        execute("INSERT INTO jobs VALUES (?, 'card', ?)", (card, at + 30))
    after(post(card, channel, thread, case_id))


async def names(card: str) -> None:
    """What Datadog calls the monitors, as the bot asks; one without a name is shown without."""
    rows = "SELECT resource FROM insights JOIN card_insights ON insight = id WHERE card = ?"
    for (resource,) in database.execute(rows, (card,)).fetchall():
        response = await datadog.get(f"/api/v1/monitor/{resource}")
        titles[resource] = response.json()["name"] if response.status_code == 200 else ""


async def post(card: str, channel: str, thread: str, case_id: str) -> None:
    await names(card)
    posted = await slack.chat_postMessage(
        channel=channel, thread_ts=thread, unfurl_links=False, unfurl_media=False, **message(card, case_id),
        metadata={"event_type": "case_insights_card", "event_payload": {"card": card}},
    )  # fmt: skip
    with transaction() as execute:
        execute("UPDATE cards SET ts = ?, shown = version, posting_since = NULL WHERE id = ?", (posted["ts"], card))
        execute("DELETE FROM jobs WHERE card = ?", (card,))


@bolt.action("insights.add")
async def on_add(ack: Any, body: Json, action: Json) -> None:
    user, (card, _) = body["user"]["id"], action["value"].split(":")
    if user not in members:
        members[user] = not (await slack.users_info(user=user))["user"].get("is_restricted")
    if not members[user]:
        return
    ticked = [
        int(option["value"])
        for block in body["state"]["values"].values()
        for box in block.values()
        for option in box["selected_options"]
    ]
    at = time.time()
    with transaction() as execute:
        rows = execute(
            "SELECT insights.id, resource, ref, insights.case_id FROM insights JOIN card_insights ON insight = id "
            "WHERE card = ? AND state = 'offered' AND insights.id IN (SELECT value FROM json_each(?))",
            (card, json.dumps(ticked)),
        ).fetchall()
        for insight, *_ in rows:
            confirmed = (user, at, at, at, insight)
            execute(
                "UPDATE insights SET state = 'confirmed', by = ?, at = ?, confirmed_at = ?, sent_at = ? WHERE id = ?",
                confirmed,
            )
            execute("INSERT INTO transitions VALUES (?, ?, 'offered', 'confirmed', ?)", (insight, at, user))
        execute("UPDATE cards SET version = version + 1 WHERE id = ?", (card,))
        execute("INSERT INTO jobs VALUES (?, 'case', ?)", (card, at + 30))
    await ack()
    if rows:
        after(add(card, rows))


async def add(card: str, rows: list[Any]) -> None:
    case_id = rows[0][3]
    triples = [{"type": "MONITOR", "resource_id": resource, "ref": ref} for _, resource, ref, _ in rows]
    body = {"data": {"type": "case", "attributes": {"insights": triples}}}
    response = await datadog.put(f"/api/v2/cases/{case_id}/insights", json=body)
    attributes, at = response.raise_for_status().json()["data"]["attributes"], time.time()
    with transaction() as execute:
        for insight, *_ in rows:
            execute("UPDATE insights SET state = 'added', at = ?, sent_at = 0 WHERE id = ?", (at, insight))
            execute("INSERT INTO transitions VALUES (?, ?, 'confirmed', 'added', NULL)", (insight, at))
        known = (attributes["key"], attributes["title"], json.dumps(attributes["insights"]), at, case_id)
        execute("UPDATE cases SET key = ?, title = ?, on_case = ?, read_at = ? WHERE id = ?", known)
        execute("UPDATE cards SET version = version + 1 WHERE id = ?", (card,))
        channel, ts = execute("SELECT channel, ts FROM cards WHERE id = ?", (card,)).fetchone()
    await slack.chat_update(channel=channel, ts=ts, **message(card, case_id))
    with transaction() as execute:
        execute("UPDATE cards SET shown = version WHERE id = ?", (card,))
        execute("DELETE FROM jobs WHERE card = ?", (card,))


def message(card: str, case_id: str) -> Json:
    """The card as of now, of the size of the bot's."""
    (key, title) = database.execute("SELECT key, title FROM cases WHERE id = ?", (case_id,)).fetchone()
    rows = database.execute(
        "SELECT id, resource, ref, state, by FROM insights JOIN card_insights ON insight = id WHERE card = ?", (card,)
    ).fetchall()
    (version,) = database.execute("SELECT version FROM cards WHERE id = ?", (card,)).fetchone()
    offered = [row for row in rows if row[3] == "offered"]
    words = f"Add {len(offered)} insight to {key}, {title}?" if offered else f"Added to {key} by {rows[0][4]}: Monitor"
    blocks: list[Json] = [{"type": "section", "text": {"type": "mrkdwn", "text": f"*{words}*"}}]
    if offered:
        options = [
            {"value": str(insight), "text": {"type": "plain_text", "text": f"Monitor {resource}"}}
            for insight, resource, *_ in offered
        ]
        boxes = {"type": "checkboxes", "action_id": "insights.select", "options": options, "initial_options": options}
        buttons = [button("insights.add", f"Add to {key}", f"{card}:{version}")]
        buttons += [button(f"insights.{name}", name.title(), f"{card}:{version}") for name in ("edit", "dismiss")]
        blocks += [{"type": "actions", "block_id": "group1", "elements": [boxes]}]
        blocks += [{"type": "context", "elements": [{"type": "mrkdwn", "text": "From a message in this thread"}]}]
    else:
        lines = "\n".join(f"Monitor <https://app.datadoghq.com{ref}|{resource}>" for _, resource, ref, *_ in rows)
        blocks += [{"type": "section", "text": {"type": "mrkdwn", "text": lines}}]
        buttons = [button("insights.undo", "Undo", f"{card}:{version}")]
    return {"text": words, "blocks": [*blocks, {"type": "actions", "elements": buttons}]}


def button(action_id: str, text: str, value: str) -> Json:
    return {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": text}, "value": value}


if __name__ == "__main__":
    asyncio.run(over_http(bolt))
