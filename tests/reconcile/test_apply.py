"""Carrying out a plan that its engine did not make."""

from __future__ import annotations

from dataclasses import replace

from stackup.values import Address
from tests.reconcile.stacks import Host, network


def test_a_kind_that_the_engine_lacks_is_an_error_and_not_a_wait() -> None:
    host = Host()
    made = host.plan(network())
    address = Address("moon", "full")
    (change,), (step,) = made.changes, made.steps
    strange = replace(made, changes=(replace(change, address=address),), steps=(replace(step, address=address),))
    (error,) = host.apply(strange).errors
    assert str(error.error) == 'this engine cannot create a resource of kind "moon"'
