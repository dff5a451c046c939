"""`python -m studio.engines.worker HANDLE`: how a worker process is started (see `engines/process.py`)."""

import sys

from studio.engines.worker.main import main

if __name__ == "__main__":
    main(int(sys.argv[1]))
