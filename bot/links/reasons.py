"""The sentence for each reason: why a link is no insight, and what to do instead."""

from bot.links.outcomes import Reason

SENTENCES: dict[Reason, str] = {
    Reason.NO_ROUTE: "Datadog has no insight type for this kind of page.",
    Reason.UNKNOWN_PAGE: (
        "The bot does not know this page, nor which one thing it shows, if any. If that has a page of its own, paste "
        "the address of that."
    ),
    Reason.LIST_PAGE: "This is a list or a search. Open the one you mean and paste its address.",
    Reason.SETTINGS_PAGE: "This is a settings or creation page, which no case can keep.",
    Reason.DASHBOARD: "A whole dashboard is no insight. Open a widget in full screen and paste that address.",
    Reason.NOTEBOOK: "A notebook is no insight.",
    Reason.LOGS: "Logs are no insight, neither a search nor a single log.",
    Reason.TRACES: "Traces and spans are no insight.",
    Reason.SHORT_LINK: "This is a short link. Open it and paste the address it leads to.",
    Reason.TEMPLATE: "The link has a template variable that was never filled in. Paste the real page's link.",
    Reason.CASE_LIST: "This is a list of cases or their settings. Open one case and paste its address.",
    Reason.LOGIN: "This is only a login page. Log in and paste the address that opens then.",
    Reason.BAD_ID: "The bot knows this page, but the link has no valid id. Copy the link again from the page.",
    Reason.OTHER_ORG: "The link and the case belong to different Datadog organisations.",
    Reason.NOT_A_LINK: "This is no web address, or not all of one. Paste the whole link, beginning with https://.",
    Reason.NOT_OURS: "This is neither a Datadog link nor a change on a code host that the bot knows.",
    Reason.LOOK_ALIKE: "The host looks like Datadog's but is not one of Datadog's own. The link is not read.",
    Reason.DISGUISED: (
        "The link is not read: something in it can hide where it leads, such as a user name, a back-slash, a blank, "
        "foreign or invisible letters, dots for a folder or an unusual port. Copy it again from the address bar."
    ),
    Reason.NOT_THE_APP: "This Datadog host serves no web app (documentation, API, status …), so it shows no insight.",
}

NOTED = "It can be kept as a note: a link in the case's comment."
"""Of a page that shows one thing, wherever notes are on."""


def sentence(reason: Reason) -> str:
    """The reason in words, with the next step if there is one."""
    return SENTENCES[reason]
