"""Whatever the API's own description allows to be sent is answered as that description says, and never with a 500."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from studio import LABELS, photo

from server.app import create_app
from server.settings import Settings

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

# With these in place of random bytes, what is wrong is in the request's JSON.
SOUND = {"labels": LABELS, "photo": photo(), "photo_labels": LABELS, "photos": photo()}


def with_sound_files(body: dict[str, Any]) -> dict[str, Any]:
    """The same request with its random files replaced or left out."""
    sound = {
        name: [SOUND[name]] if isinstance(value, list) else SOUND[name] for name, value in body.items() if name in SOUND
    }
    return sound | {name: body[name] for name in ("request",) if name in body}


@pytest.fixture
def api(tiny_checkpoint: Path) -> Iterator[schemathesis.BaseSchema]:
    app = create_app(
        Settings(checkpoints=tiny_checkpoint, warm_up=False, variants=6, morph_steps=24, fit_steps=6, fits=64)
    )
    yield schemathesis.openapi.from_asgi("/openapi.json", app)
    shutdown_lifespans()


def test_the_api_keeps_its_word(api: schemathesis.BaseSchema) -> None:
    for result in api.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @given(case=operation.as_strategy(), sound_files=strategies.booleans())
        @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        def answers_as_described(case: schemathesis.Case, sound_files: bool) -> None:
            if sound_files and isinstance(case.body, dict):
                case.body = with_sound_files(case.body)
            if case.path_parameters:
                case.path_parameters["id"] = "tiny"
            case.call_and_validate(checks=CHECKS, timeout=120)  # seconds; the default of 10 fails on a busy machine

        answers_as_described()
