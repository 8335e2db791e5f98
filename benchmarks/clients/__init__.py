"""One program for each reader that is measured; each runs as a process of its own."""
