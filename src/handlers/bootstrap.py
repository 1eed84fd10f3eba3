"""Between Lambda and the loop: what an event asks for, and what is told of it.

The only module that imports Powertools, so that the rest can be used and tested without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from guardrail.aws.announcing import SWEPT
from guardrail.aws.last_sweep import Swept
from guardrail.core.actions import ActionKind
from guardrail.core.trail import SWEEP, Ignored, Trigger, read_trigger
from guardrail.core.trials import Trial
from guardrail.errors import GuardrailError, RetryableError
from guardrail.reconcile import Outcomes
from guardrail.report import Outcome, Report
from guardrail.summary import Summary
from guardrail.sweeping import Sweeper
from handlers.application import App, application

logger = Logger()


def respond(
    event: object,
    context: Any,  # noqa: ANN401 - Lambda's own class
    allowed: Collection[ActionKind],
    *,
    yields: bool = False,
    reverts: bool = False,
) -> dict[str, Any]:
    """Reconcile what `event` points at; raises RetryableError when it should be tried again.

    A function that `yields` looks at what stands in the owner's way, and again later; one that
    `reverts` looks at the endpoint that the event wrote first.
    """
    trigger = read_trigger(event)
    if isinstance(trigger, Ignored):
        logger.info("ignored", reason=trigger.reason)
        return {"ignored": trigger.reason}
    app = _started(context)
    reconciler = app.reconciler(allowed, yields=yields, reverts=reverts)
    return _run(lambda: reconciler.run(trigger), trigger, event, app, Summary())


def sweep(event: object, context: Any, allowed: Collection[ActionKind]) -> dict[str, Any]:  # noqa: ANN401
    """Reconcile every VPC of the region; log the totals, announce them if there was anything."""
    app = _started(context)
    sweeper = Sweeper(app.reconciler(allowed), app.sweep_writes, app.time_left.seconds)
    summary = Summary()
    try:
        return _run(sweeper.run, SWEEP, event, app, summary)
    finally:
        where = app.where
        trial = _check_itself(app, summary)
        totals = {"account_id": where.account_id, "region": where.region, **summary.fields()}
        logger.info("swept", **totals)
        if summary.found:
            app.announcer.announce(SWEPT, totals)
        app.last_sweep.note(datetime.now(UTC), app.owner.intent.mode, summary.counts(), trial)


_TIME_TO_CHECK = 60.0
"""Seconds that looking at trails, rules and permissions may take at most."""


def _check_itself(app: App, summary: Summary) -> Trial | None:
    """Find what the guardrail depends on and does not have; its absence is drift of its own.

    A sweep that ended for want of time must still tell its totals, so it repeats what the last one
    missed and leaves looking to the next. Returns what is known of the permissions.
    """
    last = _last_sweep(app, summary)
    if app.time_left.seconds() < _TIME_TO_CHECK:
        trial = last.trial
        summary.missing += last.missing
    else:
        trial = app.permissions.looked_at(last.trial, last.at)
        summary.missing += [*app.self_check.missing(), *(trial.missing if trial else ())]
    for sentence in summary.missing:
        logger.error("missing", what=sentence)
    if summary.missing:
        _emit(Counter({("Missing", ()): len(summary.missing)}))
    return trial


def _last_sweep(app: App, summary: Summary) -> Swept:
    """Return what the last sweep left; where that cannot be read, it is missing itself."""
    try:
        return app.last_sweep.last(app.owner.intent.mode)
    except GuardrailError as error:
        summary.missing.append(f"what the last sweep found is not known: {error}")
        return Swept()


def _started(context: Any) -> App:  # noqa: ANN401 - Lambda's own class
    app = application(context.invoked_function_arn)
    app.time_left.start(context)
    return app


def _run(
    reports: Callable[[], Outcomes], trigger: Trigger, event: object, app: App, told: Summary
) -> dict[str, Any]:
    """Tell of each VPC; raise RetryableError when another attempt may mend something."""
    metrics: Counter[_Metric] = Counter()
    failed: dict[str, GuardrailError] = {}
    untold: dict[str, str] = {}
    try:
        for report, error in reports():
            _tell(report, trigger, app)
            untold.update(app.herald.tell(report, error))
            told.add(report)
            metrics.update(_metrics(report))
            if error:
                failed[report.vpc_id] = error
    except GuardrailError as error:
        # Not about one VPC: looking itself failed.
        failed["*"] = error
        told.failures["*"] = str(error)
        metrics["Failures", ()] += 1
        logger.exception("failed", **_circumstances(trigger, app), error=str(error))
    if not told.vpcs and not failed and trigger is not SWEEP:
        logger.info(
            "ignored",
            reason="nothing of Step Functions is known of the ids in the event (any more)",
        )
    metrics.update({("Untold", ()): len(untold)} if untold else {})
    _emit(metrics)
    _hand_over(failed, untold, event, app)
    return {"outcomes": dict(told.outcomes)}


def _circumstances(trigger: Trigger, app: App) -> dict[str, Any]:
    return {
        "trigger": trigger.name,
        "event_id": trigger.event_id,
        "account_id": app.where.account_id,
        "region": app.where.region,
    }


def _tell(report: Report, trigger: Trigger, app: App) -> None:
    """Write the canonical line; a sweep that finds a VPC in order says so at debug level only."""
    fields = {
        **report.fields(),
        "account_id": app.where.account_id,
        "region": app.where.region,
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
    for revert in report.reverts:
        if revert.fight.contested:
            yield "Contested", ()
        if revert.fight.open:
            yield "BreakerOpen", ()
    if report.put_off:
        yield "PutOff", ()
    if report.error:
        yield "Failures", ()


def _emit(counted: Counter[_Metric]) -> None:
    """Write the counts as embedded metrics; no id is a dimension."""
    for (name, dimensions), count in counted.items():
        with single_metric(name=name, unit=MetricUnit.Count, value=count) as metric:
            for key, value in dimensions:
                metric.add_dimension(key, value)


def _hand_over(
    failed: Mapping[str, GuardrailError], untold: Mapping[str, str], event: object, app: App
) -> None:
    """Raise what another attempt may mend; hand the rest to the dead-letter queue at once."""
    final = {k: str(e) for k, e in failed.items() if not isinstance(e, RetryableError)}
    if untold:
        # Another attempt would find all in order, and nothing to tell.
        logger.error("untold", causes=untold)
        final.update(untold)
    if final:
        app.dead_letters.send(event, app.function_arn, final)
    for error in failed.values():
        if isinstance(error, RetryableError):
            raise error
