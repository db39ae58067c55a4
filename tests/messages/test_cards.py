"""The bot's words: the pinned sentences, Slack's limits for whatever comes, and that nothing from outside pings."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.insights.clicks import is_preset
from bot.messages import sentences
from bot.messages.card_view import TYPE_NAMES, CardView, Message, Source, Waiting, label, needs_id, told_apart
from bot.messages.cards import card_message, metadata
from bot.messages.settled import everything
from bot.messages.text import cut
from bot.model import CardItem, InsightType, NoteType, State
from bot.policy import Refusal
from bot.sandbox.slack.blockkit.rules import problems
from tests.messages.hostile import TEXTS, foreign

AT = 1_795_403_520.0  # 03:12 UTC
NAMES = {"U0ANA": "Ana", "U0BEN": "Ben"}
TIME = r"<!date\^\d+\^(?:\{date_short_pretty\} )?\{time\}\|(?:\d{4}-\d\d-\d\d )?(\d\d:\d\d) UTC>"
LINK = r"<https://[^<>|]+\|([^<>]*)>"
DATADOG, SLACK = "https://app.datadoghq.com", "https://acme.slack.com/archives/C1"
ISSUE = "2841440d-e780-4fe2-96cd-6a8c1d194da5"
MONITOR = CardItem(
    1, InsightType.MONITOR, "90210", "/monitors/90210", "app.datadoghq.com", State.OFFERED, 1, name="High memory on api"
)
ERROR = CardItem(
    2, InsightType.ERROR_TRACKING, ISSUE, f"/error-tracking/issue/{ISSUE}", "app.datadoghq.com", State.OFFERED, 1
)
NINE = CardItem(3, InsightType.MONITOR, "9", "/monitors/9", "app.datadoghq.com", State.OFFERED, 1)
NOTE = CardItem(
    *(4, NoteType.NOTE, "a-b-c", "/dashboard/a-b-c", "app.datadoghq.com", State.OFFERED, 1, "Dashboard"),
    name="api overview",
)
CARD = CardView(
    id="7f3a",
    version=4,
    case_key="CASEM-4523",
    case_title="Memory leak investigation on API",
    case_url="https://app.datadoghq.com/cases/CASEM-4523",
    items=(MONITOR, ERROR),
    sources={"": Source("U0ANA", f"{SLACK}/p1")},
    names=NAMES,
)


def moved(item: CardItem, state: State, **more: Any) -> CardItem:
    return replace(item, state=state, **{"by": "U0ANA", "at": AT, **more})


def card(*items: CardItem, **more: Any) -> Message:
    return card_message(replace(CARD, items=items, **more))


def as_read(text: str) -> str:
    """As a reader in UTC sees it who presses no link."""
    return re.sub(LINK, r"\1", re.sub(TIME, r"\1", text))


def lines(message: Message) -> list[str]:
    found = [block["text"] for block in message.blocks if block["type"] == "section"]
    found += [one for block in message.blocks if block["type"] == "context" for one in block["elements"]]
    return [as_read(one["text"]) for one in found]


def elements(message: Message, kind: str) -> list[dict[str, Any]]:
    blocks = [block for block in message.blocks if block["type"] == "actions"]
    return [one for block in blocks for one in block["elements"] if one["type"] == kind]


def buttons(message: Message) -> list[str]:
    return [one["action_id"] for one in elements(message, "button")]


# --- the pinned words ---


def test_offered():
    said = card(MONITOR, ERROR)
    assert lines(said) == [
        "*Add 2 insights to CASEM-4523, Memory leak investigation on API?*",
        "From Ana's message",
    ]
    assert said.text == "Add 2 insights to CASEM-4523, Memory leak investigation on API?"
    (boxes,) = elements(said, "checkboxes")
    assert [option["text"]["text"] for option in boxes["options"]] == [
        "Monitor · High memory on api",
        "Error Tracking issue · 2841440d",
    ]
    assert boxes["options"][0]["description"]["text"] == "app.datadoghq.com/monitors/90210"
    assert card(MONITOR).text == "Add 1 insight to CASEM-4523, Memory leak investigation on API?"


@pytest.mark.parametrize(
    ("items", "ticked", "head"),
    [
        ([NOTE], [], "Add 1 link to CASEM-4523"),
        ([MONITOR, NOTE], ["1", "4"], "Add 1 insight and 1 link to CASEM-4523"),
        ([NOTE, replace(MONITOR, group=2)], ["1"], "Add 1 insight and 1 link to CASEM-4523"),
        ([replace(MONITOR, state=State.ADDED, by="U0ANA"), NOTE], ["4"], "Add 1 link to CASEM-4523"),
    ],
)
def test_a_note_is_ticked_where_it_came_beside_or_after_an_insight(items, ticked, head):
    said = card(*items)
    assert said.text.startswith(head)
    options = [option for boxes in elements(said, "checkboxes") for option in boxes["options"]]
    initial = [option["value"] for boxes in elements(said, "checkboxes") for option in boxes.get("initial_options", [])]
    assert initial == ticked
    [text] = [option["text"]["text"] for option in options if option["value"] == "4"]
    assert text == "Dashboard · api overview, as a link in the case's comment"


def test_a_note_that_is_added_is_said_to_be_in_the_comment_and_leads_to_its_page():
    said = card(moved(NOTE, State.ADDED, ours=True), moved(MONITOR, State.CONFIRMED))
    assert "<https://app.datadoghq.com/dashboard/a-b-c|Dashboard api overview>, in the case's comment" in str(
        said.blocks
    )
    view = replace(NOTE, name="", scope="Log search", resource_id="/logs?cols=x&query=service%3Aweb+error")
    assert label(view) == "Log search service:web error"
    assert label(replace(view, resource_id="/logs?x=1")) == "Log search /logs"


def test_adding():
    said = card(moved(MONITOR, State.CONFIRMED), moved(ERROR, State.CONFIRMED))
    assert lines(said) == ["Adding 2 insights to CASEM-4523 for Ana…"]
    assert said.text == "Adding 2 insights to CASEM-4523 for Ana…"


@pytest.mark.parametrize(
    ("count", "kept"),
    [(1, "The insight is kept"), (2, "Both insights are kept"), (3, "All 3 insights are kept")],
)
def test_waiting(count: int, kept: str):
    waiting = Waiting(sentences.not_answering(503), AT + 120)
    said = card(*(moved(item, State.CONFIRMED) for item in (MONITOR, ERROR, NINE)[:count]), waiting=waiting)
    assert lines(said)[0].split("\n")[1:] == [
        f"Datadog is not answering (503). {kept}; next try 03:14. You need not do anything."
    ]
    assert buttons(said) == ["insights.cancel"]


# Each: what is decided, the card's lines, its text where it is not the same, its buttons.
MONITOR_LINE, ERROR_LINE, NINE_LINE = (
    f"• {what} · from Ana" for what in ("Monitor High memory on api", "Error Tracking issue 2841440d", "Monitor 9")
)
REFUSED = sentences.refused_by_datadog("no such monitor")
FORBIDDEN = sentences.permission(403, "CASEM-4523", "7F3K")
SETTLED: dict[str, tuple[list[CardItem], list[str], str, list[str]]] = {
    "added": (
        [moved(MONITOR, State.ADDED, ours=True), moved(ERROR, State.ADDED, ours=True)],
        [f"Added to CASEM-4523 by Ana, 03:12:\n{MONITOR_LINE}\n{ERROR_LINE}"],
        "Added to CASEM-4523 by Ana, 03:12: Monitor High memory on api; Error Tracking issue 2841440d.",
        ["insights.undo", "case.open"],
    ),
    "added at two times": (
        [moved(MONITOR, State.ADDED), moved(ERROR, State.ADDED, at=AT + 120)],
        [f"Added to CASEM-4523 by Ana, 03:12:\n{MONITOR_LINE}", f"Added to CASEM-4523 by Ana, 03:14:\n{ERROR_LINE}"],
        "Added to CASEM-4523 by Ana, 03:12: Monitor High memory on api. "
        "Added to CASEM-4523 by Ana, 03:14: Error Tracking issue 2841440d.",
        ["case.open"],
    ),
    "left out": (
        [moved(MONITOR, State.ADDED), moved(NINE, State.DISMISSED, left_out=True)],
        [f"Added to CASEM-4523 by Ana, 03:12:\n{MONITOR_LINE}", f"Left out by Ana, 03:12:\n{NINE_LINE}"],
        "Added to CASEM-4523 by Ana, 03:12: Monitor High memory on api. Left out by Ana, 03:12: Monitor 9.",
        ["insights.add_back", "case.open"],
    ),
    "partly": (
        [moved(MONITOR, State.ADDED), moved(ERROR, State.ADDED), moved(NINE, State.FAILED, note=REFUSED)],
        [
            f"Not added for Ana, 03:12. Datadog says: 'no such monitor'\n{NINE_LINE}",
            f"Added 2 of 3 to CASEM-4523 by Ana, 03:12:\n{MONITOR_LINE}\n{ERROR_LINE}",
        ],
        "Not added for Ana, 03:12: Monitor 9. Datadog says: 'no such monitor' "
        "Added 2 of 3 to CASEM-4523 by Ana, 03:12: Monitor High memory on api; Error Tracking issue 2841440d.",
        ["insights.edit", "insights.dismiss", "insights.retry", "case.open"],
    ),
    "failed": (
        [moved(NINE, State.FAILED, note=FORBIDDEN)],
        [f"Not added for Ana, 03:12. {FORBIDDEN}\n{NINE_LINE}"],
        f"Not added for Ana, 03:12: Monitor 9. {FORBIDDEN}",
        ["insights.edit", "insights.dismiss", "insights.retry", "case.open"],
    ),
    "dismissed": (
        [moved(MONITOR, State.DISMISSED), moved(ERROR, State.DISMISSED)],
        [f"Dismissed by Ana, 03:12:\n{MONITOR_LINE}\n{ERROR_LINE}"],
        "Dismissed by Ana, 03:12: Monitor High memory on api; Error Tracking issue 2841440d.",
        ["insights.show"],
    ),
    "cancelled": (
        [moved(MONITOR, State.DISMISSED, note=sentences.NOTHING_WAS_ADDED)],
        [f"Cancelled by Ana, 03:12. Nothing was added.\n{MONITOR_LINE}"],
        "Cancelled by Ana, 03:12: Monitor High memory on api. Nothing was added.",
        ["insights.add_back"],
    ),
    "removed": (
        [moved(MONITOR, State.UNDONE)],
        [f"Removed from CASEM-4523 by Ana, 03:12. Not offered here again.\n{MONITOR_LINE}"],
        "Removed from CASEM-4523 by Ana, 03:12: Monitor High memory on api. Not offered here again.",
        ["insights.add_back", "case.open"],
    ),
}


@pytest.mark.parametrize(("items", "shown", "text", "can"), SETTLED.values(), ids=SETTLED)
def test_what_is_settled_is_a_list_by_who_and_when(items, shown, text, can):
    said = card(*items)
    assert lines(said) == shown
    assert as_read(said.text) == text
    assert buttons(said) == can


def test_a_settled_insight_its_message_and_its_case_are_links():
    [section] = [block["text"]["text"] for block in card(moved(MONITOR, State.ADDED)).blocks if "text" in block]
    assert f"to <{DATADOG}/cases/CASEM-4523|CASEM-4523> by" in section
    assert section.endswith(f"• <{DATADOG}/monitors/90210|Monitor High memory on api> · <{SLACK}/p1|from Ana>")


@pytest.mark.parametrize(
    ("ref", "link"),
    [
        ("/monitors/9?q=a|b>c&d=é f", f"<{DATADOG}/monitors/9?q=a%7Cb%3Ec&amp;d=%C3%A9%20f|Monitor 9>"),
        ("https://github.com/a/b/pull/1", "<https://github.com/a/b/pull/1|Monitor 9>"),
        (f"/monitors/9?q={'<' * 900}", "• Monitor 9"),
    ],
)
def test_an_address_cannot_leave_its_link_and_one_that_fits_no_section_is_none(ref: str, link: str):
    assert link in card(moved(replace(NINE, ref=ref), State.ADDED)).blocks[0]["text"]["text"]


def test_from_six_lines_on_the_rest_is_folded_and_shown_privately():
    many = [moved(replace(NINE, id=number), State.ADDED) for number in range(1, 5)]
    many += [moved(replace(ERROR, id=number), State.DISMISSED, left_out=True) for number in range(5, 13)]
    said = card(*many)
    assert sum(line.count("•") for line in lines(said)) == 5
    assert lines(said)[-1] == "and 7 more: 7 left out"
    assert said.blocks[-2]["accessory"]["action_id"] == "insights.show"
    assert "Show" not in str(card(*many[:5]).blocks)
    rest = everything(replace(CARD, items=many))
    assert problems(rest.blocks) == []
    backs = [block["accessory"]["value"] for block in rest.blocks if "accessory" in block]
    assert backs == [f"7f3a:{number}" for number in range(5, 13)]


def test_two_of_the_same_name_are_told_apart():
    alike = [replace(NINE, name="CPU high"), replace(MONITOR, name="CPU high"), replace(ERROR, name="CPU high")]
    assert [item.name for item in told_apart(alike)] == ["CPU high (9)", "CPU high (90210)", "CPU high"]
    widgets = [replace(NINE, id=number, type=InsightType.WIDGET, scope=f"abc-{number}") for number in (1, 2)]
    assert [item.name for item in told_apart(widgets)] == ["9 (abc-1/9)", "9 (abc-2/9)"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "Nothing to add here any more. The links left their messages."),
        ({"elsewhere": True}, "Nothing to add here any more. This thread is not about CASEM-4523 any more."),
        ({"on_case": 1}, "Nothing to add here any more."),
    ],
)
def test_withdrawn(more, says):
    assert lines(card(moved(MONITOR, State.WITHDRAWN, by=None), **more))[0] == says
    assert lines(card(moved(MONITOR, State.WITHDRAWN)))[0] == "Nothing to add here any more.", "replaced in the form"


@pytest.mark.parametrize(("count", "says"), [(1, "1 of these links is"), (2, "2 of these links are")])
def test_what_is_on_the_case_already_is_said_in_grey(count, says):
    said = card(MONITOR, on_case=count)
    assert lines(said)[-1] == f"From Ana's message · {says} on the case already"
    assert said.blocks[-2]["type"] == "context"


def test_undoing():
    busy = Waiting(sentences.not_answering(503), AT + 120)
    said = card(moved(MONITOR, State.UNDOING), moved(ERROR, State.UNDOING, by="U0BEN"), waiting=busy)
    assert lines(said) == [
        "Removing 1 insight from CASEM-4523 for Ana…\nRemoving 1 insight from CASEM-4523 for Ben…\n"
        "Datadog is not answering (503). The removal is kept; next try 03:14. You need not do anything."
    ]


@pytest.mark.parametrize(
    ("people", "says"),
    [
        (["U0ANA", "U0ANA"], "That is 2 that Ana added."),
        (["U0ANA", "U0ANA", "U0BEN"], "That is 2 that Ana added, 1 that Ben added."),
    ],
)
def test_undo_asks_first_and_says_whose_insights_it_takes_off(people, says):
    said = card(*(moved(replace(NINE, id=n), State.ADDED, ours=True, by=by) for n, by in enumerate(people)))
    [undo] = [one for one in elements(said, "button") if one["action_id"] == "insights.undo"]
    assert undo["confirm"]["title"]["text"] == f"Take {len(people)} insights off CASEM-4523?"
    assert undo["confirm"]["text"]["text"] == says


def test_a_late_click_learns_who_was_first():
    decided = [moved(MONITOR, State.ADDED), moved(ERROR, State.CONFIRMED)]
    assert as_read(sentences.late_click(NAMES, decided)) == "Ana already added these at 03:12. Nothing to do."
    decided = [moved(MONITOR, State.DISMISSED)]
    assert as_read(sentences.late_click(NAMES, decided)) == "Ana already dismissed this at 03:12. Nothing to do."


def test_a_click_that_got_some_learns_what_was_decided_before():
    said = sentences.partly_late(NAMES, [moved(ERROR, State.CONFIRMED)], 1, "CASEM-4523")
    assert as_read(said) == (
        "Adding 1 insight to CASEM-4523. Ana already decided on Error Tracking issue 2841440d at 03:12."
    )


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_names_the_case(refusal: Refusal):
    assert "CASEM-4523" in sentences.refused(refusal, "Acme", "CASEM-4523")


def test_every_insight_type_has_a_name():
    assert TYPE_NAMES.keys() == set(InsightType)


# --- what a card can do ---


@pytest.mark.parametrize(
    ("drafts", "question", "boxes", "notes", "can"),
    [
        (
            [replace(MONITOR, name="", resource_id="abc-123", type=InsightType.EVENT_CORRELATION, draft=True)],
            "Add 1 insight to CASEM-4523, Memory leak investigation on API, if its id is right?",
            ["Event correlation abc-123 · is this its id?"],
            [],
            ["insights.add", "insights.edit", "insights.dismiss"],
        ),
        (
            [replace(NINE, resource_id="?/monitors", draft=True)],
            "A link needs its id before it can be added to CASEM-4523, Memory leak investigation on API.",
            [],
            ["Monitor without an id: needs its id · Edit…"],
            ["insights.edit", "insights.dismiss"],
        ),
    ],
    ids=["a candidate", "no id"],
)
def test_a_draft_is_a_box_that_nobody_ticked_or_a_line_that_leads_to_the_form(drafts, question, boxes, notes, can):
    said = card(*drafts)
    assert said.text == question
    shown = elements(said, "checkboxes")
    assert [option["text"]["text"] for one in shown for option in one["options"]] == boxes
    assert not any("initial_options" in one for one in shown)
    assert lines(said)[1:-1] == notes
    assert buttons(said) == can


def test_the_buttons_are_the_union_of_what_can_be_done():
    said = card(MONITOR, moved(ERROR, State.FAILED), moved(NINE, State.CONFIRMED), waiting=Waiting("Busy.", AT))
    assert buttons(said) == [
        "insights.add",
        "insights.edit",
        "insights.dismiss",
        "insights.retry",
        "insights.cancel",
        "case.open",
    ]
    assert elements(said, "button")[0]["text"]["text"] == "Add to CASEM-4523"


def test_every_button_names_the_card_and_its_version_or_the_insight_that_it_is_for():
    said = card(MONITOR, moved(ERROR, State.ADDED, ours=True), moved(NINE, State.FAILED))
    assert {one["value"] for one in elements(said, "button")} == {"7f3a:4"}
    assert elements(card(moved(NINE, State.UNDONE)), "button")[0]["value"] == "7f3a:3"


def test_what_was_there_before_the_bot_gets_no_undo():
    assert buttons(card(moved(MONITOR, State.ADDED, ours=False))) == ["case.open"]


def test_a_link_that_joins_leaves_the_boxes_of_the_others_as_they_are():
    before, after = card(MONITOR, ERROR), card(MONITOR, ERROR, replace(NINE, group=2))
    groups = [[block for block in said.blocks if "group." in block.get("block_id", "")] for said in (before, after)]
    assert groups[1][0] == groups[0][0]
    assert [block["block_id"] for block in groups[1]] == ["group.1", "group.2"]


def test_a_name_that_slack_did_not_tell_is_someone_and_no_mention():
    said = card(moved(MONITOR, State.ADDED), names={})
    assert lines(said) == ["Added to CASEM-4523 by someone, 03:12:\n• Monitor High memory on api · from"]
    assert lines(card(MONITOR, names={}))[-1] == "From a message in this thread"


@pytest.mark.parametrize(("what", "word"), [("closed", "closed"), ("archived", "archived")])
def test_a_case_that_is_not_open_says_so(what: str, word: str):
    said = card(MONITOR, **{what: True})
    assert lines(said)[0].startswith(f"*Add 1 insight to CASEM-4523 ({word}), Memory")
    assert elements(said, "button")[0]["confirm"]["title"]["text"] == f"CASEM-4523 is {word}"
    assert lines(card(moved(MONITOR, State.ADDED), **{what: True}))[-1] == f"CASEM-4523 is {word}"
    assert "confirm" not in elements(card(MONITOR), "button")[0]


def test_a_card_that_another_took_over_says_so():
    assert lines(card(continued=True)) == ["Continued below."]
    assert card(continued=True).text == "Continued below."


def test_metadata_names_the_card_and_nothing_else():
    assert metadata("7f3a") == {"event_type": "case_insights_card", "event_payload": {"card": "7f3a"}}


# --- whatever comes from outside ---

STAMPS = st.floats(min_value=0, max_value=4e9)


@st.composite
def item_lists(draw: st.DrawFn) -> list[CardItem]:
    each = st.builds(
        CardItem,
        id=st.integers(1, 10**9),
        type=st.sampled_from([*InsightType, NoteType.NOTE]),
        resource_id=TEXTS.map(lambda words: words or "1"),
        ref=TEXTS.map(lambda words: f"/{words}"),
        host=st.sampled_from(["app.datadoghq.com", "acme.us5.datadoghq.com"]),
        state=st.sampled_from(State),
        group=st.just(0),
        by=st.sampled_from([None, "U0ANA", "U0BEN", "U0GIL"]),
        at=STAMPS,
        note=TEXTS.map(sentences.refused_by_datadog),
        ours=st.booleans(),
        left_out=st.booleans(),
        draft=st.booleans(),
        name=TEXTS,
    )
    items = draw(st.lists(each, max_size=20, unique_by=lambda item: item.id))
    noted = (State.FAILED, State.ADDED)
    return [
        replace(item, group=1 + place // 10, note=item.note if item.state in noted else "")
        for place, item in enumerate(items)
    ]


CARDS = st.builds(
    CardView,
    id=st.just("7f3a"),
    version=st.integers(1, 10**6),
    case_key=st.just("CASEM-4523"),
    case_title=TEXTS,
    case_url=st.sampled_from(["", CARD.case_url]),
    items=item_lists(),
    sources=st.dictionaries(
        st.just(""), st.builds(Source, st.sampled_from([None, "U0ANA", "U0GIL"]), st.just(f"{SLACK}/p1"))
    ),
    closed=st.booleans(),
    archived=st.booleans(),
    continued=st.booleans(),
    waiting=st.one_of(st.none(), st.builds(Waiting, TEXTS, STAMPS)),
    names=st.dictionaries(st.sampled_from(["U0ANA", "U0BEN"]), TEXTS),
)


def marked_up(message: Message) -> Sequence[str]:
    """Everything that Slack reads as mrkdwn."""
    sections = [block["text"] for block in message.blocks if block["type"] == "section"]
    contexts = [one for block in message.blocks if block["type"] == "context" for one in block["elements"]]
    return [message.text, *(one["text"] for one in sections + contexts if one["type"] == "mrkdwn")]


@given(CARDS)
def test_slack_takes_every_card(view: CardView):
    said = card_message(view)
    assert problems(said.blocks) == []
    assert 0 < len(said.text) <= 4_000


@given(CARDS)
def test_no_card_pings_anybody_links_elsewhere_or_shows_marks_of_others(view: CardView):
    for text in marked_up(card_message(view)):
        links = (f"<{SLACK}/p1", f"<{CARD.case_url}", *(f"<https://{item.host}/" for item in view.items))
        assert all(effect.startswith(links) for effect in foreign(text)), text
        assert text.count("\n") <= 8, "only the lines of drafts, of insights and of people"


@given(CARDS)
def test_the_text_of_a_card_is_a_whole_sentence(view: CardView):
    assert card_message(view).text.endswith((".", "?", "…", "'"))


@given(CARDS)
def test_every_offered_insight_has_one_box_ticked_unless_its_id_is_a_guess(view: CardView):
    boxes = elements(card_message(view), "checkboxes")
    may_be_added = [item for item in view.items if item.state is State.OFFERED and not needs_id(item)]
    offered = {str(item.id): is_preset(item, view.items) for item in may_be_added}
    ticked = {option["value"] for one in boxes for option in one.get("initial_options", [])}
    assert {option["value"]: option["value"] in ticked for one in boxes for option in one["options"]} == offered


def test_the_heading_shows_the_title_as_it_is_and_stays_one_bold_line():
    said = card(MONITOR, case_title="prod_db_main *critical*\nsecond line")
    assert lines(said)[0] == ("*Add 1 insight to CASEM-4523, prod_db_main <!date^0^{_}|*critical*> second line?*")
    assert said.blocks[0]["text"]["verbatim"] is True


def test_a_monitor_called_channel_pings_nobody():
    said = card(moved(replace(MONITOR, name="<!channel>"), State.ADDED), case_title="<@U1> & co")
    assert "Monitor &lt;!channel&gt;" in said.text
    assert "Monitor &lt;!channel&gt;>" in said.blocks[0]["text"]["text"]
    asked = card(MONITOR, case_title="<@U1> & co")
    assert asked.text == "Add 1 insight to CASEM-4523, &lt;@U1&gt; &amp; co?"


@pytest.mark.parametrize(
    "said",
    [
        sentences.refused_by_datadog("<!channel> & <@U1>"),
        sentences.case_gone("<!channel>"),
        sentences.permission(403, "<!channel>", "7F3K"),
        sentences.gave_up(24, "<!channel>"),
        sentences.refused(Refusal.NOT_A_MEMBER, "<!channel>", "<@U1>"),
        sentences.late_click({"U0ANA": "<!channel>"}, [moved(MONITOR, State.DISMISSED)]),
        sentences.partly_late({}, [moved(replace(MONITOR, name="<!here>"), State.ADDED)], 1, "<@U1>"),
    ],
)
def test_sentences_with_words_from_outside_ping_nobody(said: str):
    assert "<" not in re.sub(TIME, "", said)


@given(st.text(max_size=300), st.integers(2, 200))
def test_what_is_cut_keeps_both_ends(text: str, most: int):
    short = cut(text, most)
    assert len(short) <= most
    if len(text) <= most:
        assert short == text
    else:
        head, _, tail = short.partition("…") if "…" not in text else (short[: most // 2], "", "")
        assert text.startswith(head)
        assert text.endswith(tail)
        assert head
        assert len(short) == most


def test_a_long_path_is_cut_in_its_middle():
    assert cut("app.datadoghq.com/monitors/90210", 21) == "app.datado…tors/90210"


def test_a_card_names_the_messages_that_its_offers_came_from() -> None:
    sources = {f"{n}": Source(by, f"https://a/{n}") for n, by in enumerate(("U0ANA", "U0BEN", None, "U0ANA"), 1)}

    def shown(*messages: str) -> str:
        offered = [replace(MONITOR, id=int(ts), message_ts=ts) for ts in messages]
        settled = moved(replace(ERROR, message_ts="4"), State.CONFIRMED)
        return card(*offered, settled, sources=sources).blocks[-2]["elements"][0]["text"]

    assert shown("1") == "From <https://a/1|Ana's message>"
    assert shown("2", "1") == "From <https://a/1|Ana's message> and <https://a/2|Ben's message>"
    assert shown("1", "2", "3") == "From <https://a/1|Ana's message> and 2 more"


def test_refused_keys_are_not_said_to_need_nothing() -> None:
    confirmed = moved(MONITOR, State.CONFIRMED)
    text = card(confirmed, waiting=Waiting(sentences.CREDENTIALS, AT)).text
    assert "whoever runs this bot has to renew them. The insight is kept until then." in text
    assert "You need not do anything" not in text
