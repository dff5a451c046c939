"""Where uploads wait until they are taken in."""

import os

from studio.settings import Settings
from studio.ui.app import _keep_uploads_at_home


def test_what_a_killed_studio_left_is_cleared_away(settings: Settings, monkeypatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "elsewhere")
    left = settings.data_dir / "uploads" / "abc" / "contract.pdf"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"secret")
    _keep_uploads_at_home(settings)
    assert not left.exists()
    assert os.environ["GRADIO_TEMP_DIR"] == str(settings.data_dir / "uploads")
