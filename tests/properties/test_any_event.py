"""Laws of reading events: whatever arrives is a trigger or is ignored with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.core.trail import Ignored, Trigger, read_trigger

SAMPLES = sorted((Path(__file__).parent.parent.parent / "events").glob("*.json"))

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=30,
)
_KEYS = ("eventName", "requestParameters", "responseElements", "userIdentity", "eventTime")


@settings(max_examples=100, deadline=None)
@given(event=_JSON, parts=st.dictionaries(st.sampled_from(_KEYS), _JSON))
def test_no_event_makes_reading_fail(event: Any, parts: dict[str, Any]) -> None:
    """Any JSON value, alone or in the place of any part of a record."""
    record = {"eventSource": "ec2.amazonaws.com", "eventName": "CreateVpc", **parts}
    for candidate in (event, {"source": "aws.ec2", "detail": record}):
        assert isinstance(read_trigger(candidate), Trigger | Ignored)


@settings(max_examples=60, deadline=None)
@given(parts=st.data())
def test_no_mangling_of_a_recorded_event_makes_reading_fail(parts: st.DataObject) -> None:
    """Any member of a sample, however deep, taken away or replaced by any JSON value."""
    event: Any = json.loads(parts.draw(st.sampled_from(SAMPLES)).read_text())
    for _ in range(parts.draw(st.integers(1, 4))):
        node = event
        while isinstance(node, dict) and node:
            key = parts.draw(st.sampled_from(sorted(node)))
            if not isinstance(node[key], dict) or parts.draw(st.booleans()):
                node[key] = parts.draw(_JSON)
                if parts.draw(st.booleans()):
                    del node[key]
                break
            node = node[key]
    assert isinstance(read_trigger(event), Trigger | Ignored)
