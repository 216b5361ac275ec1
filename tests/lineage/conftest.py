from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are killed here, power is not cut: what the kernel has is enough, and much quicker."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
