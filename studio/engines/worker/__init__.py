"""What runs inside a worker process: the only place where torch and its libraries are imported."""
