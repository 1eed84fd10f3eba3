"""The default baseline: the most that an endpoint may grant, shipped with the code.

It is a file of the artifact, so it is reviewed, versioned and deployed like code, costs no
call at run time and cannot be loosened by writing a parameter.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from guardrail.core.policy import BaselineError, check_endpoint_rules, decide
from guardrail.errors import SettingsError

_FILE = Path(__file__).parent.parent / "baseline" / "states.json"
_ACCOUNT = re.compile(r"\d{12}")
ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}")


def render_baseline(*, account: str, organization_id: str = "", partition: str = "aws") -> str:
    """Return the baseline as minified JSON for one account.

    With an organisation id (`o-` and 10 to 32 lower-case letters or digits), principals of
    the organisation on resources of the organisation; without one, the account alone.
    Raises ValueError when an id has not the form that AWS gives it, so that nothing but an
    id can enter the policy.
    """
    if not _ACCOUNT.fullmatch(account):
        raise ValueError(f"{account!r} is not an account id: 12 digits are needed")
    if organization_id and not ORGANIZATION_ID.fullmatch(organization_id):
        raise ValueError(f"{organization_id!r} is not an organisation id such as o-abc1234567")
    variants = json.loads(_FILE.read_text(encoding="utf-8"))
    text = json.dumps(
        variants["organization" if organization_id else "account"], separators=(",", ":")
    )
    values = {"account": account, "organization": organization_id, "partition": partition}
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def checked_baseline(text: str) -> str:
    """Return `text` if it can serve as a baseline; raises SettingsError that says why not.

    It must be a policy that the engine finds inside itself, and one that EC2 accepts on an
    endpoint: a bad baseline is found before deployment, not at the first revert.
    """
    try:
        inside = decide(text, text)
    except BaselineError as error:
        raise SettingsError(f"{error}; correct src/baseline/states.json") from error
    reasons = check_endpoint_rules(text) if inside.contained else inside.reasons
    if reasons:
        wrong = "; ".join(f"{reason.pointer or '/'}: {reason.message}" for reason in reasons)
        raise SettingsError(
            f"the baseline cannot be used: {wrong}; correct src/baseline/states.json"
        )
    return text


def main() -> int:
    """Check both variants of the baseline as the build does; return the exit status."""
    try:
        for organization in ("", "o-example000"):
            example = render_baseline(account="111122223333", organization_id=organization)
            checked_baseline(example)
    except (SettingsError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
