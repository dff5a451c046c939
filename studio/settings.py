"""Every setting with its default and the reason for it.

Read from the environment (`STUDIO_…`) and from `settings.toml` in the data folder; the environment wins.
"""

import os
from pathlib import Path

import platformdirs
from pydantic import AliasChoices, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
PROMPTS = ROOT / "prompts"


def default_data_dir() -> Path:
    """Where the studio keeps its data unless told otherwise: the platform's place for user data."""
    return Path(
        os.environ.get("STUDIO_DATA_DIR") or platformdirs.user_data_dir("chat-studio", appauthor=False)
    )


class Settings(BaseSettings):
    """All settings. Sizes in bytes, lengths in tokens, times in seconds unless a name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="STUDIO_", extra="ignore", populate_by_name=True)

    data_dir: Path = Field(default_factory=default_data_dir)

    # Only this computer, until the user says otherwise.
    host: str = "127.0.0.1"
    port: int = 7860

    chat_model: str = "smollm2-135m-instruct"
    chat_level: str = "full"
    embedder: str = "all-minilm-l6-v2"

    # Chunks of 256 tokens fill MiniLM's window; an eighth of overlap keeps a sentence whole in one of two.
    chunk_size: int = 256
    chunk_overlap: int = 32
    # Four chunks of 256 tokens leave room for an answer in a 2,048-token model.
    evidence_count: int = 4

    # Answers should keep to the documents: at 0.7 small models invent figures that they read right at 0.3.
    temperature: float = 0.3
    top_p: float = 0.9
    max_tokens: int = 512

    # Left free on a device for the desktop and the page itself; a load that would eat into it is "tight".
    reserve_bytes: int = 512 * 1024**2

    # Larger text files never finish anywhere; better one clear sentence than an hour of waiting.
    max_document_bytes: int = 100 * 1000**2

    chroma_url: str | None = Field(
        default=None, validation_alias=AliasChoices("chroma_url", "STUDIO_CHROMA_URL", "CHROMA_URL")
    )
    # host:port of a share server of one's own; without it the public one that Gradio offers.
    share_server: str | None = None
    # A process with torch imported waits for the next model: costs about 200 MB, saves about 5 s.
    spare_worker: bool = True

    @property
    def database(self) -> Path:
        return self.data_dir / "studio.sqlite"

    @property
    def files_dir(self) -> Path:
        """Originals of documents, one file per SHA-256."""
        return self.data_dir / "files"

    @property
    def models_dir(self) -> Path:
        """Models that the studio converted or downloaded, one folder each."""
        return self.data_dir / "models"

    @property
    def chroma_dir(self) -> Path:
        return self.data_dir / "chroma"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        folder = init_settings().get("data_dir") or default_data_dir()
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, Path(folder) / "settings.toml"),
        )
