"""The bench of the end-to-end tests."""

from tests.e2e.conftest import b, over_http, shared, web

__all__ = ["b", "over_http", "shared", "web"]
