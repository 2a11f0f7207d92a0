"""Answers that come while the model still works: lines of JSON, one object each, the last one the result."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from model.errors import InputError
from server.models.registry import Model
from server.models.work import Work, work_on
from server.web.errors import ClientGone, error_body

LINES = "application/x-ndjson"


async def stream_lines(
    request: Request, model: Model, started: float, rows: Callable[[Work], AsyncGenerator[dict[str, Any]]]
) -> Response:
    """``rows(work)`` as lines; a client that leaves ends the work.

    Raises what ``rows`` raises before its first row. Later the answer has begun, and an InputError becomes the last
    line, ``{"error": …}``.
    """

    async def work_through() -> AsyncGenerator[dict[str, Any]]:
        async with work_on(request, model, started) as work, aclosing(rows(work)) as source:
            async for row in source:
                yield row

    source = work_through()
    first = await anext(source)

    async def lines() -> AsyncGenerator[str]:
        try:
            yield _line(first)
            async for row in source:
                yield _line(row)
        except InputError as error:
            yield _line(error_body(error))
        except ClientGone:
            return
        finally:
            await source.aclose()

    return StreamingResponse(lines(), media_type=LINES, headers={"X-Accel-Buffering": "no"})


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
