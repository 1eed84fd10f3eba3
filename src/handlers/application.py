"""The application of one execution environment: settings, clients and ports put together once."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from guardrail.aws import clients
from guardrail.aws.announcing import Announcer
from guardrail.aws.dead_letters import DeadLetters
from guardrail.aws.evidence import DynamoEvidence
from guardrail.aws.last_sweep import LastSweep
from guardrail.aws.network import Ec2Network
from guardrail.aws.patience import Patience
from guardrail.aws.posting import SecurityHubFindings, TopicPost
from guardrail.aws.records import DynamoRecords
from guardrail.aws.resolution import VpcResolution
from guardrail.aws.self_check import SelfCheck
from guardrail.aws.settling import ScheduledAgenda, ScheduledSettling, Schedules
from guardrail.aws.windows import DynamoWindows
from guardrail.baseline import checked_baseline, render_baseline
from guardrail.core.actions import ActionKind
from guardrail.core.model import Mode
from guardrail.core.trials import own_hour
from guardrail.herald import Herald
from guardrail.notices import Where
from guardrail.observe import NoAgenda, ObservedEvidence, ObservedNetwork, ObservedRecords
from guardrail.permissions import Permissions
from guardrail.ports import Agenda, Evidence, Network, Records
from guardrail.reconcile import Owner, Reconciler
from guardrail.settings import Settings


class TimeLeft:
    """What is left of the running invocation, as its context tells."""

    def __init__(self) -> None:
        self._context: Any = None

    def start(self, context: Any) -> None:  # noqa: ANN401 - Lambda's own class
        """Take note of the invocation that begins."""
        self._context = context

    def seconds(self) -> float:
        """Return the seconds until Lambda ends the function."""
        return float(self._context.get_remaining_time_in_millis()) / 1000


@dataclass(frozen=True)
class App:
    """Everything that the functions share."""

    settings: Settings
    owner: Owner
    network: Network
    records: Records
    evidence: Evidence
    settling: ScheduledSettling
    agenda: Agenda
    spacing: Agenda
    resolution: VpcResolution
    dead_letters: DeadLetters
    announcer: Announcer
    last_sweep: LastSweep
    herald: Herald
    self_check: SelfCheck
    permissions: Permissions
    time_left: TimeLeft
    function_arn: str

    @property
    def where(self) -> Where:
        """Where this runs."""
        return self.herald.where

    def reconciler(
        self, allowed: Collection[ActionKind], *, yields: bool = False, reverts: bool = False
    ) -> Reconciler:
        """Return the loop for a function that may do what is `allowed`."""
        return Reconciler(
            network=self.network,
            records=self.records,
            evidence=self.evidence,
            settling=self.settling,
            resolution=self.resolution,
            owner=self.owner,
            allowed=allowed,
            now=_now,
            agenda=self.agenda if yields else None,
            spacing=self.spacing if reverts else None,
            glances=reverts,
        )

    @property
    def sweep_writes(self) -> int:
        """How many VPCs a sweep writes to; in observe mode it tells of all, since none is."""
        observes = self.owner.intent.mode is Mode.OBSERVE
        return 1_000_000 if observes else self.settings.sweep_writes


@cache
def application(function_arn: str) -> App:
    """Build the application once for each execution environment.

    `arn:<partition>:lambda:<region>:<account>:function:<name>` tells where it runs, without
    a call.
    """
    _, partition, _, region, account, *_ = function_arn.split(":")
    where = Where(account, region, partition)
    settings = Settings.from_environment(os.environ)
    baseline = checked_baseline(
        render_baseline(
            account=account, organization_id=settings.organization_id, partition=partition
        )
    )
    time_left = TimeLeft()
    ec2 = _network(settings, account, time_left)
    network, records, evidence = _ports(settings, ec2)
    scheduler, schedules = clients.scheduler(), _schedules(settings, function_arn)
    # Only one function creates, so every pause leads there, whoever begins it or pushes it on.
    pauses = _schedules(settings, settings.settle_function_arn or function_arn)
    observes = settings.intent.mode is Mode.OBSERVE
    return App(
        settings=settings,
        owner=Owner(account, settings.stack_id, settings.intent, baseline),
        network=network,
        records=records,
        evidence=evidence,
        settling=ScheduledSettling(scheduler, pauses, settings.settle_seconds, _now),
        agenda=NoAgenda() if observes else ScheduledAgenda(scheduler, schedules, "look-again"),
        spacing=NoAgenda() if observes else ScheduledAgenda(scheduler, schedules, "revert"),
        resolution=VpcResolution(region),
        dead_letters=DeadLetters(clients.sqs(), settings.dead_letter_queue_url),
        announcer=Announcer(),
        last_sweep=LastSweep(clients.dynamodb(), settings.table_name),
        herald=_herald(settings, where),
        self_check=SelfCheck(where.region, settings.rules),
        # In observe mode the roles may write nothing, as is meant.
        permissions=Permissions(
            dict if observes else ec2.trials, own_hour(account, where.region), _now
        ),
        time_left=time_left,
        function_arn=function_arn,
    )


def _herald(settings: Settings, where: Where) -> Herald:
    return Herald(
        where,
        Announcer(),
        DynamoWindows(clients.dynamodb(), settings.table_name),
        _now,
        post=TopicPost(settings.topic_arn) if settings.topic_arn else None,
        hub=SecurityHubFindings(where) if settings.security_hub else None,
    )


def _network(settings: Settings, account: str, time_left: TimeLeft) -> Ec2Network:
    return Ec2Network(
        clients.ec2(),
        settings.intent,
        account_id=account,
        stack_id=settings.stack_id,
        patience=Patience(time_left.seconds, time.sleep),
    )


def _ports(settings: Settings, network: Ec2Network) -> tuple[Network, Records, Evidence]:
    db = clients.dynamodb()
    records = DynamoRecords(db, settings.table_name)
    evidence = DynamoEvidence(db, settings.table_name, settings.history_days)
    if settings.intent.mode is Mode.OBSERVE:
        return ObservedNetwork(network), ObservedRecords(records), ObservedEvidence(evidence)
    return network, records, evidence


def _schedules(settings: Settings, function_arn: str) -> Schedules:
    return Schedules(
        group=settings.schedule_group,
        function_arn=function_arn,
        role_arn=settings.settle_role_arn,
        dead_letter_arn=settings.dead_letter_queue_arn,
    )


def _now() -> datetime:
    return datetime.now(UTC)
