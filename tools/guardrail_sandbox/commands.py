"""The commands: `serve` keeps a local AWS running, `demo` plays the story, `behaviours` lists.

`organisation` keeps a local AWS Organization running, `demo-org` plays its story; each of its
accounts runs `member`, which is not for people.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from guardrail_sandbox.bus import Delivery
from guardrail_sandbox.ec2.pages import listing, markdown
from guardrail_sandbox.errors import SandboxError
from guardrail_sandbox.guide import guide
from guardrail_sandbox.organisation import member, story
from guardrail_sandbox.organisation.local import LocalOrganisation
from guardrail_sandbox.sandbox import Sandbox
from guardrail_sandbox.screen import Screen
from guardrail_sandbox.story import StoryError, play

_USAGE_ERROR = 2


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status (2: could not start, 1: the story failed)."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _interrupt(stop))
    try:
        match options.command:
            case "serve":
                return _serve(options, stop)
            case "behaviours":
                return _behaviours(options)
            case "member":
                member.serve(options.region, options.artifact)
                return 0
            case "organisation":
                return _organisation(options, stop)
            case "demo-org":
                return _demo_org()
            case _:
                return _demo(options)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return _USAGE_ERROR
    except KeyboardInterrupt:
        return 130


def _interrupt(stop: threading.Event) -> None:
    """Stop waiting, or whatever else runs; a second signal changes nothing."""
    if not stop.is_set():
        stop.set()
        raise KeyboardInterrupt


def _serve(options: argparse.Namespace, stop: threading.Event) -> int:
    screen = Screen()
    sandbox = Sandbox(
        port=options.port,
        parameters=dict(options.parameter),
        delivery=_delivery(options),
        artifact=options.artifact,
        on_line=screen.entry,
        without=options.without,
        assume=dict(options.assume),
        enforce_iam=options.iam,
    )
    with sandbox:
        try:
            screen.say(f"ready {sandbox.url}", "bold")
            screen.say(guide(sandbox))
            stop.wait()
        except KeyboardInterrupt:
            screen.say("\nstopped")
    return 0


def _demo(options: argparse.Namespace) -> int:
    screen = Screen()
    try:
        play(screen, artifact=options.artifact)
    except StoryError as error:
        screen.say(str(error), "bold red")
        return 1
    return 0


def _organisation(options: argparse.Namespace, stop: threading.Event) -> int:
    screen = Screen()
    with LocalOrganisation(port=options.port) as organisation:
        try:
            screen.say(f"ready {organisation.url}", "bold")
            stop.wait()
        except KeyboardInterrupt:
            screen.say("\nstopped")
    return 0


def _demo_org() -> int:
    screen = Screen()
    try:
        story.play(screen)
    except StoryError as error:
        screen.say(str(error), "bold red")
        return 1
    return 0


def _behaviours(options: argparse.Namespace) -> int:
    print(markdown() if options.markdown else listing(), end="")
    return 0


def _delivery(options: argparse.Namespace) -> Delivery:
    return Delivery(
        delay_seconds=options.delay,
        duplicate=options.duplicate,
        shuffle=options.shuffle,
        seed=options.seed,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="guardrail_sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="keep a local AWS running")
    organisation = commands.add_parser("organisation", help="keep an AWS Organization running")
    for command in (serve, organisation):
        command.add_argument("--port", type=_port, default=5055, help="on 127.0.0.1 (0: any)")
    serve.add_argument(
        "--parameter",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of the template, e.g. Mode=observe",
    )
    serve.add_argument("--delay", type=float, default=0.0, help="seconds that each event travels")
    serve.add_argument("--duplicate", action="store_true", help="deliver each event twice")
    serve.add_argument("--shuffle", action="store_true", help="deliver out of order")
    serve.add_argument("--seed", type=int, default=0, help="makes the disorder repeatable")
    serve.add_argument(
        "--no-iam",
        dest="iam",
        action="store_false",
        help="let the functions do what their roles do not allow",
    )
    serve.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="NAME",
        help="switch a behaviour of EC2 off (see `behaviours`)",
    )
    serve.add_argument(
        "--assume",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=ANSWER",
        help="answer an open question about EC2, e.g. modify-pending=refused",
    )
    listed = commands.add_parser("behaviours", help="list what is modelled of EC2")
    listed.add_argument("--markdown", action="store_true", help="as the page of the docs")
    demo = commands.add_parser("demo", help="play the story and check each step")
    commands.add_parser("demo-org", help="play the story of an organisation")
    account = commands.add_parser("member")
    account.add_argument("--region", required=True)
    for command in (serve, demo, account):
        command.add_argument("--artifact", type=Path, help="what `sam build` wrote")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _parameter(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("write NAME=VALUE")
    return name, value
