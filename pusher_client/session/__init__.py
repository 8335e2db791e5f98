"""One connection: its start and end, its driver, and what it reports to callers and handlers."""
