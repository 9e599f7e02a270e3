"""Say what was measured: as a table, as JSON, and as a picture."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment

from .measure import NOISY, Measured, ratio
from .servers import ROOT

#: The README holds the last run that was written down between these.
_BEGIN, _END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"

#: Drawn here: a chart of bars is a rectangle and two texts a line. matplotlib would bring 60 MB for it, and pygal puts
#: a hook into every import of the process that warns since Python 3.10.
_PICTURE = Environment(autoescape=True, trim_blocks=True).from_string(
    """<svg xmlns="http://www.w3.org/2000/svg" width="880" height="{{ 64 + 26 * lines | length }}" \
font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="22" font-size="15">Processor time for a request, in microseconds</text>
{% for line in lines %}
<g transform="translate(0 {{ 36 + 26 * loop.index0 }})">
<text x="250" y="15" text-anchor="end">{{ line.name }}</text>
<rect x="258" y="2" width="{{ "%.1f" % (540 * line.cpu / most) }}" height="18" fill="#2f6f9f"/>
<text x="{{ "%.1f" % (264 + 540 * line.cpu / most) }}" y="15">{{ "%.0f" % line.cpu }}</text>
</g>
{% endfor %}
<text x="10" y="{{ 54 + 26 * lines | length }}" font-size="11" fill="#555">{{ machine }}</text>
</svg>
"""
)


@dataclass(frozen=True)
class Line:
    """One line of the table. Times in microseconds of processor time a request, latencies in milliseconds."""

    name: str
    cpu: float | None
    ratio: float | None
    p50: float | None
    p99: float | None
    rate: float | None
    budget: str = ""
    verdict: str = ""

    @property
    def broken(self) -> bool:
        return "BROKEN" in self.verdict


@dataclass(frozen=True)
class Result:
    """One run.

    :param noise: by how much the control differs from what it controls.
    :param compared_with: what ratios are of.
    """

    lines: Sequence[Line]
    noise: float
    notes: Sequence[str]
    compared_with: str = "the pixel"

    @property
    def noisy(self) -> bool:
        return self.noise > NOISY

    @property
    def kept(self) -> bool:
        return not any(line.broken for line in self.lines)


def line(measured: Measured, all_measured: dict[str, Measured], noise: float) -> Line:
    """Return the line of a case, judged by its budget. A ratio is given the noise of the run."""
    budget = measured.case.budget
    times = ratio(measured, all_measured["pixel alone"])
    p99 = measured.percentile(99)
    bounds, broken = [], []
    if budget.ratio is not None:
        told = times if budget.of == "pixel alone" else ratio(measured, all_measured[budget.of])
        bounds.append(f"{budget.ratio:g}x {budget.of}")
        broken.append(told > budget.ratio * (1 + noise))
    if budget.micros is not None:
        bounds.append(f"{budget.micros:g} us")
        broken.append(measured.cpu > budget.micros)
    if budget.p99 is not None:
        bounds.append(f"p99 {budget.p99:g} ms")
        broken.append(p99 > budget.p99)
    verdict = ("BROKEN" if any(broken) else "kept") if bounds else ""
    return Line(
        measured.case.name,
        measured.cpu,
        times,
        measured.percentile(50),
        p99,
        measured.rate,
        ", ".join(bounds),
        verdict,
    )


def bound(name: str, found: float, limit: float, unit: str) -> Line:
    """Return the line of a single figure with a bound."""
    verdict = "kept" if found <= limit else "BROKEN"
    return Line(f"{name}: {found:.3g} {unit}", None, None, None, None, None, f"{limit:g} {unit}", verdict)


def table(result: Result) -> str:
    """Return the table in Markdown."""
    rows = [
        f"| request | CPU, us | of {result.compared_with} | p50, ms | p99, ms | answers/s | budget | |",
        "|---|--:|--:|--:|--:|--:|---|---|",
    ]
    for each in result.lines:
        cells = [
            each.name,
            _number(each.cpu, ".1f"),
            _number(each.ratio, ".2f"),
            _number(each.p50, ".1f"),
            _number(each.p99, ".1f"),
            _number(each.rate, ".0f"),
            each.budget,
            each.verdict,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, "", *result.notes])


def machine() -> str:
    """Return what was measured where and when, in one line."""
    processor = next(
        (text.partition(":")[2].strip() for text in _lines("/proc/cpuinfo") if text.startswith("model name")), "?"
    )
    when = datetime.now(UTC).strftime("%-d %B %Y, %H:%M UTC")
    count = os.cpu_count()
    return f"{when}, commit {_commit()}, Python {platform.python_version()}, {count} x {processor}"


def busy() -> float:
    """Return how many processes wanted a processor in the last minute."""
    return os.getloadavg()[0]


def write(result: Result, folder: Path, name: str) -> None:
    """Write a result as JSON and as a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {
        "machine": machine(),
        "noise": result.noise,
        "noisy": result.noisy,
        "notes": list(result.notes),
        "lines": [asdict(each) for each in result.lines],
    }
    (folder / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    (folder / f"{name}.svg").write_bytes(picture(result))


def picture(result: Result) -> bytes:
    """Return the processor time of each kind of request as bars (SVG), the cheapest on top."""
    shown = sorted((each for each in result.lines if each.cpu is not None), key=lambda each: each.cpu or 0)
    return _PICTURE.render(lines=shown, most=shown[-1].cpu, machine=machine()).encode()


def document(result: Result) -> None:
    """Put a result into the README, in the place of the one before."""
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    told = f"{table(result)}\n\n{machine()}.\n"
    readme.write_text(f"{before}{_BEGIN}{told}{_END}{after}", "utf-8")
    (ROOT / "docs" / "bench.svg").write_bytes(picture(result))


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _lines(path: str) -> Iterator[str]:
    file = Path(path)
    yield from file.read_text("utf-8").splitlines() if file.exists() else ()


def _commit() -> str:
    call = ["git", "rev-parse", "--short", "HEAD"]
    told = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"
