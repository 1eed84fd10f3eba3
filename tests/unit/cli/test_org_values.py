"""Which values of parameters the organisation's commands take: those that CloudFormation would."""

from __future__ import annotations

import json

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Definition
from guardrail_cli.org.target import checked
from guardrail_cli.org.template import source
from guardrail_sandbox.sandbox import ROOT

DECLARED = source(ROOT / "template.yaml")["Parameters"]


def given(name: str, value: str) -> Definition:
    """Return a definition that gives one parameter of the project's own template."""
    return Definition(json.dumps({"Parameters": DECLARED}), {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Services", "states"),
        ("Services", "states,sync-states"),
        ("Services", "states, sync-states"),
        ("ClientCidrs", ""),
        ("ClientCidrs", "10.0.0.0/8,192.168.0.0/16,2001:db8::/32"),
        ("MaxAvailabilityZones", "1"),
        ("MaxAvailabilityZones", "6"),
        ("SettleSeconds", "0"),
        ("LogRetentionDays", "365"),
        ("SweepSchedule", "cron(0 3,15 * * ? *)"),
    ],
)
def test_what_the_template_takes_is_taken(name: str, value: str) -> None:
    """A list has several items, each of which is looked at; elsewhere a comma is a character."""
    assert checked(given(name, value)).parameters == {name: value}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("Services", "states,stats", "states, sync-states or both.*, not 'stats'"),
        ("Services", "", "Services takes"),
        ("ClientCidrs", "10.0.0.0/8,everybody", "CIDR blocks such as.*, not 'everybody'"),
        ("MaxAvailabilityZones", "abc", "a number from 1 to 6, not 'abc'"),
        ("MaxAvailabilityZones", "", "a number from 1 to 6, not ''"),
        ("MaxAvailabilityZones", "0", "a number from 1 to 6, not '0'"),
        ("MaxAvailabilityZones", "99", "a number from 1 to 6, not '99'"),
        ("MaxAvailabilityZones", "2.5", "a number from 1 to 6, not '2.5'"),
        ("LogRetentionDays", "2", "LogRetentionDays takes .*, not '2'"),
        ("DefaultVpcs", "some", "skip or include, not 'some'"),
        ("SweepSchedule", "hourly", "an expression such as .*, not 'hourly'"),
    ],
)
def test_what_the_template_does_not_take_is_told(name: str, value: str, told: str) -> None:
    """Before anything is made or priced, with what it takes and which item it does not."""
    with pytest.raises(UsageError, match=told):
        checked(given(name, value))


@pytest.mark.parametrize(
    ("declared", "value", "told"),
    [
        ({"Type": "Number", "MinValue": 2, "MaxValue": 9}, "1", "a whole number from 2 to 9"),
        ({"Type": "Number", "MinValue": 2}, "x", "a whole number from 2, not"),
        ({"Type": "Number", "MaxValue": 9}, "10", "a whole number up to 9, not"),
        ({"Type": "Number"}, "many", "a whole number, not"),
        ({"Type": "Number", "AllowedValues": [1, 3]}, "2", "1 or 3"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a,c", "a or b, not 'c'"),
        ({"Type": "String", "AllowedPattern": "^[a-z]+$"}, "A", r"what matches \^\[a-z\]"),
    ],
)
def test_a_parameter_that_does_not_say_what_it_takes_is_read(
    declared: dict[str, object], value: str, told: str
) -> None:
    """From its limits, values or pattern."""
    template = json.dumps({"Parameters": {"One": declared}})
    with pytest.raises(UsageError, match=f"One takes {told}"):
        checked(Definition(template, {"One": value}))
