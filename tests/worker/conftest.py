"""The services' office, for what the worker shows."""

from tests.services.conftest import office

__all__ = ["office"]
