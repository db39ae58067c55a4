"""Private answers: told once, in the next way that Slack takes."""

from bot.services.responder import Caller
from tests.services.conftest import ANA, Office


async def test_an_answer_whose_address_is_used_up_is_told_in_the_thread(office: Office):
    responder, thread = office.responder(), office.thread()
    gone = office.slack.url.replace("/api/", "/actions/T0ACME/A0CASES/none")
    responder.respond(Caller(thread, ANA, "block_actions", response_url=gone), "Nothing to do.")
    await responder.drain(5.0)
    assert office.privately(ANA) == ["Nothing to do."]
