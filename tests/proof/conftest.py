"""The bench of the end-to-end tests, over HTTP."""

from tests.e2e.conftest import over_http, web

__all__ = ["over_http", "web"]
