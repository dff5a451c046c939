"""Every benchmark that needs nothing but the studio, in turn. Those that take paths: see their `--help`."""

import subprocess
import sys

from tests.servers import ROOT

ALONE = ("startup", "first_token", "decode", "stop", "unload")


def main() -> int:
    """The names given, else all of ALONE; 1 when one of them failed."""
    failed = [
        name
        for name in sys.argv[1:] or ALONE
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=False).returncode
    ]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
