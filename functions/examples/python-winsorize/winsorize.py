"""Winsorize: pull the outliers of a CSV column in to its quantiles. A Millstream function in plain Python."""

import csv
import io
import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import inputs, outputs, report
from wit_world.imports.report import Level
from wit_world.imports.types import (
    Channel,
    Direction,
    Failure_InvalidInput,
    Failure_InvalidParameter,
    InvalidInput,
    InvalidParameter,
    Kind,
    Manifest,
    MetricSpec,
    Output,
    Summary,
)

PARAMETERS = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["column"],
    "properties": {
        "column": {"type": "string", "description": "The numeric column whose outliers are pulled in."},
        "lower": {
            "type": "number", "minimum": 0, "maximum": 1, "default": 0.05,
            "description": "Quantile below which values are raised to it.",
        },
        "upper": {
            "type": "number", "minimum": 0, "maximum": 1, "default": 0.95,
            "description": "Quantile above which values are lowered to it.",
        },
    },
}


class About(exports.About):
    def describe(self) -> Manifest:
        return Manifest(
            name="python-winsorize",
            version="1.0.0",
            summary="Pulls the outliers of a CSV column in to its quantiles.",
            description="Values below the `lower` quantile become that quantile, values above `upper` that one. "
            "Empty cells stay empty. Written in plain Python as an example.",
            channels=[Channel("csv", "CSV with a header.", Kind.FILE, True, [])],
            outputs=[Output("csv", "The same rows.", Kind.FILE, "text/csv", True, None)],
            metrics=[MetricSpec("changed", "Values that were pulled in.", Direction.NEITHER)],
            parameters=json.dumps(PARAMETERS),
        )


class Job(exports.Job):
    def run(self, params: str) -> Summary:
        params = json.loads(params)
        column, lower, upper = params["column"], params.get("lower", 0.05), params.get("upper", 0.95)
        if lower >= upper:
            raise Err(Failure_InvalidParameter(
                InvalidParameter("lower", f"{lower} is not below `upper`", f"0 to {upper}")
            ))
        header, rows = read_all()
        if column not in header:
            raise invalid(f"no such column; there are: {', '.join(header)}", column=column)
        at = header.index(column)
        values = [number(row[at], index + 1, column) for index, row in enumerate(rows)]
        present = sorted(value for value in values if value is not None)
        if not present:
            raise invalid("every value is missing", column=column)
        low, high = quantile(present, lower), quantile(present, upper)
        report.log(Level.INFO, f"`{column}` is kept within {low:g} and {high:g}")
        changed = 0
        for row, value in zip(rows, values):
            if value is not None and not low <= value <= high:
                row[at] = repr(min(max(value, low), high))
                changed += 1
        write_all(header, rows)
        return Summary(f"pulled in {changed} of {len(present)} values of `{column}`", [("changed", float(changed))])


def invalid(message, part=None, row=None, column=None):
    return Err(Failure_InvalidInput(InvalidInput(message, "csv", part, row, column)))


def read_all():
    """The header and all rows of all parts."""
    header, rows = None, []
    for index, part in enumerate(inputs.parts("csv")):
        content = bytearray()
        with inputs.open("csv", index) as reader:
            while chunk := reader.read(1 << 20):
                content += chunk
        try:
            lines = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
            first = next(lines, None)
            if first is None:
                raise invalid("the file is empty; a header was expected", part.name)
            if header is not None and first != header:
                raise invalid("its header differs from the first part's", part.name)
            header = first
            for row in lines:
                if len(row) != len(header):
                    message = f"{len(row)} fields; the header has {len(header)}"
                    raise invalid(message, part.name, len(rows) + 1)
                rows.append(row)
        except (UnicodeDecodeError, csv.Error) as error:
            raise invalid(str(error), part.name)
        report.progress(index + 1, len(inputs.parts("csv")))
    if header is None:
        raise invalid("there are no parts")
    return header, rows


def write_all(header, rows):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    content = text.getvalue().encode("utf-8")
    with outputs.create("csv", "winsorized.csv", "text/csv") as part:
        for start in range(0, len(content), 1 << 20):
            part.write(content[start : start + (1 << 20)])
        part.finish()


def number(cell, row, column):
    """The cell's value, or None if it is empty."""
    if not cell.strip():
        return None
    try:
        value = float(cell)
    except ValueError:
        raise invalid(f"{cell!r} is not a number", row=row, column=column)
    if value != value or value in (float("inf"), float("-inf")):
        raise invalid(f"{cell!r} is not a finite number", row=row, column=column)
    return value


def quantile(ordered, q):
    """Linear interpolation between the two nearest ranks, as NumPy does by default."""
    place = q * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
