"""The rules of the Channels protocol: no clock, no socket, no task, no randomness."""
