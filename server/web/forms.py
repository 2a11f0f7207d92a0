"""Multipart requests: files by name and one JSON field called ``request``."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import FormData, UploadFile

from model.errors import InputError, refuse
from server.web.errors import validation_error

FIELD_BYTES = 2**20  # most bytes of the JSON field
MOST_FILES = 128  # files in one form
MOST_FIELDS = 8  # text fields in one form


class Asked(BaseModel):
    """A request's JSON field: values are not converted, and unknown names are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


A = TypeVar("A", bound=Asked)


@dataclass(frozen=True)
class Upload:
    """One uploaded file, read."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Form(Generic[A]):
    """A request's body: its files by field name, in the order in which they were sent, and its JSON."""

    files: dict[str, list[Upload]]
    asked: A

    def file(self, name: str) -> Upload:
        """The one file called ``name``. Raises InputError where there is none or more than one."""
        uploads = self.files.get(name, [])
        if len(uploads) != 1:
            problem = "is missing" if not uploads else f"was sent {len(uploads)} times"
            raise InputError(f"File {name} {problem}; send it once.", field=name, value=len(uploads), allowed=1)
        return uploads[0]

    def optional(self, name: str) -> Upload | None:
        """The file called ``name``, or None. Raises InputError where there is more than one."""
        return self.file(name) if name in self.files else None


async def read_form(request: Request, asked: type[A], names: Collection[str]) -> Form[A]:
    """The multipart body of ``request``: files called one of ``names``, and the JSON field as a model ``asked``.

    Raises InputError "malformed" where the body is no multipart form, "invalid" for a wrong name or value.
    """
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        refuse("Content-Type", kind or None, f"is {kind or 'missing'}", "multipart/form-data", code="malformed")
    async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=FIELD_BYTES) as form:
        text = await _json_text(form)
        files = await _files(form, names)
    return Form(files, parse_request(text, asked))


async def _json_text(form: FormData) -> str | bytes:
    """The JSON of the field ``request``, sent as text or as a file; an empty object where it is left out."""
    parts = form.getlist("request")
    if len(parts) > 1:
        raise InputError(
            f"request was sent {len(parts)} times; send it once.", field="request", value=len(parts), allowed=1
        )
    if not parts:
        return "{}"
    if isinstance(parts[0], str):
        return parts[0]
    text = await parts[0].read(FIELD_BYTES + 1)
    if len(text) > FIELD_BYTES:
        raise InputError(
            f"request has more than the {FIELD_BYTES} bytes that are allowed.",
            code="too_large",
            field="request",
            allowed=FIELD_BYTES,
        )
    return text


async def _files(form: FormData, names: Collection[str]) -> dict[str, list[Upload]]:
    """The files of a form, read. Raises InputError for a part that is none of ``names``."""
    files: dict[str, list[Upload]] = {}
    for name, part in form.multi_items():
        if name == "request":
            continue
        if name not in names:
            allowed = sorted({*names, "request"})
            raise InputError(
                f"{name!r} is not part of this request; it has {', '.join(allowed)}.",
                field=name,
                value=name,
                allowed=allowed,
            )
        if not (part.filename if isinstance(part, UploadFile) else part):  # browsers send an empty file field like this
            continue
        if not isinstance(part, UploadFile):
            raise InputError(f"{name} is text; send a file.", field=name, value=part, allowed="a file")
        files.setdefault(name, []).append(Upload(part.filename or name, await part.read()))
    return files


def parse_json(text: str | bytes, field: str) -> Any:
    """The value of strict JSON, without NaN and Infinity. Raises InputError that names ``field``, line and column."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise InputError(f"{field} is not JSON: {error.msg} at {where}.", field=field, details=where) from None
    except UnicodeDecodeError:
        raise InputError(f"{field} is not JSON: it is not UTF-8 text.", field=field) from None
    except RecursionError:
        raise InputError(f"{field} is nested too deeply.", field=field) from None
    except ValueError as error:
        raise InputError(f"{field} is not JSON: {error}.", field=field) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON has")


def parse_request(text: str | bytes, asked: type[A], field: str = "request") -> A:
    """JSON ``text`` as a model ``asked``. Raises InputError for what is no JSON, and for unknown or wrong fields.

    ``field`` is the name of the whole in errors.
    """
    value = parse_json(text, field)
    try:
        return asked.model_validate(value)
    except ValidationError as error:
        unknown = [str(row["loc"][-1]) for row in error.errors() if row["type"] == "extra_forbidden"]
        if unknown:
            name = unknown[0]
            allowed = [field.alias or key for key, field in asked.model_fields.items()]
            raise InputError(
                f"{field} has no field {name!r}; it has {', '.join(allowed)}.", field=name, value=name, allowed=allowed
            ) from None
        raise validation_error(error.errors(), field) from None
