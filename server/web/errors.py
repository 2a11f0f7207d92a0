"""One JSON shape for everything that goes wrong: ``{"error": {code, message, field, value, allowed, details}}``."""

from __future__ import annotations

import asyncio
import http
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model.errors import InputError, shown

log = logging.getLogger("groupdnet.server")

STATUS = {
    "malformed": 400,
    "forbidden": 403,
    "not_found": 404,
    "unknown_model": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "no_encoder": 409,
    "no_video": 409,
    "no_segmenter": 409,
    "bad_checkpoint": 409,
    "unknown_base": 409,
    "too_large": 413,
    "internal": 500,
    "busy": 503,
}
OTHERWISE = 422  # status of an error whose code is not listed: the request is well formed and wrong
MOST_NESTING = 16  # levels of a nested value that an error repeats
RETRY_SECONDS = 1  # seconds after which a client may try again where the server is busy
UNEXPECTED = "Something went wrong inside the server; its log says what."


class ErrorBody(BaseModel):
    """What an error says: a code for programs, a sentence for people, and what was wrong with which field."""

    code: str
    message: str
    field: str | None
    value: Any
    allowed: Any
    details: Any


class ErrorAnswer(BaseModel):
    """The body of every answer that reports an error."""

    error: ErrorBody


class ClientGone(Exception):
    """The client closed the connection, so nobody waits for an answer any more."""


def error_response(error: InputError, status: int | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """The JSON answer for ``error``, with ``Retry-After`` where the server is busy.

    ``status`` is the HTTP status, by default the one of the error's code; ``headers`` are added to the answer's.
    """
    headers = dict(headers or {})
    if error.code == "busy":
        headers["Retry-After"] = str(RETRY_SECONDS)
    return JSONResponse(error_body(error), status or status_of(error), headers)


def sentence(text: object) -> str:
    """``text`` with a full stop at its end; other libraries and the operating system leave it out."""
    return f"{str(text).removesuffix('.')}."


def stopping() -> InputError:
    """The error for a request that came too late to be finished."""
    return InputError("The server is stopping.", code="busy")


def status_of(error: InputError) -> int:
    """The HTTP status for ``error.code``."""
    return STATUS.get(error.code, OTHERWISE)


def error_body(error: InputError) -> dict[str, Any]:
    """``error`` in the shape of ``ErrorAnswer``."""
    body = {
        "code": error.code,
        "message": str(error),
        "field": error.field,
        "value": _plain(error.value),
        "allowed": _plain(error.allowed),
        "details": _plain(error.details),
    }
    return {"error": body}


def _plain(value: Any, depth: int = 0) -> Any:
    """``value`` as strict JSON can carry it. It may be whatever a user sent: NaN, endless text, endless nesting."""
    if depth > MOST_NESTING:
        return "…"
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | range):
        return [_plain(item, depth + 1) for item in value]
    text = str(value)
    return text if len(text) <= 500 else text[:500] + "…"


def validation_error(errors: Sequence[Mapping[str, Any]], *within: str) -> InputError:
    """The first of pydantic's ``errors`` as our own, with all of them in ``details``; ``within`` begins their path."""
    rows = [{"field": ".".join(map(str, (*within, *row["loc"]))), "message": row["msg"]} for row in errors]
    first = errors[0]
    field = rows[0]["field"] or None
    value = None if first["type"] == "missing" else first.get("input")
    what = "" if first["type"] == "missing" else f" is {shown(_plain(value))}"
    message = sentence(f"{field or 'request'}{what}: {first['msg']}")
    return InputError(message, field=field, value=value, details=rows)


def _from_http(error: HTTPException, request: Request) -> InputError:
    """Starlette's own errors, such as a path that does not exist, as ours."""
    path, method = request.url.path, request.method
    if error.status_code == 404:
        return InputError(f"There is nothing at {path}; /docs lists what there is.", code="not_found", value=path)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow") or (error.headers or {}).get("allow")
        return InputError(
            f"{path} does not answer {method}" + (f", only {allowed}." if allowed else "."),
            code="method_not_allowed",
            value=method,
            allowed=allowed,
        )
    code = (
        "malformed" if error.status_code == 400 else http.HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    )
    return InputError(sentence(error.detail), code=code)


def install(app: FastAPI) -> None:
    """Make ``app`` answer every known kind of error in the shape of ``ErrorAnswer``."""

    async def on_input(request: Request, error: Exception) -> Response:
        assert isinstance(error, InputError)
        return error_response(error)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return error_response(_from_http(error, request), error.status_code, dict(error.headers or {}))

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return error_response(validation_error(error.errors()))

    async def on_gone(request: Request, error: Exception) -> Response:
        return Response(status_code=499)

    app.add_exception_handler(InputError, on_input)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(ClientGone, on_gone)
    app.add_exception_handler(ClientDisconnect, on_gone)  # the client left before its whole body had arrived


class CatchAll:
    """ASGI middleware for what no handler caught: an unexpected exception is logged and answered with 500, no detail.

    A request that the server cancels because it stops is answered with 503.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except asyncio.CancelledError:
            if started:
                raise
            await error_response(stopping())(scope, receive, send)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            error = InputError(UNEXPECTED, code="internal")
            await error_response(error)(scope, receive, send)
