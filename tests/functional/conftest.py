"""Fixtures of the functional tests."""

from contextlib import ExitStack

import pytest

from siplb import Peer


@pytest.fixture
def peers():
    """Makes that many peers; they are closed at the end of the test."""
    with ExitStack() as stack:
        yield lambda count: [stack.enter_context(Peer()) for _ in range(count)]
