"""Messages in, tokens out: the engine contract, the worker process, the pool that owns the memory."""
