"""Entry point: runs the command line and turns a user's mistake into one line on stderr."""

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the ``forgetproof`` command; exit code 0 good, 1 a check failed, 2 bad usage or input, 130 interrupted."""
    from forgetproof.cli import UserError, app, usage_fault

    try:
        sys.exit(app(standalone_mode=False) or 0)
    except UserError as fault:
        _complain(str(fault), 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (KeyboardInterrupt, Exception) as fault:
        message, code = usage_fault(fault)
        if message is None:
            raise
        if code == 130:  # worker threads may still be inside XLA, which cannot be interrupted
            _say(message)
            os._exit(code)
        _complain(message, code)


def _complain(message: str, code: int) -> NoReturn:
    _say(message)
    sys.exit(code)


def _say(message: str) -> None:
    print(f"forgetproof: {' '.join(message.split())}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
