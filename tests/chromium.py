"""Chromium for the tests: the one that is there, else installed. Run as a program it prints the path."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# No request of Chromium's own: the privacy test watches everything that leaves the machine.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
HELP = (
    "The tests of the pages need Chromium, and it could not be installed here. Install it yourself "
    "(Debian, Ubuntu: sudo apt-get install chromium; elsewhere: .venv/bin/playwright install chromium), "
    "or set STUDIO_CHROMIUM to the path of a Chromium or Chrome that you have, then run `make test` again."
)


def find() -> Path | None:
    """STUDIO_CHROMIUM, else a Chromium or Chrome in PATH, else Playwright's own; None without any."""
    chosen = os.environ.get("STUDIO_CHROMIUM")
    if chosen:
        return Path(chosen) if os.access(chosen, os.X_OK) else None
    for name in NAMES:
        found = shutil.which(name)
        if found and starts(Path(found)):
            return Path(found)
    return of_playwright()


def starts(browser: Path) -> bool:
    """Whether it runs at all: on Ubuntu `chromium-browser` may be an empty shell that asks for a snap."""
    try:
        asked = subprocess.run([browser, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def of_playwright() -> Path | None:
    """The Chromium that `playwright install` put into its cache, if it is there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.is_file() and starts(path) else None


def install() -> None:
    """Install Chromium with apt-get where we may, else into Playwright's cache. Failures show in `find`."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        _ran(["apt-get", "update", "-q"], quiet)
        if _ran(["apt-get", "install", "-y", "-q", "chromium"], quiet):
            return
    _ran([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))


def _ran(command: list[str], environment: dict[str, str]) -> bool:
    return subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode == 0


def main() -> int:
    """Print the path of a Chromium that starts, installing one first if need be; else 1 and a sentence."""
    browser = find()
    chosen = os.environ.get("STUDIO_CHROMIUM")
    if browser is None and not chosen:
        install()
        browser = find()
    if browser is None:
        wrong = f"STUDIO_CHROMIUM is {chosen}, which cannot be run. Correct it or unset it, and try again."
        print(wrong if chosen else HELP, file=sys.stderr)
        return 1
    print(browser)
    return 0


if __name__ == "__main__":
    sys.exit(main())
