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
from guardrail.core.model import Intent, Mode
from guardrail.ports import Applied, Result
from model import play as playing
from model import product
from model.acts_endpoints import OPEN
from model.case import Case, Step
from model.delivery import Fate
from model.desired import World
from model.play import RestlessError, perfect, play
from model.promises import broken, broken_with_perfect_delivery
from model.snapshot import Endpoint, Snapshot
from model.watch import Write
from model.yields import impatience

NETWORK = Step("network", which=2)
SETTLED = Step("wait", after=2400.0)
OWN = Step("own", how=6)
"""An own endpoint without private DNS, with the open policy."""
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
    out = {"VpcEndpointId.1": "vpce-1"}
    into = {"VpcId": "vpc-1"}
    taken, back = _write("DeleteVpcEndpoints", 0, out), _write("CreateVpcEndpoint", 600, into)
    again = _write("DeleteVpcEndpoints", 7200, out)
    assert codes(str(f) for f in impatience([taken, replace(back, at=1800)])) == set()
    assert codes(str(f) for f in impatience([taken, back])) == {"early"}
    assert codes(str(f) for f in impatience([taken, again])) == {"contested"}


def test_what_is_left_in_a_vpc_that_is_gone_is_found_out() -> None:
    """An endpoint that outlives its VPC costs its price and serves nobody."""
    left = _write("CreateVpcEndpoint", 0, {}).before
    world = World(left, frozenset({"vpce-1"}), Intent(mode=Mode.ENFORCE), date(2026, 11, 25))
    assert codes(map(str, world.faults())) == {"leftover"}
    deleted = replace(left.endpoints["vpce-1"], state="deleted")
    gone = replace(world, state=replace(left, endpoints={"vpce-1": deleted}))
    assert gone.faults() == []


def _write(action: str, at: float, form: dict[str, str]) -> Write:
    nothing: frozenset[str] = frozenset()
    endpoint = Endpoint(
        "vpce-1",
        "vpc-1",
        "states",
        "available",
        OPEN,
        private_dns=False,
        subnets=nothing,
        groups=nothing,
        tags=(),
        of_aws=False,
    )
    world = Snapshot({}, {}, {endpoint.endpoint_id: endpoint}, {}, {})
    made = frozenset({"vpce-1"}) if action.startswith("Create") else nothing
    return Write(at, "f", action, form, None, world, world, made)
