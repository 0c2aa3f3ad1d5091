"""``python -m sandbox.onec``."""

from __future__ import annotations

import sys

from sandbox.onec.main import main

if __name__ == "__main__":
    sys.exit(main())
