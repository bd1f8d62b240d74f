"""What is expected of the tables, and what came out."""

import os

# Great Expectations reads this when it is imported, and otherwise tells its makers about every run.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
