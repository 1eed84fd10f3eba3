"""The commands. Standard output is data, standard error is talk; exit codes are documented."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError

from guardrail_cli.canary import Canary, checked, fly
from guardrail_cli.check import check_files
from guardrail_cli.corpus import run_corpus
from guardrail_cli.deployed import STACK, deployed
from guardrail_cli.documents import UsageError, baseline_text
from guardrail_cli.history import restore as restore_policy
from guardrail_cli.history import show_history
from guardrail_cli.org.commands import org
from guardrail_cli.simulate import simulate_request

app = typer.Typer(
    name="sfn-guardrail",
    help="Judge Step Functions endpoint policies, and see and undo what the guardrail did.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(org)


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


class Service(StrEnum):
    """Which actions count."""

    STATES = "states"
    ANY = "any"


class ResourceReading(StrEnum):
    """How wildcards in a resource are read."""

    GLOB = "glob"
    SEGMENT = "segment"


_FORMAT = typer.Option("--format", help="text for people, json for pipelines")


@app.command()
def check(
    candidates: Annotated[list[str], typer.Argument(help="policy files; - is standard input")],
    baseline: Annotated[
        str | None, typer.Option(help="baseline file; default: the baseline that ships")
    ] = None,
    service: Annotated[Service, typer.Option(help="which actions count")] = Service.STATES,
    organization_id: Annotated[str, typer.Option(help="o-…, for the default baseline")] = "",
    account: Annotated[str, typer.Option(help="account id, for the default baseline")] = "",
    output: Annotated[Format, _FORMAT] = Format.TEXT,
) -> None:
    """Say whether policies are contained in the baseline.

    Exit code: 0 contained, 1 broader, 2 unreadable or malformed, 3 undecided.
    Of several files the gravest counts: 2, then 1, then 3.
    """
    within = baseline_text(baseline, account=account, organization_id=organization_id)
    only = None if service is Service.ANY else service.value
    raise typer.Exit(check_files(candidates, within, only, as_json=output is Format.JSON))


@app.command()
def corpus(
    file: Annotated[str, typer.Argument(help="JSON lines: pairs, or documents")],
    output: Annotated[Format, _FORMAT] = Format.TEXT,
) -> None:
    """Run recorded verdicts and print every disagreement.

    Exit code: 0 all agree, 1 some disagree, 2 unreadable.
    """
    raise typer.Exit(run_corpus(file, as_json=output is Format.JSON))


@app.command()
def simulate(
    policy: Annotated[str, typer.Argument(help="policy file; - is standard input")],
    principal: Annotated[str, typer.Option(help="ARN, service principal or anonymous")],
    action: Annotated[str, typer.Option(help="for example states:StartExecution")],
    resource: Annotated[str, typer.Option(help="for example an ARN")],
    context: Annotated[
        list[str] | None, typer.Option(help="key=value; repeat a key for several values")
    ] = None,
    reading: Annotated[
        ResourceReading, typer.Option(help="may resource wildcards cross colons")
    ] = ResourceReading.GLOB,
    output: Annotated[Format, _FORMAT] = Format.TEXT,
) -> None:
    """Evaluate one request against one policy, as a witness can be tried.

    Exit code: 0 allowed, 1 not allowed, 2 unreadable or malformed, 3 unsupported.
    """
    code = simulate_request(
        policy,
        principal=principal,
        action=action,
        resource=resource,
        context=context or [],
        segmented=reading is ResourceReading.SEGMENT,
        as_json=output is Format.JSON,
    )
    raise typer.Exit(code)


_STACK = typer.Option("--stack-name", help="the deployed stack")
_SURE = typer.Option("--yes", "-y", help="do not ask")


@app.command()
def history(
    endpoint: Annotated[str | None, typer.Argument(help="vpce-…; default: all")] = None,
    stack_name: Annotated[str, _STACK] = STACK,
    output: Annotated[Format, _FORMAT] = Format.TEXT,
) -> None:
    """List the policies that were put back: who had changed them, why, and for how long.

    With `--format json` one record a line, both policies in full. Exit code: 0, or 2 when the
    stack cannot be read.
    """
    raise typer.Exit(show_history(deployed(stack_name), endpoint, as_json=output is Format.JSON))


@app.command()
def restore(
    endpoint: Annotated[str, typer.Argument(help="vpce-…")],
    record: Annotated[str, typer.Option(help="its name, or how that begins; see history")],
    stack_name: Annotated[str, _STACK] = STACK,
    *,
    sure: Annotated[bool, _SURE] = False,
) -> None:
    """Give an endpoint the policy back that a record says was replaced.

    Refuses what the baseline (of this copy of the project) does not contain.
    Exit code: 0 restored; 1 broader, 2 malformed or unknown, 3 undecided: then nothing is written.
    """
    raise typer.Exit(restore_policy(deployed(stack_name), endpoint, record, sure=sure))


@app.command()
def canary(
    vpc: Annotated[str, typer.Argument(help="vpc-…, with an endpoint that the guardrail made")],
    runs: Annotated[int, typer.Option(help="how often; not so often that the breaker opens")] = 3,
    patience: Annotated[float, typer.Option(help="seconds to wait for a revert")] = 900,
    pause: Annotated[float, typer.Option(help="seconds between runs; each takes two writes")] = 10,
    stack_name: Annotated[str, _STACK] = STACK,
    *,
    sure: Annotated[bool, _SURE] = False,
    output: Annotated[Format, _FORMAT] = Format.TEXT,
) -> None:
    """Loosen a managed endpoint for nobody, watch it being put back, print how long that takes.

    Exit code: 0 put back each time, 1 not within the patience, 2 it could not be tried.
    """
    stack = deployed(stack_name)
    endpoint_id = stack.managed(vpc).get("VpcEndpointId", "")
    times = checked(stack, endpoint_id, runs)
    if not sure:
        question = f"Let a role that does not exist into {endpoint_id}, {times} times?"
        typer.confirm(question, abort=True)
    flight = Canary(stack, endpoint_id, patience, pause)
    raise typer.Exit(fly(flight, times, as_json=output is Format.JSON))


def main() -> None:
    """Run the command line.

    A profile or a region that does not exist shows as soon as the SDK makes a client.
    """
    try:
        app()
    except (UsageError, BotoCoreError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error
