"""The life of an insight, move by move, and what a click or a sighting makes of it."""

from collections import Counter
from dataclasses import replace
from itertools import product

import pytest

from bot.insights import (
    CARD_HOLDS,
    CARD_OPEN_SECONDS,
    ROLLING_SECONDS,
    Candidate,
    CaseSnapshot,
    Decision,
    auto_adds,
    choose,
    decide,
    may_move,
    moves_on,
    takes_more,
    within_limits,
)
from bot.insights.clicks import Action, ItemView, act
from bot.model import Identity, Insight, InsightType, State

MOVES = {
    ("offered", "confirmed"),
    ("offered", "dismissed"),
    ("offered", "withdrawn"),
    ("withdrawn", "offered"),
    ("confirmed", "added"),
    ("confirmed", "failed"),
    ("confirmed", "dismissed"),
    ("confirmed", "undoing"),
    ("failed", "confirmed"),
    ("failed", "dismissed"),
    ("added", "undoing"),
    ("undoing", "undone"),
    ("undoing", "added"),
}
DELIBERATE = {("dismissed", "confirmed"), ("undone", "confirmed"), ("withdrawn", "confirmed")}
PAIRS = [(old.value, new.value) for old, new in product(State, State)]

MONITOR = Identity(InsightType.MONITOR, "", "1")
OTHER = Identity(InsightType.MONITOR, "", "2")


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_an_insight_moves_only_as_it_is_drawn(old: str, new: str):
    assert may_move(State(old), State(new)) == ((old, new) in MOVES)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_deliberate_door_opens_three_moves_more_and_no_other(old: str, new: str):
    assert may_move(State(old), State(new), deliberate=True) == ((old, new) in MOVES | DELIBERATE)


# --- what watching decides ---


def known(state: State | None = None, *, on_case: bool = False, on_card: bool = False) -> CaseSnapshot:
    here = {MONITOR}
    return CaseSnapshot({} if state is None else {MONITOR: state}, here if on_case else (), here if on_card else ())


@pytest.mark.parametrize(
    ("state", "decision", "on_case"),
    [
        (None, Decision.OFFER, Decision.ON_CASE),
        (State.OFFERED, Decision.OFFER, Decision.ON_CASE),
        (State.WITHDRAWN, Decision.OFFER_AGAIN, Decision.ON_CASE),
        (State.CONFIRMED, Decision.CONFIRMED, Decision.CONFIRMED),
        (State.UNDOING, Decision.CONFIRMED, Decision.CONFIRMED),
        (State.ADDED, Decision.ADDED, Decision.ADDED),
        (State.FAILED, Decision.FAILED, Decision.FAILED),
        (State.DISMISSED, Decision.DISMISSED, Decision.DISMISSED),
        (State.UNDONE, Decision.UNDONE, Decision.UNDONE),
    ],
)
def test_a_persons_decision_counts_more_than_what_the_case_lists_and_that_more_than_an_offer(
    state: State | None, decision: Decision, on_case: Decision
):
    """`on_case`: where Datadog lists it there."""
    assert decide(MONITOR, known(state)) is decision
    assert decide(MONITOR, known(state, on_case=True)) is on_case


def test_what_is_undecided_on_this_threads_card_is_not_offered_twice_and_another_identity_is():
    assert decide(MONITOR, known(State.OFFERED, on_card=True)) is Decision.ON_CARD
    assert decide(OTHER, known(State.DISMISSED, on_case=True, on_card=True)) is Decision.OFFER


def monitor(number: str = "1", *orgs: str, draft: bool = False) -> Candidate:
    return Candidate(Insight(InsightType.MONITOR, number, f"/monitors/{number}", "app.datadoghq.com"), orgs, draft)


def test_each_identity_is_offered_once_in_the_order_of_the_links():
    pending = [monitor("2"), monitor("1"), monitor("2")]
    assert choose(pending, "default", known(State.ADDED)) == [Decision.OFFER, Decision.ADDED, Decision.ON_CARD]


@pytest.mark.parametrize(
    ("orgs", "decision"),
    [
        (("default",), Decision.OFFER),
        (("other", "default"), Decision.OFFER),
        (("other",), Decision.OTHER_ORG),
        ((), Decision.OFFER),  # a code change
    ],
)
def test_a_link_is_offered_only_for_a_case_of_an_organisation_that_has_its_host(
    orgs: tuple[str, ...], decision: Decision
):
    assert choose([monitor("1", *orgs)], "default", known()) == [decision]


@pytest.mark.parametrize(("draft", "decision"), [(False, Decision.OFFER), (True, Decision.ON_CARD)])
def test_a_draft_on_the_card_is_offered_anew_once_its_id_is_certain(draft: bool, decision: Decision):
    snapshot = CaseSnapshot({MONITOR: State.OFFERED}, (), {MONITOR}, drafts={MONITOR})
    assert choose([monitor(draft=draft)], "default", snapshot) == [decision]


@pytest.mark.parametrize(
    ("number", "draft", "needs_id"), [("?/monitors", True, True), ("1", True, False), ("?/monitors", False, False)]
)
def test_a_link_needs_an_id_where_it_has_not_even_a_candidate(number: str, draft: bool, needs_id: bool):
    assert monitor(number, draft=draft).needs_id is needs_id


@pytest.mark.parametrize(
    ("poster", "link", "adds"),
    [
        ("U0ANA", monitor(), True),
        ("U0ANA", monitor(draft=True), False),
        ("U0ANA", replace(monitor(), quoted=True), False),
        ("U0BEN", monitor(), False),
        (None, monitor(), False),
    ],
)
def test_auto_adds_what_somebody_pasted_who_may_confirm_it(poster: str | None, link: Candidate, adds: bool):
    assert auto_adds(poster, link, {"U0ANA"}) is adds


# --- when a card is full ---


@pytest.mark.parametrize(
    ("held", "age", "rolling", "takes"),
    [
        (0, 0, False, True),
        (CARD_HOLDS - 1, CARD_OPEN_SECONDS, False, True),
        (CARD_HOLDS, 0, False, False),
        (1, CARD_OPEN_SECONDS + 1, False, False),
        (1, CARD_OPEN_SECONDS + 1, True, True),
        (1, ROLLING_SECONDS + 1, True, False),
    ],
)
def test_a_card_takes_links_until_it_is_full_or_old(held: int, age: float, rolling: bool, takes: bool):
    assert takes_more(held, age, rolling=rolling) is takes


def test_a_card_full_of_undecided_insights_keeps_them():
    assert [moves_on(undecided) for undecided in (0, CARD_HOLDS - 1, CARD_HOLDS)] == [True, True, False]


# --- what a button does ---


def standing(
    state: State, *, sent: bool = False, ours: bool = False, shown: bool = True, ticked: bool = True, left: bool = False
) -> ItemView:
    return ItemView(state, sent, ours, shown, ticked, left)


ACTS = {
    (Action.ADD, State.OFFERED): State.CONFIRMED,
    (Action.DISMISS, State.OFFERED): State.DISMISSED,
    (Action.DISMISS, State.FAILED): State.DISMISSED,
    (Action.CANCEL, State.CONFIRMED): State.DISMISSED,
    (Action.RETRY, State.FAILED): State.CONFIRMED,
    (Action.UNDO, State.ADDED): State.UNDOING,
}


@pytest.mark.parametrize(("action", "state"), list(product(Action, State)))
def test_a_button_moves_only_the_state_it_is_for(action: Action, state: State):
    assert act(action, standing(state, ours=True)) is ACTS.get((action, state))


@pytest.mark.parametrize(("action", "state"), list(product(Action, State)))
def test_a_button_leaves_alone_what_its_card_did_not_show(action: Action, state: State):
    assert act(action, standing(state, ours=True, shown=False, left=True)) is None


STANDINGS = [
    ItemView(state, *flags) for state, flags in product(State, product((False, True), repeat=5))
]  # sent, ours, shown, ticked, left_out


@pytest.mark.parametrize("action", Action)
def test_a_button_asks_only_for_moves_that_exist(action: Action):
    asked = [(each, act(action, each)) for each in STANDINGS]
    assert all(may_move(each.state, new, deliberate=each.ticked) for each, new in asked if new is not None)


@pytest.mark.parametrize(
    ("action", "state", "flags", "new"),
    [
        (Action.ADD, State.OFFERED, {"ticked": False}, State.DISMISSED),
        (Action.ADD, State.DISMISSED, {"left": True}, State.CONFIRMED),
        (Action.ADD, State.DISMISSED, {"ticked": True}, None),
        (Action.ADD, State.DISMISSED, {"ticked": False}, None),
        (Action.CANCEL, State.CONFIRMED, {"sent": True}, State.UNDOING),
        (Action.UNDO, State.ADDED, {"ours": False}, None),
    ],
    ids=["not ticked: left out", "left out: asked for", "dismissed", "dismissed, not ticked", "sent", "not ours"],
)
def test_a_button_minds_what_was_ticked_left_out_sent_or_put_on_by_others(
    action: Action, state: State, flags: dict[str, bool], new: State | None
):
    assert act(action, standing(state, **flags)) is new


@pytest.mark.parametrize(("earlier", "kept"), [(0, 40), (30, 10), (40, 0), (70, 0)])
def test_of_one_message_only_so_many_are_offered_whatever_edits_brought_it(earlier: int, kept: int):
    """K39."""
    posts = [*[("1.1", True)] * 860, *[("1.2", False)] * 30]
    chosen = within_limits([Decision.ON_CARD, *[Decision.OFFER] * 889], posts, ["1.1"] * earlier)
    assert Counter(chosen[:860]) == Counter(on_card=1, offer=kept, too_many=859 - kept)
    assert Counter(chosen[860:]) == {Decision.OFFER: 20, Decision.TOO_MANY: 10}
