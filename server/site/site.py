"""The page and its files, and the routes that tell whether the server is alive, ready and busy."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, FileSystemLoader, TemplateNotFound
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.models.studio import studio_of

router = APIRouter(include_in_schema=False)


class Revalidated(StaticFiles):
    """Static files that a browser keeps but asks about at each load, so that it always has the newest version."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        return response


def asset_version(folder: Path) -> str:
    """A short name for the state of all files under ``folder``; another one when any of them changes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        stat = path.stat()
        digest.update(f"{path.relative_to(folder)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]


def modules(folder: Path) -> list[str]:
    """Every ES module in the subfolders of ``folder``, as paths from it: all that its main.js imports, in turn."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/**/*.js"))


def style_sheets(folder: Path) -> list[str]:
    """Every style sheet in css/, as paths from ``folder``; those of the whole page come before those of the parts."""
    sheets = sorted((folder / "css").rglob("*.css"), key=lambda path: (len(path.parts), path))
    return [path.relative_to(folder).as_posix() for path in sheets]


def install(app: FastAPI, folder: Path) -> None:
    """Add the page of ``folder``/templates and the files of ``folder``/static."""
    app.state.templates = Environment(loader=FileSystemLoader(folder / "templates"), autoescape=True)
    app.mount("/static", Revalidated(directory=folder / "static", check_dir=False), name="static")
    app.include_router(router)


@router.get("/")
def page(request: Request) -> Response:
    """The studio's page."""
    studio = studio_of(request)
    try:
        template = request.app.state.templates.get_template("index.html")
    except TemplateNotFound:
        raise HTTPException(404) from None
    static = studio.settings.site / "static"
    html = template.render(
        version=asset_version(static),
        style_sheets=style_sheets(static),
        modules=modules(static),
        default_model=studio.registry.default or studio.settings.default_model,
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-cache"})


@router.get("/healthz")
async def healthz() -> Response:
    """200 as long as the process answers."""
    return JSONResponse({"ok": True})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """200 once the default model is loaded and warm, 503 with the reason before."""
    waiting = request.app.state.readiness.waiting
    if waiting:
        return JSONResponse({"ready": False, "reason": waiting}, 503, {"Retry-After": "1"})
    return JSONResponse({"ready": True})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """The numbers of ``Metrics``, as Prometheus reads them."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
