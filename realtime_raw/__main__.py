"""`python -m realtime_raw`: hands over to the command line, or says which extra it needs."""

import sys


def main() -> int:
    """Run the command line; returns its exit code (2 if the extra `cli` is not installed)."""
    try:
        from .cli.main import main as run
        from .cli.patience import leave
    except ModuleNotFoundError as exc:
        if exc.name != "typer":
            raise
        print("the command line needs: pip install 'realtime_raw[cli]'", file=sys.stderr)
        return 2
    return leave(run(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
