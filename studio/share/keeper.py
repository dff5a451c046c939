"""Runs the tunnel helper and ends it when the studio is gone: `python keeper.py HELPER [ARGUMENT …]`.

The studio holds the other end of this program's standard input. A helper that outlived the studio would go on
leading the public address to a port of this computer that any program may take next.
"""

import signal
import subprocess
import sys
import threading

# As shells say it: the program was found and could not be run.
BLOCKED = 126
# What the helper gets to say goodbye to its server.
PATIENCE_SECONDS = 1.0


def main() -> int:
    """Keep the helper until it ends by itself or standard input does; the exit code of the helper."""
    try:
        helper = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    except OSError as error:
        print(error.strerror or error, flush=True)
        return BLOCKED
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_studio, args=(helper,), daemon=True).start()
    return helper.wait()


def _end_with_the_studio(helper: "subprocess.Popen[bytes]") -> None:
    sys.stdin.buffer.read()
    helper.terminate()
    try:
        helper.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        helper.kill()


if __name__ == "__main__":
    sys.exit(main())
