"""The parts of the soak: the company that two clients are in, what they do there, and the books that are kept."""
