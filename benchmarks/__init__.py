"""Programs that measure this client beside bare loops and other clients; see README.md."""
