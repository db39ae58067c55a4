"""Datadog's hosts, and whose they are."""

import pytest

from bot.links import SITES, OrgHosts, api_host, can_be_web_host, elsewhere, orgs_of
from bot.links.outcomes import Reason
from bot.links.sites import refusal

US1 = OrgHosts("us1", "datadoghq.com")
US5 = OrgHosts("us5", "us5.datadoghq.com")
EU = OrgHosts("eu", "datadoghq.eu")
ACME = OrgHosts("acme", "datadoghq.com", frozenset({"acme.datadoghq.com"}))
BETA = OrgHosts("beta", "datadoghq.com", frozenset({"beta.datadoghq.com"}))


def test_there_are_nine_sites_and_their_api_host_is_always_api_dot_site() -> None:
    assert len(SITES) == 9
    assert {site.web_host for site in SITES} >= {"app.datadoghq.com", "app.datadoghq.eu", "us2.ddog-gov.com"}
    assert all(refusal(site.web_host) is None for site in SITES)
    assert api_host("us5.datadoghq.com") == "api.us5.datadoghq.com"
    assert all(refusal(api_host(site.parameter)) is Reason.NOT_THE_APP for site in SITES)


@pytest.mark.parametrize(
    ("host", "org", "its"),
    [
        ("app.datadoghq.com", US1, True),
        ("APP.datadoghq.com", US1, True),
        ("acme.datadoghq.com", US1, True),
        ("us3.datadoghq.com", US1, False),
        ("acme.us5.datadoghq.com", US1, False),
        ("us5.datadoghq.com", US5, True),
        ("app.us5.datadoghq.com", US5, True),
        ("acme.us5.datadoghq.com", US5, True),
        ("acme.datadoghq.com", US5, True),  # the bare domain does not tell the site
        ("app.datadoghq.com", US5, False),
        ("acme.us3.datadoghq.com", US5, False),
        ("acme.datadoghq.eu", US1, False),
        ("acme.datadoghq.eu", EU, True),
        ("app.datadoghq.com", ACME, True),
        ("acme.datadoghq.com", ACME, True),
        ("beta.datadoghq.com", ACME, False),
        ("docs.datadoghq.com", US1, False),
        ("app.datadoghq.com.evil.example", US1, False),
        ("evildatadoghq.com", US1, False),
        ("github.com", US1, False),
    ],
)
def test_whose_host_it_is(host: str, org: OrgHosts, its: bool) -> None:
    assert orgs_of(host, [org]) == ((org,) if its else ())


@pytest.mark.parametrize(
    ("host", "can"),
    [
        ("acme.datadoghq.com", True),
        ("status.datadoghq.com", True),
        ("browser-intake.us5.datadoghq.com", True),
        ("app.datadoghq.eu", True),
        ("us3.datadoghq.com", True),
        ("acme.ddog-gov.com", True),
        ("datadoghq.com", False),
        ("acme", False),
        ("", False),
        ("acme.example.com", False),
        ("acme.datadoghq.com.evil.example", False),
        ("a.b.datadoghq.com", False),
        ("https://acme.datadoghq.com", False),
        ("acme.datadoghq.com/monitors", False),
        ("acme.datadoghq.com:443", False),
        ("acme.datadoghq.com.", False),
        (" acme.datadoghq.com", False),
        ("*.datadoghq.com", False),
        ("-acme.datadoghq.com", False),
        ("xn--acm-6ma.datadoghq.com", False),
        ("acmé.datadoghq.com", False),
        (f"{'a' * 64}.datadoghq.com", False),
    ],
)
def test_an_organisation_can_name_any_sub_domain_of_a_site_and_nothing_else(host: str, can: bool) -> None:
    assert can_be_web_host(host) is can


def test_an_org_that_names_the_host_comes_before_one_that_could_have_it() -> None:
    assert orgs_of("acme.datadoghq.com", [US1, ACME]) == (ACME,)
    assert orgs_of("other.datadoghq.com", [ACME, US1]) == (US1,)


def test_two_orgs_on_one_site_share_its_web_host() -> None:
    assert orgs_of("app.datadoghq.com", [ACME, BETA, EU]) == (ACME, BETA)
    assert orgs_of("app.datadoghq.com", []) == ()


@pytest.mark.parametrize(
    ("hosts", "orgs", "sites"),
    [
        (["app.datadoghq.eu"], [US1], {"datadoghq.eu"}),
        (["acme.us5.datadoghq.com", "us2.ddog-gov.com"], [US1], {"us5.datadoghq.com", "us2.ddog-gov.com"}),
        (["app.datadoghq.eu", "app.datadoghq.com"], [US1], set()),  # one of them is ours: nothing is set wrongly
        (["app.datadoghq.com"], [ACME], set()),
        (["beta.datadoghq.com"], [ACME], set()),  # another organisation, on our site
        (["acme.datadoghq.com"], [OrgHosts("five", "us5.datadoghq.com", frozenset({"five.datadoghq.com"}))], set()),
        (["app.datadoghq.com"], [US5], {"datadoghq.com"}),
        (["github.com", "docs.datadoghq.com", "app.datadoghq.com.evil.example"], [US1], set()),
        ([], [US1], set()),
    ],
)
def test_a_site_counts_as_elsewhere_where_no_link_is_ours_and_the_host_tells_the_site(
    hosts: list[str], orgs: list[OrgHosts], sites: set[str]
) -> None:
    assert elsewhere(hosts, orgs) == sites
