"""Which routes read a link, each asked alone: the order of the table must not matter."""

from dataclasses import replace

from bot import links
from bot.links.routes import index
from bot.model import InsightType

ROUTES = links.load()
_ALONE = {
    route.name: replace(ROUTES, datadog=index([]), scm=(route,))
    if route.type is InsightType.SCM_URL
    else replace(ROUTES, datadog=index([route]), scm=())
    for route in ROUTES.rows
}


def claimants(link: str) -> list[str]:
    return [name for name, table in _ALONE.items() if links.explain(link, table).route == name]
