"""Chat Studio: local language models and your own documents, on your own computer."""

from studio.privacy import stay_private

__version__ = "0.1.0"

# Before any library is imported: several of them decide at import time whether they phone home.
stay_private()
