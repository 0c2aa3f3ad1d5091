"""`make bench`: all benchmarks, or those named."""

from __future__ import annotations

import importlib
import sys

NAMES = ("mapping", "first_load", "reconcile", "pages")


def main() -> int:
    """Run them one after the other."""
    for name in sys.argv[1:] or NAMES:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"bench.{name}").main()
    return 0


sys.exit(main())
