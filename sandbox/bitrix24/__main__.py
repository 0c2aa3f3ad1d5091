"""``python -m sandbox.bitrix24``."""

import sys

from sandbox.bitrix24.main import main

sys.exit(main())
