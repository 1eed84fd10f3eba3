"""The model finds a guardrail out that does not do what it should: it can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from botocore.exceptions import ClientError

from guardrail.aws.network import Ec2Network
from guardrail.core.actions import Action, ActionKind, WritePolicy
from guardrail.core.model import Intent, Mode, VpcDns
from guardrail.ports import Applied, Result
from model import play as playing
from model import product
from model.acts_endpoints import OPEN
from model.asides import unasked
from model.attributes import hears_of_dns
from model.case import Case, Step
from model.delivery import Fate
from model.desired import World
from model.owner import Deletion, Touch
from model.play import RestlessError, perfect, play
from model.product import BASELINE, STACK
from model.promises import broken, broken_with_perfect_delivery
from model.region import ACCOUNT
from model.snapshot import MANAGED_TAG, Endpoint, Group, Snapshot, Subnet, Vpc
from model.watch import Write
from model.yields import DAY, haste, impatience

NETWORK = Step("network", which=2)
SETTLED = Step("wait", after=2400.0)
OWN = Step("own", how=6)
"""An own endpoint without private DNS, with the open policy."""
ENDPOINT = Endpoint(
    "vpce-1",
    "vpc-1",
    "states",
    "available",
    BASELINE,
    private_dns=True,
    subnets=frozenset({"subnet-1"}),
    groups=frozenset({"sg-1"}),
    tags=((MANAGED_TAG, STACK),),
    of_aws=False,
)
MADE = frozenset({"vpce-1", "sg-1"})
CIDRS = frozenset({"10.0.0.0/16"})
COVERED = Snapshot(
    {"vpc-1": Vpc("vpc-1", ACCOUNT, default=False, cidrs=CIDRS, tags=(), dns=(True, True))},
    {"subnet-1": Subnet("subnet-1", "vpc-1", "us-east-1a", 200, ())},
    {"vpce-1": ENDPOINT},
    {
        "sg-1": Group(
            "sg-1",
            "vpc-1",
            "sfn-endpoint-guardrail-states",
            (),
            frozenset({("tcp", 443, 443, "10.0.0.0/16")}),
        )
    },
    {},
)
"""A VPC as it should be."""
OUT = {"VpcEndpointId.1": "vpce-1"}
CREATING = frozenset(
    {ActionKind.CREATE_ENDPOINT, ActionKind.CREATE_SECURITY_GROUP, ActionKind.AUTHORIZE_CLIENTS}
)
Apply = Callable[[Ec2Network, Action], Applied]


def codes(told: Iterable[str]) -> set[str]:
    """Return the codes of broken promises."""
    return {text.partition("]")[0].lstrip("[") for text in told}


def of(*steps: Step) -> set[str]:
    """Play steps with perfect delivery; return the codes of what is wrong."""
    return codes(broken(play(Case(steps))))


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> Callable[[ActionKind, Apply], None]:
    """Let the guardrail do something else in place of one kind of action."""
    real = Ec2Network.apply

    def put(kind: ActionKind, do: Apply) -> None:
        def apply(self: Ec2Network, action: Action) -> Applied:
            return do(self, action) if action.kind is kind else real(self, action)

        monkeypatch.setattr(Ec2Network, "apply", apply)

    return put


def test_nothing_is_wrong_with_the_guardrail_itself() -> None:
    """The sequences below are in order as long as nobody tampers with the guardrail."""
    assert of(NETWORK, SETTLED, Step("move", how=2), Step("mute"), Step("regroup")) == set()
    assert of(NETWORK, OWN, SETTLED, Step("block")) == set()


def test_a_guardrail_that_does_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is missing and a policy that stays open are faults."""
    monkeypatch.setattr(product, "allowed", lambda _: frozenset())
    # It would look again every minute at what it may not close.
    monkeypatch.setattr(product.Agenda, "look_again", lambda *_: None)
    assert of(NETWORK, SETTLED) == {"missing"}
    assert of(NETWORK, OWN, SETTLED) == {"policy"}


@pytest.mark.parametrize(
    ("kind", "step", "code"),
    [
        (ActionKind.ADD_SUBNETS, Step("move"), "zones"),
        (ActionKind.SET_PRIVATE_DNS, Step("mute"), "private-dns"),
        (ActionKind.ATTACH_SECURITY_GROUP, Step("regroup"), "group"),
        (ActionKind.AUTHORIZE_CLIENTS, Step("block"), "clients"),
    ],
)
def test_a_repair_that_is_left_out_is_found_out(
    instead: Callable[[ActionKind, Apply], None], kind: ActionKind, step: Step, code: str
) -> None:
    """An action that says it was applied and did nothing leaves its fault behind."""
    instead(kind, lambda *_: Applied(Result.APPLIED))
    assert code in of(NETWORK, SETTLED, step)


def test_a_policy_beyond_the_baseline_is_found_out(
    instead: Callable[[ActionKind, Apply], None],
) -> None:
    """Writing one is a fault at once, whatever stands there in the end."""
    real = Ec2Network.apply

    def loose(network: Ec2Network, action: Action) -> Applied:
        assert isinstance(action, WritePolicy)
        real(network, replace(action, policy=OPEN))
        return real(network, action)

    instead(ActionKind.WRITE_POLICY, loose)
    assert of(NETWORK, OWN, SETTLED) == {"broad"}


def test_touching_what_is_adopted_is_found_out(
    instead: Callable[[ActionKind, Apply], None],
) -> None:
    """Only the policy of an owner's endpoint may change."""
    real = Ec2Network.apply

    def zealous(network: Ec2Network, action: Action) -> Applied:
        applied = real(network, action)
        client = network._ec2  # noqa: SLF001
        target = getattr(action, "endpoint_id", "")
        client.modify_vpc_endpoint(VpcEndpointId=target, PrivateDnsEnabled=True)
        return applied

    instead(ActionKind.WRITE_POLICY, zealous)
    assert "touched" in of(NETWORK, OWN, SETTLED)


def test_writes_that_change_nothing_are_found_out(
    instead: Callable[[ActionKind, Apply], None],
) -> None:
    """Two too many are spared; three are not."""
    real = Ec2Network.apply

    def thrice(network: Ec2Network, action: Action) -> Applied:
        return [real(network, action) for _ in range(3)][-1]

    instead(ActionKind.WRITE_POLICY, thrice)
    assert of(NETWORK, OWN, SETTLED) == set()
    assert of(NETWORK, OWN, SETTLED, Step("loosen")) == {"writes"}


def test_a_guardrail_that_answers_itself_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Own writes that are answered by writes never come to rest."""
    monkeypatch.setattr(playing, "MOST_INVOCATIONS", 60)
    invoke = product.Product.invoke

    def restless(self: product.Product, function: str, event: object) -> object:
        client = self._region.client(function)
        for endpoint in client.describe_vpc_endpoints()["VpcEndpoints"]:
            target = endpoint["VpcEndpointId"]
            with suppress(ClientError):
                client.modify_vpc_endpoint(VpcEndpointId=target, PrivateDnsEnabled=True)
        return invoke(self, function, event)

    monkeypatch.setattr(product.Product, "invoke", restless)
    with pytest.raises(RestlessError):
        play(Case((NETWORK, SETTLED)))


@pytest.mark.parametrize(("tool", "code"), [("destroy", "teardown"), ("insist", "conflict")])
def test_standing_in_the_way_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tool: str, code: str
) -> None:
    """A tool of the owner's that fails because of the guardrail alone is a fault."""
    monkeypatch.setattr(product, "allowed", lambda _: CREATING)
    played = play(Case((NETWORK, SETTLED, Step(tool))))
    assert code in codes(broken_with_perfect_delivery(played, played))


def test_what_disturbances_cost_is_found_out() -> None:
    """The same history may take two writes more than with perfect delivery."""
    case = Case((NETWORK, SETTLED), fates=(Fate((600.0,)),))
    disturbed, reference = play(case), play(perfect(case))
    dearer = replace(disturbed, writes=[*disturbed.writes] * 4)
    assert codes(broken_with_perfect_delivery(disturbed, reference)) == set()
    assert "delivery" in codes(broken_with_perfect_delivery(dearer, reference))


def test_impatience_is_found_out() -> None:
    """Nothing is put back for half an hour, and one yield in a day is enough."""
    taken, back = _write("DeleteVpcEndpoints", 0, OUT), _write("CreateVpcEndpoint", 600)
    again = _write("DeleteVpcEndpoints", 7200, OUT)
    assert codes(map(str, impatience([taken, replace(back, at=1800)], []))) == set()
    assert codes(map(str, impatience([taken, back], []))) == {"early"}
    assert codes(map(str, impatience([taken, again], []))) == {"contested"}
    gone = Deletion(-1300, "vpc-1", "vpce-1")
    assert not list(impatience([taken, back], [gone])), "it goes on with the yield of a deletion"
    assert codes(map(str, impatience([taken, back], [replace(gone, heard=-600)]))) == {"early"}


def test_haste_after_an_owners_deletion_is_found_out() -> None:
    """He may be about to tear the VPC down: what he deleted stays away for half an hour."""
    gone, back = Deletion(0, "vpc-1", "vpce-1", heard=4), _write("CreateVpcEndpoint", 600)
    assert codes(map(str, haste([back], [gone]))) == {"hasty"}
    assert not list(haste([replace(back, at=1800)], [gone]))
    assert not list(haste([back], [replace(gone, vpc_id="vpc-2")]))
    assert not list(haste([replace(back, code="RequestLimitExceeded")], [gone]))


def test_haste_is_excused_where_the_deletion_was_not_known_or_the_yield_is_spent() -> None:
    """An event may be lost or late, an invocation older than it; and one yield a day is had."""
    gone, back = Deletion(0, "vpc-1", "vpce-1", heard=4), _write("CreateVpcEndpoint", 600)
    taken = _write("DeleteVpcEndpoints", -7200, OUT)
    assert not list(haste([back], [replace(gone, heard=None)]))
    assert not list(haste([replace(back, begun=3)], [gone]))
    assert not list(haste([taken, back], [gone]))
    assert not list(haste([back], [replace(gone, at=-7200), gone]))
    assert codes(map(str, haste([replace(taken, at=-2 * DAY), back], [gone]))) == {"hasty"}


def test_a_guardrail_that_forgets_deletions_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the owner deletes comes back at once, though every event arrived."""
    steps = (NETWORK, SETTLED, Step("drop-managed"), Step("sweep"), SETTLED)
    assert of(*steps) == set()
    monkeypatch.setattr("guardrail.noticing.Noticing._begin_yield", lambda *_: None)
    assert "hasty" in of(*steps)


@pytest.mark.parametrize(
    ("write", "refused"),
    [
        (("DeleteVpcEndpoints", OUT), ("delete_vpc", "DependencyViolation")),
        (
            ("ModifyVpcEndpoint", {"VpcEndpointId": "vpce-1", "RemoveSubnetId.1": "subnet-1"}),
            ("delete_subnet", "DependencyViolation"),
        ),
        (
            ("ModifyVpcEndpoint", {"VpcEndpointId": "vpce-1", "PrivateDnsEnabled": "false"}),
            ("create_vpc_endpoint", "InvalidParameter"),
        ),
    ],
)
def test_stepping_aside_for_nobody_is_found_out(
    write: tuple[str, dict[str, str]], refused: tuple[str, str]
) -> None:
    """Only a call that EC2 refused in this VPC, a while ago, for this reason explains it."""
    removal = _write(write[0], 5000, write[1])
    asked = Touch(3000, refused[0], "vpc-1", refused[1])

    def found(*touches: Touch) -> set[str]:
        return codes(map(str, unasked([removal], touches, set(MADE))))

    assert found(asked) == set()
    assert found() == found(replace(asked, vpc_id="vpc-2")) == {"unasked"}
    assert found(replace(asked, code=None)) == found(replace(asked, at=0)) == {"unasked"}
    assert found(replace(asked, action="create_tags")) == {"unasked"}


def test_one_endpoint_too_many_may_go() -> None:
    """Beside another that serves, or served when the invocation looked; not beside just any."""

    def found(other: Endpoint, *touches: Touch, begun: float | None = None) -> set[str]:
        before = replace(COVERED, endpoints={**COVERED.endpoints, "vpce-2": other})
        removal = replace(_write("DeleteVpcEndpoints", 100, OUT), before=before, begun=begun)
        return codes(map(str, unasked([removal], touches, set(MADE))))

    theirs = replace(ENDPOINT, endpoint_id="vpce-2", tags=())
    bare, gone = replace(theirs, subnets=frozenset()), replace(theirs, state="deleted")
    deleted = Touch(50, "delete_vpc_endpoints", "vpc-1", None)
    assert found(theirs) == set()
    assert found(bare) == found(gone) == found(replace(theirs, service="sqs")) == {"unasked"}
    assert found(gone, deleted, begun=40) == set()
    assert found(gone, deleted, begun=60) == {"unasked"}


def test_an_untagged_endpoint_is_judged_as_ours() -> None:
    """Its tag must come back, and it must be complete; one that is tagged otherwise need not."""
    wreck = replace(ENDPOINT, tags=(), private_dns=False, groups=frozenset())
    assert _faults(COVERED) == set()
    assert _faults(_with(replace(ENDPOINT, tags=()))) == {"tag"}
    assert _faults(_with(wreck)) == {"tag", "private-dns", "group"}
    assert _faults(_with(replace(wreck, tags=((MANAGED_TAG, "me"),)))) == set()


def test_dns_attributes_that_stay_off_are_found_out() -> None:
    """Under private DNS, where they are to be enabled; not where nobody had to hear of it."""
    vpc = replace(COVERED.vpcs["vpc-1"], dns=(True, False))
    off = replace(COVERED, vpcs={"vpc-1": vpc})
    assert _faults(off, vpc_dns=VpcDns.ENABLE) == {"dns-off"}
    assert _faults(off) == set()
    assert _faults(off, frozenset({"vpc-1"}), vpc_dns=VpcDns.ENABLE) == set()


def test_only_a_vpc_that_was_left_in_peace_must_be_heard_of() -> None:
    """A yield, an exemption or an own endpoint keeps its attributes from being looked at."""
    off = Touch(9000, "modify_vpc_attribute", "vpc-1", None)
    refused = Touch(8000, "delete_vpc", "vpc-1", "DependencyViolation")
    exempt = Touch(100, "create_tags", "vpc-1", None)
    assert hears_of_dns("vpc-1", [off])
    assert hears_of_dns("vpc-1", [replace(refused, at=1000), off])
    assert hears_of_dns("vpc-1", [replace(exempt, vpc_id="vpc-2"), off])
    assert not hears_of_dns("vpc-1", [refused, off])
    assert not hears_of_dns("vpc-1", [exempt, off])


def test_what_is_left_in_a_vpc_that_is_gone_is_found_out() -> None:
    """An endpoint that outlives its VPC costs its price and serves nobody."""
    left = Snapshot({}, {}, {"vpce-1": ENDPOINT}, {}, {})
    assert _faults(left) == {"leftover"}
    deleted = replace(ENDPOINT, state="deleted")
    assert _faults(replace(left, endpoints={"vpce-1": deleted})) == set()


def _faults(
    state: Snapshot, unheard: frozenset[str] = frozenset(), vpc_dns: VpcDns = VpcDns.WAIT
) -> set[str]:
    intent = Intent(mode=Mode.ENFORCE, vpc_dns=vpc_dns)
    world = World(state, MADE, intent, date(2026, 11, 26), unheard=unheard)
    return codes(map(str, world.faults()))


def _with(endpoint: Endpoint) -> Snapshot:
    return replace(COVERED, endpoints={endpoint.endpoint_id: endpoint})


def _write(action: str, at: float, form: dict[str, str] | None = None) -> Write:
    made = frozenset({"vpce-1"}) if action.startswith("Create") else frozenset[str]()
    return Write(at, "f", action, form or {"VpcId": "vpc-1"}, None, COVERED, COVERED, made)
