"""The server of the benchmarks: a process of its own, its frames and its authorization endpoint."""
