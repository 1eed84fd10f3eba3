"""Alarms: only where asked for, each on a metric that exists."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from stack_template import template

from handlers import bootstrap

ALARMS = dict(template().of_type("AWS::CloudWatch::Alarm"))


def test_there_are_alarms_on_what_would_go_unnoticed() -> None:
    """Dead letters, an open breaker, failing sweeps and missing ones; none unless asked for."""
    watched = {(a["Namespace"], a["MetricName"], a["TreatMissingData"]) for a in ALARMS.values()}
    assert watched == {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "notBreaching"),
        ("SfnEndpointGuardrail", "BreakerOpen", "notBreaching"),
        ("AWS/Lambda", "Errors", "notBreaching"),
        ("AWS/Lambda", "Invocations", "breaching"),
    }
    conditions = {template().resources[name]["Condition"] for name in ALARMS}
    assert conditions == {"HasAlarms"}
    assert not template().holds("HasAlarms", {})
    assert template().holds("HasAlarms", {"Alarms": "on"})


def test_the_breakers_metric_is_written_with_the_dimensions_of_its_alarm(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm on a metric of other dimensions never rings."""
    variables = template().properties("EndpointChange")["Environment"]["Variables"]
    for name in ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"):
        monkeypatch.setenv(name, variables[name])
    bootstrap._emit(Counter({("BreakerOpen", ()): 1}))  # noqa: SLF001  what writes every metric
    written: dict[str, Any] = json.loads(capsys.readouterr().out)
    (metrics,) = written["_aws"]["CloudWatchMetrics"]
    alarm = ALARMS["BreakerAlarm"]
    dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    assert metrics["Namespace"] == alarm["Namespace"]
    assert metrics["Dimensions"] == [list(dimensions)]
    assert {name: written[name] for name in dimensions} == dimensions


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_to_look_at_and_tells_the_topic(name: str) -> None:
    """A description for whoever is woken, and the topic that the owner named or had made."""
    assert len(ALARMS[name]["AlarmDescription"]) > 30
    told = json.dumps(ALARMS[name]["AlarmActions"])
    assert "NotificationTopic" in told
    assert "Notifications" in told
