"""Fixtures of the tests on a real systemd: one for all tests of a file, with siplb installed."""

import sys
from pathlib import Path

import pytest

# What they share with the functional tests: SIP peers, siplb-load, metrics.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "functional"))

from machine import Machine, Service, why_not  # noqa: E402


@pytest.fixture(scope="module")
def machine():
    if reason := why_not():
        pytest.skip(reason)
    with Machine() as started:
        Service.install(started)
        yield started


@pytest.fixture
def service(machine):
    siplb = Service(machine)
    yield siplb
    print(siplb.journal())  # pytest shows it where the test has failed
    siplb.stop()
