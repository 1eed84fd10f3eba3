"""The composition root: settings, clients, logger and metrics meet the reconciler here.

The only module that imports Powertools, so that the rest can be used and tested without it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from guardrail.aws import clients
from guardrail.aws.dead_letters import DeadLetters
from guardrail.aws.network import Ec2Network
from guardrail.aws.records import DynamoRecords
from guardrail.aws.settling import ScheduledSettling, Schedules
from guardrail.baseline import checked_baseline, render_baseline
from guardrail.core.model import ActionKind, Mode
from guardrail.core.trail import SWEEP, Ignored, Trigger, read_trigger
from guardrail.errors import GuardrailError, RetryableError
from guardrail.observe import ObservedNetwork, ObservedRecords
from guardrail.ports import Network, Records
from guardrail.reconcile import Owner, Reconciler
from guardrail.report import Outcome, Report
from guardrail.settings import Settings

logger = Logger()


def respond(event: object, context: Any, allowed: Collection[ActionKind]) -> dict[str, Any]:  # noqa: ANN401
    """Reconcile what `event` points at; raises RetryableError when it should be tried again."""
    trigger = read_trigger(event)
    if isinstance(trigger, Ignored):
        logger.info("ignored", reason=trigger.reason)
        return {"ignored": trigger.reason}
    return _run(trigger, event, context, allowed)


def sweep(event: object, context: Any, allowed: Collection[ActionKind]) -> dict[str, Any]:  # noqa: ANN401
    """Reconcile every VPC of the region."""
    return _run(SWEEP, event, context, allowed)


def _run(
    trigger: Trigger,
    event: object,
    context: Any,  # noqa: ANN401
    allowed: Collection[ActionKind],
) -> dict[str, Any]:
    app = _app(context.invoked_function_arn)
    outcomes: Counter[str] = Counter()
    metrics: Counter[_Metric] = Counter()
    failed: dict[str, GuardrailError] = {}
    try:
        for report, error in app.reconciler(allowed).run(trigger):
            _tell(report, trigger, app)
            outcomes[report.outcome] += 1
            metrics.update(_metrics(report))
            if error:
                failed[report.vpc_id] = error
    except GuardrailError as error:
        # Not about one VPC: looking itself failed.
        failed["*"] = error
        metrics["Failures", ()] += 1
        logger.exception("failed", **_circumstances(trigger, app), error=str(error))
    if not outcomes and not failed and trigger is not SWEEP:
        logger.info("ignored", reason="the ids in the event are not known (any more)")
    _emit(metrics)
    _hand_over(failed, event, app)
    return {"outcomes": dict(outcomes)}


@dataclass(frozen=True)
class _App:
    settings: Settings
    owner: Owner
    network: Network
    records: Records
    settling: ScheduledSettling
    dead_letters: DeadLetters
    function_arn: str
    region: str

    def reconciler(self, allowed: Collection[ActionKind]) -> Reconciler:
        return Reconciler(self.network, self.records, self.settling, self.owner, allowed, _now)


@cache
def _app(function_arn: str) -> _App:
    """Build the application once for each execution environment.

    `arn:<partition>:lambda:<region>:<account>:function:<name>` tells where it runs, without
    a call.
    """
    _, partition, _, region, account, *_ = function_arn.split(":")
    settings = Settings.from_environment(os.environ)
    baseline = checked_baseline(
        render_baseline(
            account=account, organization_id=settings.organization_id, partition=partition
        )
    )
    network, records = _ports(settings, account)
    return _App(
        settings=settings,
        owner=Owner(account, settings.stack_id, settings.intent, baseline),
        network=network,
        records=records,
        settling=ScheduledSettling(clients.scheduler(), _schedules(settings, function_arn), _now),
        dead_letters=DeadLetters(clients.sqs(), settings.dead_letter_queue_url),
        function_arn=function_arn,
        region=region,
    )


def _ports(settings: Settings, account: str) -> tuple[Network, Records]:
    network = Ec2Network(
        clients.ec2(), settings.intent, account_id=account, stack_id=settings.stack_id
    )
    records = DynamoRecords(clients.dynamodb(), settings.table_name, settings.history_days)
    if settings.intent.mode is Mode.OBSERVE:
        return ObservedNetwork(network), ObservedRecords(records)
    return network, records


def _schedules(settings: Settings, function_arn: str) -> Schedules:
    return Schedules(
        group=settings.schedule_group,
        function_arn=function_arn,
        role_arn=settings.settle_role_arn,
        dead_letter_arn=settings.dead_letter_queue_arn,
        seconds=settings.settle_seconds,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _circumstances(trigger: Trigger, app: _App) -> dict[str, Any]:
    return {
        "trigger": trigger.name,
        "event_id": trigger.event_id,
        "account_id": app.owner.account_id,
        "region": app.region,
    }


def _tell(report: Report, trigger: Trigger, app: _App) -> None:
    """Write the canonical line; a sweep that finds a VPC in order says so at debug level only."""
    fields = {
        **report.fields(),
        "account_id": app.owner.account_id,
        "region": app.region,
    }
    if report.error:
        logger.error("reconciled", **fields)
    elif trigger is SWEEP and report.outcome in _QUIET:
        logger.debug("reconciled", **fields)
    else:
        logger.info("reconciled", **fields)


_QUIET = frozenset({Outcome.COMPLIANT, Outcome.SKIPPED})


_Metric = tuple[str, tuple[tuple[str, str], ...]]


def _metrics(report: Report) -> Iterator[_Metric]:
    """Yield what is worth counting: a compliant VPC yields nothing, so that quiet costs nothing."""
    for finding in report.findings:
        if finding.reason.is_drift:
            yield "Drift", (("reason", finding.reason),)
    for step in report.steps:
        yield "Actions", (("action", step.action.kind), ("result", step.result))
    if report.error:
        yield "Failures", ()


def _emit(counted: Counter[_Metric]) -> None:
    """Write the counts as embedded metrics; no id is a dimension."""
    for (name, dimensions), count in counted.items():
        with single_metric(name=name, unit=MetricUnit.Count, value=count) as metric:
            for key, value in dimensions:
                metric.add_dimension(key, value)


def _hand_over(failed: Mapping[str, GuardrailError], event: object, app: _App) -> None:
    """Raise what another attempt may mend; hand the rest to the dead-letter queue at once."""
    final = {k: str(e) for k, e in failed.items() if not isinstance(e, RetryableError)}
    if final:
        app.dead_letters.send(event, app.function_arn, final)
    for error in failed.values():
        if isinstance(error, RetryableError):
            raise error
