"""The bot's words: the pinned sentences, Slack's limits for whatever comes, and that nothing from outside pings."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import sentences
from bot.messages.card_view import TYPE_NAMES, CardView, Message, Source, Waiting
from bot.messages.cards import card_message, metadata
from bot.messages.text import cut
from bot.model import CardItem, InsightType, State
from bot.policy import Refusal
from bot.sandbox.slack.blockkit.rules import problems
from tests.messages.hostile import TEXTS, foreign

AT = 1_795_403_520.0  # 03:12 UTC
NAMES = {"U0ANA": "Ana", "U0BEN": "Ben"}
TIME = r"<!date\^\d+\^\{time\}\|(\d\d:\d\d) UTC>"
ISSUE = "2841440d-e780-4fe2-96cd-6a8c1d194da5"
MONITOR = CardItem(
    1, InsightType.MONITOR, "90210", "/monitors/90210", "app.datadoghq.com", State.OFFERED, 1, name="High memory on api"
)
ERROR = CardItem(
    2, InsightType.ERROR_TRACKING, ISSUE, f"/error-tracking/issue/{ISSUE}", "app.datadoghq.com", State.OFFERED, 1
)
NINE = CardItem(3, InsightType.MONITOR, "9", "/monitors/9", "app.datadoghq.com", State.OFFERED, 1)
CARD = CardView(
    id="7f3a",
    version=4,
    case_key="CASEM-4523",
    case_title="Memory leak investigation on API",
    case_url="https://app.datadoghq.com/cases/CASEM-4523",
    items=(MONITOR, ERROR),
    sources=(Source("U0ANA", "https://acme.slack.com/archives/C1/p1"),),
    names=NAMES,
)


def moved(item: CardItem, state: State, **more: Any) -> CardItem:
    return replace(item, state=state, **{"by": "U0ANA", "at": AT, **more})


def card(*items: CardItem, **more: Any) -> Message:
    return card_message(replace(CARD, items=items, **more))


def as_read(text: str) -> str:
    """As a reader in UTC sees it."""
    return re.sub(TIME, r"\1", text)


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
        "From <https://acme.slack.com/archives/C1/p1|Ana's message>",
    ]
    assert said.text == "Add 2 insights to CASEM-4523, Memory leak investigation on API?"
    (boxes,) = elements(said, "checkboxes")
    assert [option["text"]["text"] for option in boxes["options"]] == [
        "Monitor · High memory on api",
        "Error Tracking issue · 2841440d",
    ]
    assert boxes["options"][0]["description"]["text"] == "app.datadoghq.com/monitors/90210"
    assert card(MONITOR).text == "Add 1 insight to CASEM-4523, Memory leak investigation on API?"


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
    assert lines(said)[1:] == [f"Datadog is not answering (503). {kept}; next try 03:14. You need not do anything."]
    assert buttons(said) == ["insights.cancel"]


def test_added():
    left_out = moved(NINE, State.DISMISSED, left_out=True)
    said = card(moved(MONITOR, State.ADDED, ours=True), moved(ERROR, State.ADDED, ours=True), left_out)
    assert lines(said) == [
        "Added to CASEM-4523 by Ana, 03:12: Monitor High memory on api; Error Tracking issue 2841440d. Left out: 1."
    ]
    assert buttons(said) == ["insights.undo", "case.open"]


def test_partly_added():
    failed = moved(NINE, State.FAILED, note=sentences.refused_by_datadog("no such monitor"))
    said = card(moved(MONITOR, State.ADDED, ours=True), moved(ERROR, State.ADDED, ours=True), failed)
    assert lines(said) == [
        "Added 2 of 3 to CASEM-4523 by Ana, 03:12: Monitor High memory on api; Error Tracking issue 2841440d. "
        "Not added: Monitor 9. Datadog says: 'no such monitor'"
    ]
    assert buttons(said) == ["insights.retry", "insights.undo", "case.open"]


def test_failed():
    said = card(moved(NINE, State.FAILED, note=sentences.permission(403, "CASEM-4523", "7F3K")))
    assert lines(said) == [
        "Datadog refused (403): CASEM-4523 was not changed. Ask whoever runs this bot to check `cases_write` and the "
        "project's access (ref 7F3K). Not added: Monitor 9."
    ]
    assert buttons(said) == ["insights.retry", "case.open"]


def test_dismissed():
    said = card(moved(MONITOR, State.DISMISSED), moved(ERROR, State.DISMISSED))
    assert lines(said) == ["Dismissed by Ana. To add one later: ⋯ on the message, Add to case."]
    assert buttons(said) == []


def test_undone():
    said = card(moved(MONITOR, State.UNDONE), moved(ERROR, State.UNDONE))
    assert lines(said) == ["Removed from CASEM-4523 by Ana: 2 insights. Not offered here again."]
    assert buttons(said) == ["case.open"]


def test_undoing():
    assert lines(card(moved(MONITOR, State.UNDOING))) == ["Removing 1 insight from CASEM-4523 for Ana…"]


def test_withdrawn():
    said = card(moved(MONITOR, State.WITHDRAWN, by=None))
    assert lines(said) == ["Nothing to add here any more: the links were taken back."]


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


def test_every_button_names_the_card_and_its_version():
    said = card(MONITOR, moved(ERROR, State.ADDED, ours=True), moved(NINE, State.FAILED))
    assert {one["value"] for one in elements(said, "button")} == {"7f3a:4"}


def test_what_was_there_before_the_bot_gets_no_undo():
    assert buttons(card(moved(MONITOR, State.ADDED, ours=False))) == ["case.open"]


def test_a_link_that_joins_leaves_the_boxes_of_the_others_as_they_are():
    before, after = card(MONITOR, ERROR), card(MONITOR, ERROR, replace(NINE, group=2))
    groups = [[block for block in said.blocks if "group." in block.get("block_id", "")] for said in (before, after)]
    assert groups[1][0] == groups[0][0]
    assert [block["block_id"] for block in groups[1]] == ["group.1", "group.2"]


def test_a_name_that_slack_did_not_tell_is_someone_and_no_mention():
    said = card(moved(MONITOR, State.ADDED), names={})
    assert lines(said) == ["Added to CASEM-4523 by someone, 03:12: Monitor High memory on api."]
    assert lines(card(MONITOR, names={}))[-1].endswith("|a message in this thread>")


@pytest.mark.parametrize(("what", "word"), [("closed", "closed"), ("archived", "archived")])
def test_a_case_that_is_not_open_says_so(what: str, word: str):
    assert lines(card(MONITOR, **{what: True}))[-1].endswith(f"CASEM-4523 is {word}.")


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
        type=st.sampled_from(InsightType),
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
    sources=st.lists(
        st.builds(Source, st.sampled_from([None, "U0ANA", "U0GIL"]), st.just("https://acme.slack.com/archives/C1/p1"))
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
        assert set(foreign(text)) <= {f"<{CARD.sources[0].permalink}"}, text
        assert text.count("\n") <= 8, "only the lines of drafts"


@given(CARDS)
def test_the_text_of_a_card_is_a_whole_sentence(view: CardView):
    assert card_message(view).text.endswith((".", "?", "…", "'"))


@given(CARDS)
def test_every_offered_insight_has_one_ticked_box(view: CardView):
    boxes = elements(card_message(view), "checkboxes")
    offered = sorted(str(item.id) for item in view.items if item.state is State.OFFERED)
    assert sorted(option["value"] for one in boxes for option in one["options"]) == offered
    assert all(one["initial_options"] == one["options"] for one in boxes)


def test_the_heading_shows_the_title_as_it_is_and_stays_one_bold_line():
    said = card(MONITOR, case_title="prod_db_main *critical*\nsecond line")
    assert lines(said)[0] == ("*Add 1 insight to CASEM-4523, prod_db_main <!date^0^{_}|*critical*> second line?*")
    assert said.blocks[0]["text"]["verbatim"] is True


def test_a_monitor_called_channel_pings_nobody():
    said = card(moved(replace(MONITOR, name="<!channel>"), State.ADDED), case_title="<@U1> & co")
    assert "Monitor &lt;!channel&gt;" in said.text
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
    sources = [Source("U0ANA", "https://a/1"), Source("U0BEN", "https://a/2"), Source(None, "https://a/3")]

    def shown(count: int) -> str:
        return card(MONITOR, sources=sources[:count]).blocks[-2]["elements"][0]["text"]

    assert shown(1) == "From <https://a/1|Ana's message>"
    assert shown(2) == "From <https://a/1|Ana's message> and <https://a/2|Ben's message>"
    assert shown(3) == "From <https://a/1|Ana's message> and 2 more"


def test_refused_keys_are_not_said_to_need_nothing() -> None:
    confirmed = moved(MONITOR, State.CONFIRMED)
    text = card(confirmed, waiting=Waiting(sentences.CREDENTIALS, AT)).text
    assert "whoever runs this bot has to renew them. The insight is kept until then." in text
    assert "You need not do anything" not in text
