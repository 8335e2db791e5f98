"""From one event to every handler and stream that wants it: bindings, queues, workers and dispatchers."""
