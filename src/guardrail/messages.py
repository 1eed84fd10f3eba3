"""Messages for people, made of notices: what happened, who, what was done, what to do if wanted.

They are read on a phone, so each paragraph is short and begins with what it answers. Amazon SNS
takes subjects of at most 100 ASCII characters. Source: Amazon SNS API reference, "Publish".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from guardrail.core.actions import ActionKind, Origin
from guardrail.core.reasons import Reason
from guardrail.core.trail import LOOK_AGAIN, SETTLED
from guardrail.notices import Kind, Notice

_SUBJECT = 100
_ACTOR, _LONG = 200, 600
"""Characters of a name and of a sentence from elsewhere that are shown."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent; `held_back` notices of the same kind were not sent since the last one."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about, and where that stands."""

    subject_id: str
    vpc_id: str
    account_id: str
    region: str

    def told(self) -> str:
        """Return it in words."""
        ids = dict.fromkeys((self.subject_id, self.vpc_id))
        return f"{', '.join(ids)}, account {self.account_id}, {self.region}"


def message_of(notice: Notice, held_back: int = 0) -> Message:
    """Return the message about a notice."""
    detail = notice.detail
    paragraphs = [f"{label}: {text}" for label, text in _PARAGRAPHS[notice.kind](detail)]
    paragraphs.append(f"Where: {_where(notice)}")
    if held_back:
        paragraphs.append(
            f"Since the last message about this: {held_back} more like it, not sent one by one."
        )
    return Message(_subject(notice), "\n\n".join([_HEADLINES[notice.kind], *paragraphs]) + "\n")


def held_back_message(kind: Kind, subject: Subject, reason: str, count: int) -> Message:
    """Return the message that ends a window: what was not sent one by one."""
    times = "once more" if count == 1 else f"{count} more times"
    text = (
        f"{_HEADLINES[kind]}\n\nHow often: {times} since the last message about it ({reason}).\n\n"
        f"What to do: {_where_to_look(kind, subject.subject_id)}\n\nWhere: {subject.told()}\n"
    )
    title = f"Step Functions guardrail: {_SUBJECTS[kind]} {times}, {subject.subject_id}"
    return Message(title[:_SUBJECT], text)


def _where_to_look(kind: Kind, subject_id: str) -> str:
    if kind in {Kind.REVERTED, Kind.CONTESTED}:
        return f"`sfn-guardrail history {subject_id}` lists what was put back, with who and why."
    return f"the log lines `reconciled` about {subject_id} have each time, with who and why."


_HEADLINES = {
    Kind.CREATED: "A Step Functions endpoint was created.",
    Kind.REPAIRED: "A Step Functions endpoint was repaired.",
    Kind.WITHDRAWN: "The guardrail took something of its own out of the way.",
    Kind.REVERTED: "A Step Functions endpoint policy was put back.",
    Kind.OBSERVED: "A Step Functions endpoint is not as it should be. Nothing was changed.",
    Kind.REFUSED: "The guardrail could not repair something. It needs you.",
    Kind.CONTESTED: "Somebody keeps loosening a Step Functions endpoint policy.",
    Kind.YIELDED: "The guardrail stepped out of the way of a teardown.",
}
_SUBJECTS = {
    Kind.CREATED: "endpoint created",
    Kind.REPAIRED: "endpoint repaired",
    Kind.WITHDRAWN: "made way",
    Kind.REVERTED: "policy put back",
    Kind.OBSERVED: "drift seen",
    Kind.REFUSED: "ACTION NEEDED",
    Kind.CONTESTED: "policy fought over",
    Kind.YIELDED: "stepped aside",
}
_ORIGINS = {
    Origin.LAST_COMPLIANT: "The policy that the endpoint had before was put back",
    Origin.WITH_DENIES: "Your baseline was written, with the Deny statements of the policy kept",
    Origin.BASELINE: "Your baseline was written",
}

_OWN = {
    "sweep": "the regular sweep",
    SETTLED: "the VPC's having been quiet for long enough",
    LOOK_AGAIN: "the guardrail's second look at what it had begun",
}
_DID: Mapping[str, str] = {
    ActionKind.WRITE_POLICY: "the policy put back on",
    ActionKind.ADD_SUBNETS: "more subnets given to",
    ActionKind.REMOVE_SUBNETS: "subnets taken from",
    ActionKind.SET_PRIVATE_DNS: "private DNS switched on for",
    ActionKind.CREATE_ENDPOINT: "created",
    ActionKind.CREATE_SECURITY_GROUP: "security group created,",
    ActionKind.AUTHORIZE_CLIENTS: "clients let in by",
    ActionKind.ATTACH_SECURITY_GROUP: "security group attached to",
    ActionKind.ENABLE_VPC_DNS: "DNS attribute switched on for",
    ActionKind.RESTORE_TAGS: "tags put back on",
    ActionKind.DELETE_ENDPOINT: "the guardrail's endpoint deleted in",
    ActionKind.DELETE_SECURITY_GROUP: "the guardrail's security group deleted,",
}

Detail = Mapping[str, Any]
Paragraphs = Iterator[tuple[str, str]]


def _reverted(detail: Detail) -> Paragraphs:
    yield "What happened", _opened(detail)
    yield "Who", f"{_who(detail)}."
    if detail["witness"]:
        yield "What could have got through", f"{_request(detail['witness'])}."
    yield "What was done", f"{_ORIGINS[detail['policy']['origin']]}{_verified(detail)}."
    yield "If this was wanted", _wanted(detail)


def _contested(detail: Detail) -> Paragraphs:
    fight = detail["contested"]
    times, since = fight["reverts"], _time(fight["since"])
    yield "What happened", f"It was put back {times} times since {since}."
    known = "; ".join(_opponent(o) for o in fight["opponents"][:5])
    yield "Who", known or "not known: no event told who gave these policies"
    if fight["breaker_open"]:
        yield (
            "What was done",
            "From now on this endpoint's policy is put back once a minute, so that other endpoints"
            " do not have to wait. It may stand open for up to a minute after each change. Its"
            " other repairs wait for the next sweep.",
        )
    else:
        yield "What was done", "The policy was put back each time, and still will be."
    find = "Find who runs this tool" if known else "Find in CloudTrail who modifies the endpoint"
    yield "What to do", f"{find}, and stop it or change what it deploys."
    yield "If this was wanted", _wanted(detail)


def _created(detail: Detail) -> Paragraphs:
    zones = detail["zones"]
    yield "What happened", "The VPC had no private way to Step Functions; now it has one."
    yield "What it costs", f"About ${7.3 * zones:.2f} a month ({zones} zones), plus data."
    yield (
        "If this was not wanted",
        "Exempt the VPC with the exemption tag (parameter ExemptionTag), then delete the endpoint.",
    )


def _repaired(detail: Detail) -> Paragraphs:
    yield "What was done", f"{', '.join(_did(a) for a in detail['actions'])}."
    yield "What led to it", f"{_cause(detail)}."
    if detail["failed"]:
        rest = "See the message about what could not be done; every sweep tries again."
    elif detail["complete"]:
        rest = "Nothing. The endpoint is complete again."
    else:
        rest = "Nothing. The rest is done next."
    yield "What to do", rest
    yield (
        "If this was not wanted",
        "Use an endpoint of your own, which the guardrail leaves as it is but for its policy, or"
        " exempt the VPC with the exemption tag (parameter ExemptionTag).",
    )


def _withdrawn(detail: Detail) -> Paragraphs:
    did = [_did(a) for a in detail["actions"] if a["action"] != ActionKind.SET_PRIVATE_DNS]
    off = [a["target"] for a in detail["actions"] if a["action"] == ActionKind.SET_PRIVATE_DNS]
    did += [f"private DNS switched off for {endpoint_id}" for endpoint_id in off]
    yield "What was done", f"{', '.join(did)}."
    if detail["message"]:
        yield "Why", f"{_cut(detail['message'])}."
    yield "What led to it", f"{_cause(detail)}."
    if off:
        then = "Private DNS is switched on again if no such endpoint has appeared by then."
    elif detail["replaced"]:
        then = "Another endpoint is made in its place."
    elif Reason.DUPLICATE_ENDPOINT in detail["reasons"]:
        then = "The VPC keeps its private way to Step Functions."
    else:
        then = "If the VPC still stands when the half hour is over, the endpoint is put back."
    yield "What to do", f"Nothing. {then}"


def _observed(detail: Detail) -> Paragraphs:
    (drift,) = detail["drift"]
    if drift["witness"]:
        yield "What was seen", "The policy allows more than your baseline."
        yield "What can get through", f"{_request(drift['witness'])}."
    else:
        yield "What was seen", f"{_cut(drift['message'])}."
    yield "What led to it", f"{_cause(detail)}."
    would = ", ".join(_did(a) for a in detail["actions"])
    yield "What would be done", f"{would or 'nothing: it stood before the guardrail came'}."
    yield "What to do", "Correct it, or set the parameter Mode to enforce to have it corrected."


def _refused(detail: Detail) -> Paragraphs:
    yield "What happened", f"{_cut(detail['error'])}."
    if detail["drift"]:
        yield "What is still wrong", f"{'; '.join(_cut(d['message']) for d in detail['drift'])}."
    yield "What led to it", f"{_cause(detail)}."
    yield "What was done", "The event is in the dead-letter queue. Every sweep tries again."
    yield "What to do", "Mend the cause named above. Nothing has to be sent again after that."


def _yielded(detail: Detail) -> Paragraphs:
    why = "tried to delete the VPC or a subnet of it"
    if detail["cause"] == "endpoint-deleted":
        why = "deleted the guardrail's endpoint, which may begin a teardown"
    yield "What happened", f"{_name(detail['actor'])} {why}."
    did = ", ".join(_did(a) for a in detail["actions"])
    yield "What was done", f"{did or 'nothing is put back for now'}."
    yield (
        "What comes next",
        f"If the VPC still stands at {_time(detail['until'])}, the next sweep puts the endpoint"
        " back. Within 24 hours the guardrail does not step aside again.",
    )
    yield (
        "What to do",
        "Nothing if the VPC is being torn down; else find out who did this, and why.",
    )


_PARAGRAPHS = {
    Kind.CREATED: _created,
    Kind.REPAIRED: _repaired,
    Kind.WITHDRAWN: _withdrawn,
    Kind.REVERTED: _reverted,
    Kind.OBSERVED: _observed,
    Kind.REFUSED: _refused,
    Kind.CONTESTED: _contested,
    Kind.YIELDED: _yielded,
}


def _subject(notice: Notice) -> str:
    told = f"Step Functions guardrail: {_SUBJECTS[notice.kind]}, {notice.subject_id}"
    return told.encode("ascii", "replace").decode()[:_SUBJECT]


def _where(notice: Notice) -> str:
    account_id, region = notice.detail["account_id"], notice.detail["region"]
    return Subject(notice.subject_id, notice.vpc_id, account_id, region).told()


def _who(detail: Detail) -> str:
    if not detail["actor"]:
        return f"not known. What led to the look: {_cause(detail)}"
    tool = f", with {_cut(detail['user_agent'], 60)}" if detail["user_agent"] else ""
    return f"{_name(detail['actor'])}{tool}, at {_time(detail['changed'])}"


def _cause(detail: Detail) -> str:
    trigger = detail["trigger"]
    if trigger["name"] in _OWN:
        return _OWN[trigger["name"]]
    by = f" by {_name(trigger['actor'])}" if trigger["actor"] else ""
    return f"{trigger['name']}{by}"


def _opponent(opponent: Mapping[str, Any]) -> str:
    tool = f" with {_cut(opponent['user_agent'], 60)}" if opponent["user_agent"] else ""
    return f"{_name(opponent['actor'])}{tool} ({opponent['times']} times)"


def _opened(detail: Detail) -> str:
    if detail["witness"]:
        return "The policy allowed more than your baseline."
    return f"The policy cannot be shown to stay within your baseline: {_cut(detail['message'])}."


def _request(witness: Mapping[str, Any]) -> str:
    anybody = witness["principal"] == "anonymous"
    who = "anybody, even without credentials" if anybody else witness["principal"]
    # The account stands in the principal already.
    more = {k: v for k, v in witness["context"].items() if k.lower() != "aws:principalaccount"}
    given = f" ({', '.join(f'{k} = {v}' for k, v in more.items())})" if more else ""
    return f"{who} calling {witness['action']} on {witness['resource']}{given}"


def _verified(detail: Detail) -> str:
    if detail["exposure_ms"] is None:
        return ", and verified" if detail["verified"] else ", not verified yet"
    seconds = round(detail["exposure_ms"] / 1000)
    checked = "and verified" if detail["verified"] else "not verified yet"
    return f" {seconds} s after the change, {checked}"


def _wanted(detail: Detail) -> str:
    return (
        "Have the baseline extended and deployed, or the endpoint exempted (parameter"
        f" ExemptionTag). `sfn-guardrail history {detail['endpoint_id']}` shows the policy that was"
        f" replaced, record {detail['record']}."
    )


def _did(action: Mapping[str, str]) -> str:
    return f"{_DID.get(action['action'], action['action'])} {action['target']}"


def _name(actor: str | None) -> str:
    return _cut(actor, _ACTOR) if actor else "somebody"


def _time(text: str | None) -> str:
    return f"{text[:16].replace('T', ' ')} UTC" if text else "an unknown time"


def _cut(text: str, most: int = _LONG) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
