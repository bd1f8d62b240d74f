"""MovieLens ratings: where they come from, how they are parsed, and what is expected of them."""

import os

# Great Expectations reads this when it is imported, and otherwise tells its makers about every run.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
