"""The store that the operator's commands find."""

import pytest

from bot.store import Store


@pytest.fixture
def asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that DATABASE_URL names."""
    monkeypatch.setenv("DATABASE_URL", store.url)
    return store
