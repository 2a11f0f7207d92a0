"""The report of an evaluation, as JSON and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from model.evaluation import survey
from model.evaluation.held_out import HeldOut
from model.evaluation.scores import Facts, Goal, Score, class_table, painted_table, scene_table


def build_report(scenes: Facts, held_out: HeldOut, painted: Facts, drawn: HeldOut) -> dict[str, Any]:
    """The evaluation as JSON: facts of held-out scenes, and of painted maps where there are any."""
    checkpoint = scenes.checkpoint
    pictures, pairs = survey.DIVERSITY
    report: dict[str, Any] = {
        "title": checkpoint.title,
        "fingerprint": checkpoint.fingerprint,
        "images": (checkpoint.record or {}).get("images"),
        "diversity": {"scenes": len(scenes.diversity), "n": pictures, "m": pairs},
        "scenes": _section(held_out, scenes.priors, scene_table(scenes), class_table(scenes, scenes)),
    }
    if drawn.count:
        numbers = painted_table(painted, scenes)
        report["painted"] = _section(drawn, painted.priors, numbers, class_table(painted, scenes))
    return report


def _section(held_out: HeldOut, priors: int, numbers: list[Score], classes: list[dict[str, Any]]) -> dict[str, Any]:
    """One kind of label map; ``priors`` is the number of sampled looks of each."""
    return {
        "source": held_out.source,
        "count": held_out.count,
        "priors": priors,
        "numbers": [score.to_json() for score in numbers],
        "classes": classes,
    }


COLUMNS = {  # columns of the table of classes: key → heading and format
    "pictures": ("pictures", "{}"),
    "variety": ("prior variety ÷ data", "{:.2f}"),
    "low": ("from", "{:.2f}"),
    "high": ("to", "{:.2f}"),
    "inside": ("change inside, of 255", "{:.1f}"),
    "outside": ("outside", "{:.2f}"),
    "locality": ("outside ÷ inside", "{:.3f}"),
    "look": ("encoded look, ΔE", "{:.1f}"),
}


def to_text(report: dict[str, Any]) -> str:
    """The report as Markdown: for each kind of label map a table of numbers and a table of classes."""
    lines = [f"{report['title']}, {report['fingerprint'][:12]}"]
    for section in (report[key] for key in ("scenes", "painted") if key in report):
        each = f", {section['priors']} sampled looks each" if section["priors"] > 1 else ""
        lines += ["", f"{section['count']} label maps: {section['source']}{each}", ""]
        lines += _markdown([["", "value", "95 %", "goal", ""], *map(_number, section["numbers"])])
        rows = [
            [row["name"], *(_cell(row.get(key), form) for key, (_, form) in COLUMNS.items())]
            for row in section["classes"]
        ]
        lines += ["", *_markdown([["class", *(heading for heading, _ in COLUMNS.values())], *rows])]
    return "\n".join(lines)


def _number(score: dict[str, Any]) -> list[str]:
    goal = str(Goal(**score["goal"])) if score["goal"] else ""
    if score["value"] is None:
        return [score["name"], "not measurable", score["reason"], goal, ""]
    form = "{:.3f}" if abs(score["value"]) < 0.1 else "{:.2f}" if abs(score["value"]) < 10 else "{:.1f}"
    interval = " … ".join(form.format(end) for end in score["interval"] or ())
    met = {True: "met", False: "**missed**", None: ""}[score["met"]]
    return [score["name"], form.format(score["value"]), interval, goal, met]


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _markdown(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table, the first row its heading; columns are padded, so that a terminal shows them too."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for i, row in enumerate(rows):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
        if i == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
