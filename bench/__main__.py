"""`make bench`: all benchmarks, or those named; one alone may have options: `python -m bench pages --help`."""

from __future__ import annotations

import importlib
import sys

NAMES = ("mapping", "first_load", "reconcile", "pages")
WITH_OPTIONS = ("pages",)


def main(words: list[str]) -> int:
    """Run them one after the other."""
    if words[:1] and words[0] in WITH_OPTIONS and all(word not in NAMES for word in words[1:]):
        importlib.import_module(f"bench.{words[0]}").main(words[1:])
        return 0
    if not set(words) <= set(NAMES):
        print(f"Benchmarks are {', '.join(NAMES)}; options: python -m bench pages --help", file=sys.stderr)
        return 2
    for name in words or NAMES:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"bench.{name}").main()
    return 0


sys.exit(main(sys.argv[1:]))
