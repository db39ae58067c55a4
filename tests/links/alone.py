"""Which routes read a link, each asked alone: the order of the table must not matter."""

from dataclasses import replace

from bot import links
from bot.links.routes import Route, Routes, index
from bot.model import InsightType

ROUTES = links.load()


def _alone(route: Route, *, family: bool) -> Routes:
    """A table of one route: its own pages, or those of its family, which count only where no route claims a link."""
    route = replace(route, paths=tuple(path for path in route.paths if path.is_family is family))
    if route.type is InsightType.SCM_URL:
        return replace(ROUTES, datadog=index([]), scm=(route,))
    return replace(ROUTES, datadog=index([route]), scm=())


_ALONE = [{route.name: _alone(route, family=family) for route in ROUTES.rows} for family in (False, True)]


def claimants(link: str) -> list[str]:
    own, family = (
        [name for name, table in tables.items() if links.explain(link, table).route == name] for tables in _ALONE
    )
    return own or family
