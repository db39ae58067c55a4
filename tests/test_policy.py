"""Who may change a case, and that doubt means no."""

from dataclasses import replace

import pytest

from bot.policy import SLACKBOT, Confirmers, OurWorkspace, Person, Refusal, is_named, may_change, person_behind

ACME = OurWorkspace("T0ACME", None, "Acme")
GRID = OurWorkspace("T0ACME", "E0CORP", "Acme")
ANA = Person("U0ANA", "Ana", "T0ACME")


def test_a_full_member_may():
    assert may_change(ANA, ACME) is None


def test_an_id_that_begins_with_w_is_a_member_too():
    assert may_change(replace(ANA, id="W0ANA"), ACME) is None


@pytest.mark.parametrize("what", ["deleted", "is_bot", "is_guest", "is_stranger"])
@pytest.mark.parametrize("home", [ACME, GRID])
def test_a_bot_a_guest_a_stranger_and_someone_who_left_may_not(what: str, home: OurWorkspace):
    assert may_change(replace(ANA, enterprise="E0CORP", **{what: True}), home) is Refusal.NOT_A_MEMBER


def test_a_member_of_another_team_may_not():
    assert may_change(replace(ANA, team="T0OTHER"), ACME) is Refusal.NOT_A_MEMBER


def test_a_member_of_another_team_of_the_enterprise_may():
    assert may_change(replace(ANA, team="T0OTHER", enterprise="E0CORP"), GRID) is None


def test_another_enterprise_is_not_ours():
    assert may_change(replace(ANA, team="T0OTHER", enterprise="E0ELSE"), GRID) is Refusal.NOT_A_MEMBER


def test_no_enterprise_on_both_sides_makes_nobody_a_member():
    assert may_change(replace(ANA, team="T0OTHER"), ACME) is Refusal.NOT_A_MEMBER


def test_someone_without_a_team_may_not():
    assert may_change(replace(ANA, team=""), ACME) is Refusal.NOT_A_MEMBER


@pytest.mark.parametrize("home", [ACME, GRID])
def test_someone_of_whom_slack_says_nothing_may_not(home: OurWorkspace):
    assert may_change(None, home) is Refusal.UNKNOWN


NAMED = Confirmers(frozenset({"U0ANA"}), frozenset({"S0SRE"}))


def test_without_a_list_everybody_is_named():
    assert is_named("U0BEN", None, {})


def test_a_list_lets_in_whom_it_names_and_whom_its_groups_hold():
    assert is_named("U0ANA", NAMED, {})
    assert is_named("U0BEN", NAMED, {"S0SRE": frozenset({"U0BEN"})})
    assert not is_named("U0GIL", NAMED, {"S0SRE": frozenset({"U0BEN"})})


def test_a_group_that_slack_does_not_tell_of_lets_nobody_in():
    assert not is_named("U0BEN", NAMED, {})


def test_an_empty_list_lets_nobody_in():
    assert not is_named("U0ANA", Confirmers(frozenset(), frozenset()), {})


def test_a_group_that_is_not_on_the_list_does_not_count():
    assert not is_named("U0BEN", NAMED, {"S0OTHER": frozenset({"U0BEN"})})


def test_who_is_not_named_is_told_so_and_being_named_makes_no_guest_a_member():
    assert may_change(ANA, ACME, named=False) is Refusal.NOT_NAMED
    assert may_change(replace(ANA, is_guest=True), ACME, named=True) is Refusal.NOT_A_MEMBER


def test_slackbot_is_nobody_although_slack_calls_it_no_bot():
    assert may_change(replace(ANA, id=SLACKBOT), ACME) is Refusal.NOT_A_MEMBER
    assert person_behind(SLACKBOT, by_app=False) is None


def test_what_an_app_posts_has_nobodys_authority_whoever_it_names():
    assert person_behind("U0ANA", by_app=True) is None
    assert person_behind("U0ANA", by_app=False) == "U0ANA"
    assert person_behind(None, by_app=False) is None
