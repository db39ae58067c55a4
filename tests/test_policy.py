"""Who may change a case, and that doubt means no."""

from dataclasses import replace

import pytest

from bot.model import Tie, TieKind, TieSource
from bot.policy import (
    SLACKBOT,
    Confirmers,
    OurWorkspace,
    Person,
    Refusal,
    app_as,
    counts_as,
    is_named,
    may_be_automatic,
    may_be_told,
    may_change,
    may_read_title,
    person_behind,
)

ACME = OurWorkspace("T0ACME", None, "Acme")
GRID = OurWorkspace("T0ACME", "E0CORP", "Acme")
ANA = Person("U0ANA", "Ana", "T0ACME")


MEMBERS: list[tuple[str, dict[str, str], OurWorkspace, Refusal | None]] = [
    ("a full member", {}, ACME, None),
    ("an id that begins with W", {"id": "W0ANA"}, ACME, None),
    ("another team of the enterprise", {"team": "T0OTHER", "enterprise": "E0CORP"}, GRID, None),
    ("another team", {"team": "T0OTHER"}, ACME, Refusal.NOT_A_MEMBER),  # no enterprise on both sides makes no member
    ("another enterprise", {"team": "T0OTHER", "enterprise": "E0ELSE"}, GRID, Refusal.NOT_A_MEMBER),
    ("no team", {"team": ""}, ACME, Refusal.NOT_A_MEMBER),
    ("Slackbot, which Slack calls no bot", {"id": SLACKBOT}, ACME, Refusal.NOT_A_MEMBER),
]


@pytest.mark.parametrize(("who", "home", "refusal"), [row[1:] for row in MEMBERS], ids=[row[0] for row in MEMBERS])
def test_full_members_of_the_workspace_or_its_enterprise_may(
    who: dict[str, str], home: OurWorkspace, refusal: Refusal | None
):
    assert may_change(replace(ANA, **who), home) is refusal


@pytest.mark.parametrize("what", ["deleted", "is_bot", "is_guest", "is_stranger"])
@pytest.mark.parametrize("home", [ACME, GRID])
def test_a_bot_a_guest_a_stranger_and_someone_who_left_may_not(what: str, home: OurWorkspace):
    assert may_change(replace(ANA, enterprise="E0CORP", **{what: True}), home) is Refusal.NOT_A_MEMBER


@pytest.mark.parametrize("home", [ACME, GRID])
def test_someone_of_whom_slack_says_nothing_may_not(home: OurWorkspace):
    assert may_change(None, home) is Refusal.UNKNOWN


NAMED, NOBODY = Confirmers(frozenset({"U0ANA"}), frozenset({"S0SRE"})), Confirmers(frozenset(), frozenset())


@pytest.mark.parametrize(
    ("user", "confirmers", "group", "named"),
    [
        ("U0BEN", None, None, True),
        ("U0ANA", NAMED, None, True),
        ("U0BEN", NAMED, "S0SRE", True),
        ("U0GIL", NAMED, "S0SRE", False),
        ("U0BEN", NAMED, None, False),
        ("U0BEN", NAMED, "S0OTHER", False),
        ("U0ANA", NOBODY, None, False),
    ],
    ids=["no list", "on it", "in a group on it", "in none", "no word of the group", "another group", "empty list"],
)
def test_a_list_lets_in_whom_it_names_and_whom_its_groups_hold(
    user: str, confirmers: Confirmers | None, group: str | None, named: bool
):
    """`group`: which one Slack tells of; it has Ben."""
    assert is_named(user, confirmers, {group: frozenset({"U0BEN"})} if group else {}) is named


def test_who_is_not_named_is_told_so_and_being_named_makes_no_guest_a_member():
    assert may_change(ANA, ACME, named=False) is Refusal.NOT_NAMED
    assert may_change(replace(ANA, is_guest=True), ACME, named=True) is Refusal.NOT_A_MEMBER


def test_what_an_app_posts_has_nobodys_authority_whoever_it_names():
    assert person_behind("U0ANA", by_app=True) is None
    assert person_behind("U0ANA", by_app=False) == "U0ANA"
    assert person_behind(None, by_app=False) is None
    assert person_behind(SLACKBOT, by_app=False) is None


ACCOUNTS = {
    "U0ANA": ANA,
    "U0BOT": replace(ANA, id="U0BOT", is_bot=True),
    "U0GUEST": replace(ANA, id="U0GUEST", is_guest=True),
    "U0THEIRS": replace(ANA, id="U0THEIRS", team="T0OTHER", is_bot=True, is_stranger=True),
}


@pytest.mark.parametrize(
    ("author", "whose"),
    [
        ("U0ANA", "U0ANA"),
        ("U0GUEST", "U0GUEST"),
        ("B0ZAP", "B0ZAP"),
        (None, None),
        ("B0ZAP U0ANA", "B0ZAP"),
        ("B0ZAP U0BOT", "B0ZAP"),
        ("B0ZAP U0GUEST", "U0GUEST"),
        ("B0ZAP U0THEIRS", "U0THEIRS"),
        ("B0ZAP U0UNKNOWN", None),
    ],
)
def test_what_an_app_posts_with_an_outsiders_token_counts_as_the_outsiders(author: str | None, whose: str | None):
    assert counts_as(author, ACCOUNTS, ACME) == whose


def test_an_app_is_stored_with_the_account_under_which_it_posts():
    assert [app_as("B0ZAP", user) for user in ("U0ANA", SLACKBOT, None)] == ["B0ZAP U0ANA", "B0ZAP", "B0ZAP"]
    assert app_as(None, "U0ANA") is None
    assert app_as("B" * 20, "U" * 20) is None


TOLD = frozenset({"U0ANA"})


@pytest.mark.parametrize(
    ("source", "by", "adds"),
    [
        (TieSource.ROOT, "U0ANA", True),
        (TieSource.ROOT, "U0GUEST", False),
        (TieSource.ROOT, "B0DATADOG", True),
        (TieSource.ROOT, None, False),
        (TieSource.SAID, "U0LEFT", True),
        (TieSource.CHANNEL, "U0LEFT", True),
    ],
    ids=[
        *("a member's root", "a guest's root", "an alert's root", "a workflow's or an e-mail's"),
        *("said by who might then", "the channel's"),
    ],
)
def test_auto_adds_to_no_case_that_somebody_chose_who_may_not_confirm(source: TieSource, by: str | None, adds: bool):
    tie = Tie(TieKind.TIED, source, "acme", "c", (), (), by, 0.0)
    assert may_be_automatic(tie, TOLD) == adds


@pytest.mark.parametrize(
    ("poster", "by", "tied_by", "told"),
    [
        ("U0ANA", None, None, True),
        ("U0GUEST", None, "U0ANA", False),
        ("U0GUEST", "U0ANA", None, True),
        ("B0DATADOG", None, "U0ANA", True),
        ("B0DATADOG", None, "U0GUEST", False),
        ("B0DATADOG", None, None, False),
        (None, None, "U0ANA", False),
        (None, "U0ANA", "U0ANA", True),
    ],
    ids=[
        *("member", "guest", "guest, member clicked", "alert", "alert, guest's case", "alert, app's case"),
        *("workflow or e-mail", "workflow, member clicked"),
    ],
)
def test_a_card_names_what_a_member_posted_or_clicked_and_alerts_in_a_members_thread(poster, by, tied_by, told):
    """K38."""
    assert may_be_told(poster, by, tied_by, TOLD) == told


@pytest.mark.parametrize(
    ("tied_by", "posters", "clickers", "told"),
    [
        ("U0ANA", {"U0GUEST"}, {None}, True),
        ("U0GUEST", {"U0ANA"}, {None}, False),
        ("U0GUEST", {"U0GUEST"}, {"U0ANA"}, True),
        ("B0DATADOG", {"U0ANA", "B0DATADOG"}, {None}, True),
        ("B0DATADOG", {"U0GUEST", "B0DATADOG"}, {None}, False),
        (None, {"U0ANA"}, {None}, False),
        (None, {"U0ANA"}, {"U0ANA"}, True),
    ],
    ids=[
        *("a member's case", "a guest's case", "a member clicked", "an app's case, a member's link"),
        *("an app's case, a guest's link", "a workflow's or an e-mail's case", "the same, a member clicked"),
    ],
)
def test_a_card_shows_its_cases_title_where_a_member_named_the_case_or_clicked(tied_by, posters, clickers, told):
    """K38."""
    assert may_read_title(tied_by, posters, clickers, TOLD) == told
