"""Relays: subscribers that write every event of their channels to an engine, from which any number of workers read."""
