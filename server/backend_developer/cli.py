"""The command line: what can be asked. What the exit codes mean is in `commands`."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from textwrap import dedent
from typing import TextIO

from . import __version__
from .commands import BROKEN_PIPE, INTERRUPTED, NOT_REVIEWED, WRONG_USE, UsageError
from .core.model import FOCUSES, SEVERITIES

FORMATS = ("text", "json", "sarif", "github")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; `arguments` default to the process's own.

    argparse's own refusals raise SystemExit(2), --help and --version SystemExit(0).
    """
    # What Python thinks of the code under review, when that is parsed, is no message of ours.
    warnings.simplefilter("ignore", SyntaxWarning)
    _open_closed_streams()
    parser = _parser()
    options = parser.parse_args(arguments)
    # A character that the terminal's encoding lacks must not end a report.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        if options.command not in ("serve", None):  # The server knows files by absolute paths.
            _check_current_folder()
        code = _run(options, parser)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _tell("\ninterrupted: what was not yet said is lost; no file is half written")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has gone.
        _say_no_more(sys.stdout)
        return BROKEN_PIPE
    except UsageError as error:
        _tell(f"error: {error}")
        return WRONG_USE
    except Exception as error:
        _say_no_more(sys.stdout)
        if isinstance(error, OSError) and (trouble := _trouble(error)):
            _tell(f"error: {trouble}")
            return WRONG_USE
        from .failures import where_raised

        _tell(
            f"{where_raised(error)}error: this program failed ({type(error).__name__}): "
            "please report that"
        )
        return NOT_REVIEWED
    return code


def _open_closed_streams() -> None:
    """Whoever started us may have closed standard streams: what was opened next would be in their
    place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _check_current_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        raise UsageError(
            f"the current folder cannot be used ({_reason(error)}): change to another one"
        ) from None


def _trouble(error: OSError) -> str:
    """What no command has told of itself, as a sentence; "" when that is a mistake of ours."""
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM):
        return f"the system has too little left ({_reason(error)}): close other programs"
    if error.filename is not None:
        return f"{error.filename} cannot be used: {_reason(error)}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF):
        return f"standard output cannot be used: {_reason(error)}"
    return ""


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _tell(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _say_no_more(sys.stderr)


def _say_no_more(stream: TextIO) -> None:
    """What it has not taken is lost; Python would try and complain once more when it exits."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    # Each command is imported when it is asked for: `serve` must start fast, and `--help` too.
    match options.command:
        case "review":
            from .commands import review

            return review.run(options)
        case "do" if options.list or options.path is None:
            from .commands import task_list

            return task_list.run(options)
        case "do":
            from .commands import do

            return do.run(options)
        case "agents":
            from .commands import agents

            return agents.run()
        case "rule":
            from .commands import rule

            return rule.run(options.id, options.focus or (), options.language, options.format)
        case "log":
            from .commands import log

            return log.run(
                number=options.number,
                limit=options.limit,
                workspace=options.workspace,
                format_=options.format,
            )
        case "consent":
            from .commands import consent

            return consent.run(give=options.give, revoke=options.revoke)
        case "usage":
            from .commands import usage

            return usage.run()
        case "doctor":
            from .commands import doctor

            return doctor.run()
        case "serve":
            from .commands import serve

            return serve.run()
        case _ if options.stdio:
            from .commands import serve

            return serve.run()
        case _:
            parser.print_help(sys.stderr)
            return WRONG_USE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="backend-developer",
        description="Reviews backend code: API design, security and performance.",
        epilog=dedent(
            """\
            first steps:
              backend-developer review src              review a folder
              backend-developer review --fix app.py     and take the checked fixes
              backend-developer rule security/sql-injection
              backend-developer do                      list the tasks of the agent
            """
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--stdio", action="store_true", help="the same as `serve`")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    _add_review(commands)
    _add_do(commands)
    commands.add_parser("agents", help="list the agents that can review, and which one wins")
    rule = commands.add_parser("rule", help="explain a rule, or list all of them")
    rule.add_argument("id", nargs="?", metavar="ID", help="such as security/sql-injection")
    _add_focus(rule)
    rule.add_argument("--language", metavar="LANGUAGE", help="only those about python, sql, …")
    rule.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    _add_what_is_sent(commands)
    commands.add_parser(
        "doctor", help="say what is installed, configured and reachable", allow_abbrev=False
    )
    serve = commands.add_parser("serve", help="be a language server on standard input and output")
    serve.add_argument("--stdio", action="store_true", help="the default, and the only transport")
    return parser


def _add_review(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    review = commands.add_parser(
        "review",
        help="review files and folders",
        description="Reviews files and folders. In folders, what .gitignore names is left out.",
        epilog=dedent(
            """\
            exit codes:
              0  nothing at or above the level of --fail-on
              1  findings at or above it
              2  wrong use, or a setting that cannot be used; nothing was reviewed
              3  something could not be reviewed; the rest was, and its findings are told
            """
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    review.add_argument("paths", nargs="+", metavar="PATH", help="a file or a folder")
    _add_focus(review)
    review.add_argument(
        "--engine",
        choices=("auto", "local", "agent"),
        help="local needs no key and no network; auto is agent where a key or a base URL is set",
    )
    review.add_argument("--agent", metavar="NAME", help="the agent that reviews: see `agents`")
    review.add_argument("--model", metavar="MODEL", help="model alias or id")
    review.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    review.add_argument(
        "--output", metavar="FILE", help="write the report there, and only its summary here"
    )
    review.add_argument(
        "--fix", action="store_true", help="apply the checked fixes that are no more than an edit"
    )
    review.add_argument(
        "--fail-on",
        choices=(*SEVERITIES, "never"),
        metavar="LEVEL",
        help=f"{', '.join(SEVERITIES)} or never; default: warning",
    )
    review.add_argument(
        "--yes", action="store_true", help="agree to what is sent to a model, for this once"
    )
    batch = review.add_mutually_exclusive_group()
    batch.add_argument(
        "--batch",
        action="store_true",
        help="send what the agent is asked as a Message Batch: half the price, within a day",
    )
    batch.add_argument(
        "--batch-status", action="store_true", help="say how far the batches are; review nothing"
    )
    batch.add_argument(
        "--batch-results",
        action="store_true",
        help="fetch what has been answered, and report it; send nothing",
    )
    review.add_argument("--all", action="store_true", help="show findings of low confidence too")
    review.add_argument(
        "--no-cache",
        action="store_true",
        help="review files anew that have not changed since an earlier review",
    )
    review.add_argument(
        "--cache-dir", metavar="FOLDER", help="where that is kept; default: your cache folder"
    )
    review.add_argument(
        "--jobs", type=_positive, metavar="N", help="files reviewed at once; default: by processors"
    )


def _add_do(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    do = commands.add_parser(
        "do",
        help="have a task done by the agent: a change of several files, or an explanation",
        description=(
            "Has a task done by the agent. What it changes is checked, then shown, and written\n"
            "only with --apply or when you say so. Without a task, the tasks are listed."
        ),
        epilog=dedent(
            """\
            examples:
              backend-developer do                          list the tasks
              backend-developer do --list app/orders.py     and those that fit there
              backend-developer do add-pagination app/orders.py:12-40
              backend-developer do add-pagination app/orders.py --format diff | git apply

            exit codes:
              0  the change was offered, or written with --apply; or there was nothing to change
              1  it was refused by the checks, or by you; nothing was written
              2  wrong use, or a setting that cannot be used; nothing was sent
              3  it could not be done: no model, no answer, a limit, a file that cannot be written
            """
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    do.add_argument("task", nargs="?", metavar="TASK", help="such as add-pagination")
    do.add_argument(
        "path",
        nargs="?",
        metavar="PATH[:LINES]",
        help="a file, and its lines 12, 12-40 or 12:40; default: all of them",
    )
    do.add_argument("--list", action="store_true", help="list the tasks; with PATH those that fit")
    do.add_argument(
        "--instruction", metavar="TEXT", help="what you want beside; - reads standard input"
    )
    do.add_argument(
        "--apply", action="store_true", help="write the change, all of its files or none"
    )
    do.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="FILE",
        help="take only this file of the change; may be repeated",
    )
    do.add_argument(
        "--allow-dependency",
        action="append",
        default=[],
        metavar="NAME",
        help="agree to this new dependency; may be repeated",
    )
    do.add_argument("--model", metavar="MODEL", help="model alias or id")
    do.add_argument("--agent", metavar="NAME", help="the agent that does it: see `agents`")
    do.add_argument(
        "--yes", action="store_true", help="agree to what is sent to a model, for this once"
    )
    do.add_argument(
        "--format",
        choices=("text", "json", "diff"),
        default="text",
        help="diff: only that, as `git apply` reads it; default: text",
    )


def _add_what_is_sent(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    log = commands.add_parser(
        "log", help="show what was sent to models, when and where", allow_abbrev=False
    )
    log.add_argument("number", nargs="?", type=_positive, metavar="ID", help="show this one whole")
    log.add_argument(
        "--limit", type=_positive, default=20, metavar="N", help="the newest N; default: 20"
    )
    log.add_argument("--workspace", metavar="PATH", help="only what was sent from that folder")
    log.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    consent = commands.add_parser(
        "consent", help="list from where code may be sent to whom", allow_abbrev=False
    )
    which = consent.add_mutually_exclusive_group()
    which.add_argument(
        "--give",
        nargs="?",
        const="",
        metavar="PATH",
        help="agree for that workspace and the endpoint in use; default: the current one",
    )
    which.add_argument(
        "--revoke", nargs="?", const="", metavar="PATH", help="take back all of that workspace's"
    )
    commands.add_parser(
        "usage", help="say what models used and cost, and what the limits leave", allow_abbrev=False
    )


def _add_focus(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--focus",
        action="extend",
        type=_focuses,
        metavar="FOCUS",
        help=f"{', '.join(FOCUSES)} or everything; several with commas or by repeating it",
    )


def _focuses(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in (*FOCUSES, "everything"):
            raise argparse.ArgumentTypeError(
                f"there is no focus {name!r}: choose from {', '.join(FOCUSES)}, everything"
            )
    return names


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number
