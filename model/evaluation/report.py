"""The report of an evaluation, as JSON and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from model.evaluation import survey
from model.evaluation.held_out import HeldOut
from model.evaluation.photo_scores import goals_of, photo_table, trained_on
from model.evaluation.scores import Facts, Goal, Score, class_table, painted_table, scene_table


def build_report(
    scenes: Facts, held_out: HeldOut, painted: Facts, drawn: HeldOut, protocol: tuple[int, int] | None = None
) -> dict[str, Any]:
    """The evaluation as JSON: facts of held-out scenes, and of painted maps where there are any.

    ``protocol`` is the number of pictures and of pairs by which diversity was measured, by default the world's.
    """
    checkpoint, goals = scenes.checkpoint, goals_of(held_out.prepared)
    pictures, pairs = protocol or survey.DIVERSITY
    numbers = scene_table(scenes) if held_out.prepared is None else photo_table(scenes, goals)
    report: dict[str, Any] = {
        "title": checkpoint.title,
        "fingerprint": checkpoint.fingerprint,
        "images": (checkpoint.record or {}).get("images"),
        "diversity": {
            "scenes": len(scenes.diversity),
            "classes": sum(map(len, scenes.diversity)),
            "n": pictures,
            "m": pairs,
            "seconds": round(scenes.diversity_seconds, 1),
        },
        "trained_on": trained_on(checkpoint.record),
        "scenes": _section(held_out, scenes.priors, numbers, class_table(scenes, scenes)),
    }
    if drawn.count:
        numbers = painted_table(painted, scenes, goals)
        report["painted"] = _section(drawn, painted.priors, numbers, class_table(painted, scenes))
    return report


def _section(held_out: HeldOut, priors: int, numbers: list[Score], classes: list[dict[str, Any]]) -> dict[str, Any]:
    """One kind of label map; ``priors`` is the number of sampled looks of each."""
    return {
        "source": held_out.source,
        "prepared": held_out.prepared,
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
    if report["scenes"]["prepared"]:
        lines += ["", *_remarks(report)]
    return "\n".join(lines)


def _remarks(report: dict[str, Any]) -> Iterator[str]:
    """Sentences on how the photos of a prepared set were measured."""
    trained, told = report["trained_on"], report["diversity"]
    if trained["perceptual"]:
        yield f"Training compared pictures by {trained['perceptual']}; its discriminator: {trained['discriminator']}."
    else:
        yield "The checkpoint's record does not say which features training compared."
    yield (
        f"mCSD and mOCD: {told['classes']} classes of {told['scenes']} label maps, {told['m']} random pairs of "
        f"{told['n']} pictures each, in {told['seconds']:.0f} seconds."
    )


def _number(score: dict[str, Any]) -> list[str]:
    goal = str(Goal(**score["goal"])) if score["goal"] else ""
    if score["value"] is None:
        return [score["name"], "not measurable", score["reason"], goal, ""]
    form = "{:.3f}" if abs(score["value"]) < 0.1 else "{:.2f}" if abs(score["value"]) < 10 else "{:.1f}"
    interval = " … ".join(form.format(end) for end in score["interval"] or ())
    met = {True: "met", False: "**missed**", None: ""}[score["met"]]
    remark = "; ".join(filter(None, (met, score["note"])))
    return [score["name"], form.format(score["value"]), interval, goal, remark]


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _markdown(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table, the first row its heading; columns are padded, so that a terminal shows them too."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for i, row in enumerate(rows):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
        if i == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
