"""`GET /health`: whether the studio answers, and with which models. Nothing secret: anybody may ask."""

from typing import Any

from fastapi import APIRouter

from studio import __version__
from studio.services import Studio


def routes(studio: Studio) -> APIRouter:
    router = APIRouter()

    @router.get("/health")
    def health() -> dict[str, Any]:
        """`models`: the loaded ones, `{id, level, kind, state, device, measured_bytes}`."""
        return {
            "status": "ok",
            "version": __version__,
            "models": [
                {
                    "id": entry.card.id,
                    "level": entry.level,
                    "kind": entry.card.kind,
                    "state": entry.state,
                    "device": entry.device,
                    "measured_bytes": entry.probe.measured_bytes if entry.probe else None,
                }
                for entry in studio.pool.ledger()
            ],
        }

    return router
