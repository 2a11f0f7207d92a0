"""``python -m server``: the studio on http://127.0.0.1:8000, unless a setting says otherwise."""

from __future__ import annotations

import logging
import sys

import uvicorn

from model import threads
from model.errors import InputError
from model.memory import keep_freed_memory
from server.app import create_app
from server.settings import Settings, read_settings


def main(argv: list[str]) -> int:
    """Serve until the process is told to stop. Returns the exit code: 0, or 2 where a setting is wrong."""
    try:
        settings = read_settings(argv)
        _check_device(settings)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    keep_freed_memory()
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s: %(message)s")
    logging.info(threads.describe())
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        server_header=False,
        ws_max_size=settings.upload_bytes,
        ws_per_message_deflate=False,  # pixels are deflated and pictures are JPEG or PNG already
    )
    return 0


def _check_device(settings: Settings) -> None:
    """Raises InputError for a device that this machine does not have."""
    if settings.device != "auto":
        from model.devices import pick_device

        pick_device(settings.device)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
