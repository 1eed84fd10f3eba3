"""`sfn-guardrail org status`: what runs where, and what is wrong there; read from the stacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from guardrail_cli.deployed import STACK, reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.org.accounts import Accounts, by_account
from guardrail_cli.org.counting import own_vpcs, with_defaults
from guardrail_cli.org.model import Definition, Instance, Place
from guardrail_cli.org.problems import Judge, late, waiting
from guardrail_cli.org.row import PLAIN, UNCOVERED, Row, row_of
from guardrail_cli.org.target import Target
from guardrail_cli.org.told import Clients, Told, told


def rows(
    instances: Iterable[Instance], accounts: Accounts, wanted: Definition, target: Target
) -> Iterator[Row]:
    """Yield a row for each stack as soon as its account is read; failures are rows, too.

    What is not as `wanted` has it, the set's own definition, is a problem.
    """
    judge = Judge(wanted, target)

    def look(stack: Instance, there: Accounts) -> Row:
        if not stack.stack_id:
            return unseen(stack, "there is no stack")
        found = told(stack.stack_id, stack.region, there)
        return _judged(stack, found, judge.of(stack, found))

    def unseen(stack: Instance, why: str) -> Row:
        nothing = Told(why=why)
        return row_of(stack, nothing, judge.of(stack, nothing))

    yield from by_account(instances, accounts, look, unseen)


def absent(places: Iterable[Place], instances: Iterable[Instance]) -> list[Row]:
    """Return a row for each place of the organisation that has no stack."""
    have = {one.place for one in instances}
    problem = "there is no stack; `org deploy` makes it"
    return [Row(*place, "ABSENT", problem=problem) for place in places if place not in have]


def of_management(account: str, wanted: Definition, own: Clients, target: Target) -> Iterator[Row]:
    """Yield a row for each region of the set: of the plain stack, or that there is none.

    A service-managed set never reaches the management account. Source: AWS CloudFormation user
    guide, "StackSets concepts". Without a VPC of its own there is nothing to cover. It has one
    plain stack however many sets there are, so only the set of the usual name is its measure.
    """
    judge, compared = Judge(wanted, target), target.name == STACK
    note = "" if compared else f"version and mode are compared with the stack set {STACK} alone"
    for region in wanted.regions:
        found = told(STACK, region, own)
        if found.gone:
            yield _uncovered(account, region, wanted, own)
        else:
            problem = judge.of_plain(found, compared=compared)
            yield _judged(Instance(account, region, PLAIN), found, problem, note)


def _judged(stack: Instance, found: Told, problem: str, note: str = "") -> Row:
    now = datetime.now(UTC)
    notes = "; ".join(filter(None, (waiting(found, now), note)))
    return row_of(stack, found, problem, late(found, now), notes)


def _uncovered(account: str, region: str, wanted: Definition, own: Clients) -> Row:
    defaults = with_defaults(wanted)
    try:
        with reaching(f"counting the VPCs of {account} in {region}"):
            found = own_vpcs(account, own.client("ec2", region), defaults=defaults)
    except UsageError as error:
        return Row(account, region, UNCOVERED, problem=str(error))
    nobody = "in the management account, which a stack set never reaches"
    if not found:
        others = "" if defaults else " but default ones"
        return Row(account, region, UNCOVERED, note=f"there is no VPC{others} {nobody}")
    problem = f"{found} VPCs are not covered {nobody}: deploy/README.md has the plain stack"
    return Row(account, region, UNCOVERED, problem=problem)
