"""Entry point: runs the command line and turns a user's mistake into one line on stderr."""

import os
import sys
from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the ``forgetproof`` command; exit code 0 good, 1 a check failed, 2 bad usage or input, 130 interrupted."""
    from forgetproof.cli import app
    from forgetproof.options import UserError, usage_fault

    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:  # how typer hands over Ctrl-C
            raise KeyboardInterrupt
        sys.exit(code)
    except UserError as fault:
        _complain(str(fault))
    except KeyboardInterrupt:
        _say("interrupted; nothing half-written was left behind")
        os._exit(INTERRUPTED)  # worker threads may still be inside XLA, which cannot be interrupted
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as fault:
        message = usage_fault(fault)
        if message is None:
            raise
        _complain(message)


def _complain(message: str) -> NoReturn:
    _say(message)
    sys.exit(2)


def _say(message: str) -> None:
    print(f"forgetproof: {' '.join(message.split())}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
