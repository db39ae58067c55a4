"""From what people paste to what a case can keep."""

from bot.links.explain import as_row, as_text
from bot.links.extract import extract, may_hold_links
from bot.links.loading import load
from bot.links.parse import OTHER_PAGE, Reading, explain, insight_on, parse
from bot.links.permalinks import Permalink, permalink
from bot.links.reasons import sentence
from bot.links.routes import Routes, RoutesError
from bot.links.scm_names import change_name
from bot.links.sites import SITES, OrgHosts, api_host, can_be_web_host, elsewhere, orgs_of, site_of

__all__ = [
    "OTHER_PAGE", "SITES", "OrgHosts", "Permalink", "Reading", "Routes", "RoutesError", "api_host", "as_row", "as_text",
    "can_be_web_host", "change_name", "elsewhere", "explain", "extract", "insight_on", "load", "may_hold_links",
    "orgs_of", "parse", "permalink", "sentence", "site_of",
]  # fmt: skip
