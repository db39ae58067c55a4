"""The circuit breaker: a pause that is asked for stands, silence is noticed, and one call alone is a trial."""

import pytest

from bot.breaker import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, SILENCES, CircuitBreaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def fall_silent(breaker: CircuitBreaker, times: int = SILENCES) -> None:
    for _ in range(times):
        breaker.silent("silent")


def test_a_pause_stands_whatever_is_answered_meanwhile_and_a_shorter_one_does_not_end_it(breaker, clock):
    breaker.open(60.0, "credentials")
    breaker.open(1.0, "rate_limited")
    breaker.answered()
    assert (breaker.admit(), breaker.reason) == (60.0, "credentials")
    clock.now += 60.0
    assert breaker.admit() == 0.0


def test_it_opens_after_three_silences_in_a_row(breaker):
    fall_silent(breaker, SILENCES - 1)
    breaker.answered()
    fall_silent(breaker, SILENCES - 1)
    assert breaker.open_for == 0.0
    breaker.silent("silent")
    assert (breaker.open_for, breaker.reason) == (FIRST_PAUSE_SECONDS, "silent")


def test_many_calls_that_were_under_way_together_make_one_pause(breaker):
    fall_silent(breaker, 16)
    assert breaker.open_for == FIRST_PAUSE_SECONDS


def test_after_silence_one_call_is_let_through_and_each_failed_trial_doubles_the_pause(breaker, clock):
    fall_silent(breaker)
    for pause in (FIRST_PAUSE_SECONDS, 10.0, 20.0, 40.0, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS):
        assert breaker.open_for == pause
        clock.now += pause
        assert breaker.admit() == 0.0
        assert breaker.admit() > 0.0, "the others wait for the trial"
        breaker.silent("silent")


def test_a_trial_that_is_answered_closes_it_and_one_that_never_ends_is_followed_by_another(breaker, clock):
    fall_silent(breaker)
    clock.now += FIRST_PAUSE_SECONDS
    assert breaker.admit() == 0.0
    clock.now += breaker.open_for
    assert breaker.admit() == 0.0
    breaker.answered()
    assert [breaker.admit() for _ in range(3)] == [0.0, 0.0, 0.0]


def test_the_reason_is_that_of_the_pause_in_effect(breaker):
    fall_silent(breaker)
    breaker.open(1.0, "rate_limited")
    assert breaker.reason == "silent"
