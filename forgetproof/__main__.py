"""Entry point: runs the command line and turns a user's mistake into one line on stderr."""

import os
import sys


def main() -> None:
    """Run the ``forgetproof`` command; exit code 0 good, 1 a check failed, 2 bad usage or input."""
    from forgetproof.cli import UserError, app, usage_fault

    try:
        sys.exit(app(standalone_mode=False) or 0)
    except UserError as fault:
        _complain(str(fault), 2)
    except KeyboardInterrupt:
        _complain("interrupted; nothing half-written was left behind", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as fault:
        message = usage_fault(fault)
        if message is None:
            raise
        _complain(message, 2)


def _complain(message: str, code: int) -> None:
    print(f"forgetproof: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
