"""Who × door × place: for each person what each door does and tells, and what comes of what each author posts.

The bot runs in a workspace of an Enterprise Grid. Its operator has named everybody but Ben, and that alone makes nobody
a member: guests, strangers, those who left and Slackbot are named, too.
"""

import ast
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.bench import CHANNEL, EMOJI, TITLE, Bench, as_read, bench
from tests.e2e.test_modal import DRAFT, opened
from tests.e2e.test_names import call

Json = dict[str, Any]

KEY, CASE_LINK = "OPS-77", "https://app.datadoghq.com/cases/OPS-77"
"""Not the key that help and hints name."""
PEOPLE = {"named": "U0ANA", "not named": "U0BEN", "sibling": "U0SIBLING", "guest": "U0GUEST", "stranger": "U0STRANGER"}
"""By column. `sibling`: a member of another workspace of the same Grid."""
TIED, SHARED, SECRET = "C0GENERAL", "C0SHARED", "C0SECRET"
SECRET_NAME = "Acquisition of Globex"
REFUSALS = (
    "Only full members of Acme can",
    "Only people named by",
    "Nothing was done: Slack does not show",
    "Slack does not show",
)
STATE = """
    SELECT case_id, resource_id, CASE state WHEN 'added' THEN 'confirmed' WHEN 'undone' THEN 'undoing' ELSE state END
    FROM insights WHERE state != 'offered'
    UNION ALL SELECT channel, thread_ts, kind FROM ties WHERE source = 'said'
    UNION ALL SELECT channel, thread_ts, mode FROM modes
    UNION ALL SELECT channel, thread_ts, by FROM creations
"""
"""What people decided."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def grid(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    named = [*(user for user in PEOPLE.values() if user != "U0BEN"), "USLACKBOT", "U0GONE", "U0DATADOG", "U0BOSS"]
    settings = {"CASE_INSIGHTS_CONFIRMERS": ",".join(named), "CASE_INSIGHTS_REACTION": EMOJI}
    settings["CASE_INSIGHTS_COMMENT"] = "off"  # written later, it would count as a call that somebody refused caused
    async with bench(tmp_path_factory.mktemp("grid"), settings=settings, enterprise="E0GRID") as built:
        yield built


class Desk:
    """One bench with its people, and what they do there."""

    def __init__(self, b: Bench) -> None:
        self.b = b
        b.datadog.add_case(KEY, TITLE)
        b.slack.add_user(id="U0SIBLING", name="sid", real_name="Sid", team_id="T0PART")
        b.slack.add_user(id="U0GONE", name="gus", real_name="Gus", deleted=True)
        b.slack.add_user(id="U0BOSS", name="bo", real_name="Bo")
        b.slack.add_channel(id=SECRET, name="secret", is_private=True, members={"U0BOSS", "U0CASES"})
        for channel in (CHANNEL, TIED, SHARED):
            for user in (*PEOPLE.values(), "U0GONE"):
                b.slack.join(channel, user)

    def link(self) -> str:
        """A link to a new monitor, whose name only some may read."""
        number = 800_000 + len(self.b.datadog.resources.by_kind["monitor"])
        return call(self.b, number, f"{SECRET_NAME} {number}")

    async def card(self) -> tuple[str, Json]:
        """A thread that Ana began about the case, and a card that offers her link."""
        root = self.b.start_thread(f"see {CASE_LINK}")
        self.b.reply(root, self.link())
        return root, await self.b.card(root, "Add 1 insight")

    async def added(self) -> tuple[str, Json]:
        root, card = await self.card()
        await self.b.click(card, "insights.add")
        return root, await self.b.card(root, "Added to")

    def there(self, ts: str, channel: str = CHANNEL) -> str:
        return self.b.slack.permalink(channel, ts)

    def decided(self) -> set[Any]:
        with closing(sqlite3.connect(self.b.database)) as connection:
            return set(connection.execute(STATE))

    async def outcome(self, user: str, act: Callable[[], Awaitable[Any]], shown: Callable[[], str] = str) -> str:
        """What came of an act: `done`, `refused`, `told` (of the case), or `answered` without a word of it.

        `shown`: where its answer stands, else it is private.
        """
        before, known, asked = self.decided(), len(self.b.private(user)), len(self.b.control.calls)
        await act()

        def answer() -> str:
            return "".join(self.b.private(user)[known:]) or shown()

        said = await self.b.control.until(
            lambda: "changed" if self.decided() != before else answer(), what=f"what comes of it for {user}"
        )
        if said == "changed" or said.startswith("Reading this thread"):
            return "done"
        if said.startswith(REFUSALS):
            datadog = [call.method for call in self.b.control.calls[asked:] if call.service == "datadog"]
            assert datadog == [], "a refused person causes no call to Datadog"
            assert not any(words in said for words in (TITLE, SECRET_NAME))
            return "refused"
        return "told" if KEY in said else "answered"


# --- the doors that people open ---


async def add(desk: Desk, user: str) -> str:
    _, card = await desk.card()
    return await desk.outcome(user, lambda: desk.b.click(card, "insights.add", user))


async def dismiss(desk: Desk, user: str) -> str:
    _, card = await desk.card()
    return await desk.outcome(user, lambda: desk.b.click(card, "insights.dismiss", user))


async def undo(desk: Desk, user: str) -> str:
    _, card = await desk.added()
    return await desk.outcome(user, lambda: desk.b.click(card, "insights.undo", user))


async def menu(desk: Desk, user: str) -> str:
    _, card = await desk.card()
    [more] = [one for block in card["blocks"] for one in block.get("elements", []) if one["type"] == "overflow"]
    off = next(option["value"] for option in more["options"] if option["value"].endswith("off.thread"))
    return await desk.outcome(user, lambda: desk.b.slack.click(CHANNEL, card["ts"], "insights.more", user, option=off))


async def answer_question(desk: Desk, user: str) -> str:
    root = desk.b.start_thread("The API is slow")
    desk.b.reply(root, f"perhaps {CASE_LINK}")
    card = await desk.b.card(root, "Tie this thread")
    return await desk.outcome(user, lambda: desk.b.click(card, "tie.yes", user))


def told_in(view: object) -> str:
    """What a view tells: a refusal, or of the case; empty until it does."""
    said = str(view)
    return next((said[said.index(words) :] for words in (*REFUSALS, KEY) if words in said), "")


def modal(desk: Desk, user: str) -> str:
    """What a person's modal says, once Slack has said who they are."""
    return told_in(desk.b.slack.modal(user))


async def edit(desk: Desk, user: str) -> str:
    _, card = await desk.card()
    return await desk.outcome(user, lambda: desk.b.click(card, "insights.edit", user), lambda: modal(desk, user))


async def open_form(desk: Desk, user: str) -> str:
    root, _ = await desk.card()
    return await desk.outcome(user, lambda: opened(desk.b, desk.b.reply(root, DRAFT), user), lambda: modal(desk, user))


async def search(desk: Desk, user: str) -> str:
    root, _ = await desk.card()
    view = await opened(desk.b, desk.b.reply(root, DRAFT), user)
    found = await desk.b.slack.suggest(view["id"], user, "case.search", "memory leak")
    return "told" if found else "refused"


async def submit(desk: Desk, user: str) -> str:
    """The form as it opens, while Slack has not yet said who asks for it."""
    root, _ = await desk.card()
    ts = desk.b.reply(root, desk.link())
    await desk.b.card(root, "Add 2 insights")
    desk.b.control.rule("slack", "views.update", hold="before")
    view = await opened(desk.b, ts, user)
    return await submitted(desk, user, view, {"key": {"key": KEY}})


async def submitted(desk: Desk, user: str, view: Json, fields: Json) -> str:
    """What comes of a form that Slack holds as it was opened."""
    errors: list[str] = []

    async def press() -> None:
        errors.extend((await desk.b.slack.submit(view["id"], user, fields))["errors"].values())

    came = await desk.outcome(user, press, lambda: "".join(errors))
    desk.b.control.clear_rules()
    desk.b.control.release()
    return came


async def search_projects(desk: Desk, user: str) -> str:
    view = await form_for_a_case(desk, user)
    found = await desk.b.slack.suggest(view["id"], user, "case.project", "")
    desk.b.control.clear_rules()
    desk.b.control.release()
    return "told" if found else "refused"


async def form_for_a_case(desk: Desk, user: str) -> Json:
    root = desk.b.start_thread("The API is slow")
    desk.b.control.rule("slack", "views.update", hold="before")
    await desk.b.slack.shortcut(CHANNEL, root, user, "create_case")
    return await desk.b.control.until(lambda: desk.b.slack.modal(user), what="the form")


async def submit_a_case(desk: Desk, user: str) -> str:
    """With what a full member could choose in its menus."""
    view, fields = await form_for_a_case(desk, user), {}
    for name in ("project", "type"):
        chosen = {"text": {"type": "plain_text", "text": name}, "value": f"default/{name}"}
        desk.b.slack.views.modals[user].suggested[f"case.{name}"] = [chosen]
        fields[name] = {f"case.{name}": chosen["value"]}
    return await submitted(desk, user, view, fields)


def typed(text: str) -> Callable[[Desk, str], Awaitable[str]]:
    """A slash command; `{there}`: a thread about the case, `{link}`: a new link."""

    async def door(desk: Desk, user: str) -> str:
        root, _ = await (desk.added() if text.startswith("undo") else desk.card())
        words = text.format(there=desk.there(root), link=desk.link())
        return await desk.outcome(user, lambda: desk.b.slack.command(CHANNEL, user, "/insight", words))

    return door


def elsewhere(text: str) -> Callable[[Desk, str], Awaitable[str]]:
    """A slash command about a private channel that this person has left."""

    async def door(desk: Desk, user: str) -> str:
        root = desk.b.slack.message(SECRET, "U0BOSS", f"hush {CASE_LINK}")["ts"]
        await desk.b.handled()
        words = text.format(there=desk.there(root, SECRET))
        return await desk.outcome(user, lambda: desk.b.slack.command(CHANNEL, user, "/insight", words))

    return door


async def mention(desk: Desk, user: str) -> str:
    root, _ = await desk.card()

    async def act() -> None:
        desk.b.slack.mention(CHANNEL, user, f"add {desk.link()}", thread_ts=root)

    return await desk.outcome(user, act)


async def react(desk: Desk, user: str) -> str:
    root, _ = await desk.card()
    ts = desk.b.reply(root, desk.link())
    await desk.b.card(root, "Add 2 insights")

    async def act() -> None:
        desk.b.slack.react(CHANNEL, ts, user, EMOJI)

    return await desk.outcome(user, act)


async def home(desk: Desk, user: str) -> str:
    await desk.added()

    async def act() -> None:
        desk.b.slack.home(user)

    return await desk.outcome(user, act, lambda: told_in(home_of(desk, user)))


def home_of(desk: Desk, user: str) -> object:
    view = desk.b.slack.views.homes.get(user)
    return view and view.given


async def old_home(desk: Desk, user: str) -> str:
    """Untie, on a Home of before this person left a private channel."""
    desk.b.slack.join(SECRET, user)
    await desk.b.slack.command(SECRET, "U0BOSS", "/insight", f"tie {KEY}")
    desk.b.slack.home(user)
    await desk.b.control.until(lambda: "How to" in str(home_of(desk, user)), what="a Home")
    desk.b.slack.workspace.channels[SECRET].members.discard(user)
    view, block = desk.b.slack.views.homes[user], f"home.untie:{SECRET}:"
    if block not in str(view.given):
        return "refused"

    def refused() -> str:
        return REFUSALS[2] if REFUSALS[2] in str(home_of(desk, user)) else ""

    return await desk.outcome(user, lambda: desk.b.slack.press(view.id, user, "home.untie", block_id=block), refused)


DOORS: dict[str, tuple[Callable[[Desk, str], Awaitable[str]], str]] = {
    # by column of PEOPLE
    "add": (add, "done refused done refused refused"),
    "dismiss": (dismiss, "done refused done refused refused"),
    "undo": (undo, "done refused done refused refused"),
    "menu": (menu, "done refused done refused refused"),
    "answer the question": (answer_question, "done refused done refused refused"),
    "edit": (edit, "told refused told refused refused"),
    "open the form": (open_form, "told refused told refused refused"),
    "search in it": (search, "told refused told refused refused"),
    "submit it": (submit, "done refused done refused refused"),
    "search in the form for a case": (search_projects, "told refused told refused refused"),
    "submit the form for a case": (submit_a_case, "done refused done refused refused"),
    "/insight new": (typed("new Slow in {there}"), "answered refused answered refused refused"),
    "/insight add": (typed(f"add {{link}} to {KEY}"), "done refused done refused refused"),
    "/insight add, no such case": (typed("add {link} to NOPE-1"), "answered refused answered refused refused"),
    "/insight add in": (typed("add {link} in {there}"), "done refused done refused refused"),
    "/insight tie": (typed(f"tie {KEY} in {{there}}"), "done refused done refused refused"),
    "/insight untie": (typed("untie in {there}"), "done refused done refused refused"),
    "/insight mode": (typed("mode auto in {there}"), "done refused done refused refused"),
    "/insight scan": (typed("scan in {there}"), "done refused done refused refused"),
    "/insight undo": (typed("undo in {there}"), "done refused done refused refused"),
    "/insight status": (typed("status in {there}"), "told told told refused refused"),
    "/insight why": (typed("why {there}"), "told told told refused refused"),
    "/insight explain": (typed("explain {link}"), "answered answered answered answered answered"),
    "/insight help": (typed("help"), "answered answered answered answered answered"),
    "of a channel they left: add": (elsewhere(f"add {{there}} to {KEY}"), "refused refused refused refused refused"),
    "of a channel they left: new": (elsewhere("new in {there}"), "refused refused refused refused refused"),
    "of a channel they left: tie": (elsewhere(f"tie {KEY} in {{there}}"), "refused refused refused refused refused"),
    "of a channel they left: untie": (elsewhere("untie in {there}"), "refused refused refused refused refused"),
    "of a channel they left: status": (elsewhere("status in {there}"), "refused refused refused refused refused"),
    "of a channel they left: why": (elsewhere("why {there}"), "refused refused refused refused refused"),
    "mention": (mention, "done refused done refused refused"),
    "reaction": (react, "done refused done refused refused"),
    "home": (home, "told refused told refused refused"),
    "of a channel they left: home": (old_home, "refused refused refused refused refused"),
}


@pytest.mark.parametrize("who", PEOPLE)
async def test_each_door_does_and_tells_what_this_person_may(grid: Bench, who: str) -> None:
    await grid.reset()
    desk, column = Desk(grid), list(PEOPLE).index(who)
    came = {name: await door(desk, PEOPLE[who]) for name, (door, _) in DOORS.items()}
    assert came == {name: expected.split()[column] for name, (_, expected) in DOORS.items()}


# --- what is posted ---

E_MAIL = {"subtype": "file_share", "files": [{"id": "F1", "mode": "email", "filetype": "email", "title": "FYI {link}"}]}
AUTHORS: dict[str, tuple[Json, str]] = {
    # in mode ask, auto and off, at the top of a tied channel, in a shared channel, in a thread that it began itself;
    # and of what Ana posts there in mode auto, where that author chose the case
    "named": ({"user": "U0ANA"}, "names added - names - names added"),
    "not named": ({"user": "U0BEN"}, "names names - names - names names"),
    "sibling": ({"user": "U0SIBLING"}, "names added - names - names added"),
    "guest": ({"user": "U0GUEST"}, "title title - title - ids ids"),
    "stranger": ({"user": "U0STRANGER"}, "title title - title - ids ids"),
    "deactivated": ({"user": "U0GONE"}, "title title - title - ids ids"),
    "Slackbot": ({"user": "USLACKBOT"}, "title title - title - ids ids"),
    "e-mail": ({"user": "USLACKBOT", **E_MAIL}, "title title - title - ids ids"),
    "workflow": (
        {"subtype": "bot_message", "bot_id": "B0FLOW", "workflow_id": "Wf0FLOW"},
        "title title - title - ids ids",
    ),
    "app": ({"user": "U0DATADOG", "bot_id": "B0DATADOG", "app_id": "A0DATADOG"}, "names names - names - ids added"),
    "app with Ana's token": (
        {"user": "U0ANA", "bot_id": "B0ZAP", "app_id": "A0ZAP"},
        "names names - names - ids added",
    ),
    "app with a guest's token": (
        {"user": "U0GUEST", "bot_id": "B0ZAP", "app_id": "A0ZAP"},
        "title title - title - ids ids",
    ),
    "webhook": ({"subtype": "bot_message", "username": "hook"}, "title title - title - ids ids"),
    "nobody": ({}, "title title - title - ids ids"),
}
"""`names`: on a card with the case's title and the monitor's name; `title`: without the name; `ids`: without both."""


@pytest.mark.parametrize("author", AUTHORS)
async def test_what_is_posted_is_added_offered_or_named_as_its_author_may(grid: Bench, author: str) -> None:
    await grid.reset()
    desk, (fields, expected) = Desk(grid), AUTHORS[author]

    def post(channel: str, text: str, root: str | None = None) -> str:
        filled = str(fields.get("files", "")).replace("{link}", text)
        message = {**fields, "text": "" if filled else text, **({"files": ast.literal_eval(filled)} if filled else {})}
        where = desk.b.slack.channel(channel)
        return desk.b.slack.conversations.add(where, {**message, **({"thread_ts": root} if root else {})}).ts

    roots = {mode: desk.b.start_thread(f"see {CASE_LINK}") for mode in ("ask", "auto", "off")}
    for mode, root in roots.items():
        await desk.b.slack.command(CHANNEL, "U0ANA", "/insight", f"mode {mode} in {desk.there(root)}")
    await desk.b.slack.command(TIED, "U0ANA", "/insight", f"tie {KEY}")
    roots["tied"] = post(TIED, desk.link())
    roots["shared"] = desk.b.slack.message(SHARED, "U0ANA", f"see {CASE_LINK}")["ts"]
    roots["own"], roots["theirs"] = post(CHANNEL, CASE_LINK), post(CHANNEL, CASE_LINK)
    await desk.b.slack.command(CHANNEL, "U0ANA", "/insight", f"mode auto in {desk.there(roots['theirs'])}")
    channels = {"tied": TIED, "shared": SHARED}
    for place, root in roots.items():
        if place == "theirs":
            desk.b.reply(root, desk.link())
        elif place != "tied":
            post(channels.get(place, CHANNEL), desk.link(), root)
    await desk.b.handled()
    assert " ".join(shown(desk, root, channels.get(place, CHANNEL)) for place, root in roots.items()) == expected


def shown(desk: Desk, root: str, channel: str) -> str:
    """What the thread's newest card shows."""
    cards = [reply for reply in desk.b.slack.thread(channel, root) if reply.get("metadata")]
    if not cards:
        return "-"
    said = as_read(cards[-1])
    if "Added to" in said:
        return "added"
    return "names" if SECRET_NAME in said and TITLE in said else "title" if TITLE in said else "ids"
