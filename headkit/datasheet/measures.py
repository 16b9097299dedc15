"""Every number of the documents by name, with the command that makes it again from the dataset, its private file or the logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from headkit.datasheet import vocabulary
from headkit.datasheet.counting import CONFUSED, KINDS, NAMING, RATES, Facts
from headkit.datasheet.logs import Logs, hours, short, thousandth
from headkit.datasheet.markup import flat, number, plain, table
from headkit.formats.census import HEAD_HEIGHTS
from headkit.formats.documents import Packed

Rows = list[tuple[str, ...]]
# jq filters: from an entry of `made` to its name in words, and to the entries in it that name a model.
_NAMED = f'[.key, (.value | {", ".join("." + name for name in NAMING)})] | map(select(type == "string")) | join(" ")'
_INNER = (
    '(.key as $tool | .value | to_entries[] | select((.value | type) == "object" '
    'and (.value | has("model") or has("name"))) | .key = $tool + "." + .key)'
)


@dataclass(frozen=True)
class Measure:
    """Numbers that one command prints, as lines of cells with tabs between them, in any order."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: Rows
    command: str

    def section(self) -> str:
        """Its part of the list of numbers: the table, and the command."""
        shown = [tuple(plain(cell) for cell in row) for row in self.rows]
        return "\n".join(
            (
                f'<a id="{self.name}"></a>',
                "",
                f"### {self.title}",
                "",
                table(self.header, shown),
                "",
                "```sh",
                self.command,
                "```",
                "",
            )
        )


@dataclass
class Measures:
    """All numbers of one dataset, in the order in which they are listed."""

    facts: Facts
    logs: Logs
    packed: Packed
    known: dict[str, Measure] = field(default_factory=dict)

    def count(self, name: str, value: str) -> int:
        """How many; 0 of what was not seen."""
        return self.facts.counts[name][value] if name in self.facts.counts else 0

    def total(self, name: str) -> int:
        """All that was counted under a name."""
        return sum(self.facts.counts[name].values()) if name in self.facts.counts else 0

    @property
    def total_left_out(self) -> int:
        """Records that pack read and did not pack."""
        return sum(self.packed.census.left_out.values())

    @property
    def untold(self) -> int:
        """Images of which no record says that a computer made them (`generated`)."""
        return max(self.packed.census.images - self.total("models"), 0)

    def say(self, name: str, value: float | str) -> str:
        """A number as a link to where it comes from; without one where it is not listed (of nothing)."""
        shown = value if isinstance(value, str) else number(value)
        return f"[{shown}](#{name})" if name in self.known else shown

    def told(self, name: str, most: int = 12) -> str:
        """The values of a count with their numbers, the largest first: `a` (3), `b` (1)."""
        found = sorted(self.facts.counts[name].items(), key=lambda each: (-each[1], each[0]))
        shown = [f"{plain(value, 80)} ({self.say(name, count)})" for value, count in found[:most]]
        if len(found) > most:
            shown.append(f"{len(found) - most} more")
        return ", ".join(shown)


def gather(facts: Facts, logs: Logs, packed: Packed, published: Sequence[str]) -> Measures:
    """All measures of a dataset. `published` are the fields that samples may have beside id and heads."""
    found = Measures(facts, logs, packed)
    for measure in (*_of_samples(found, published), *_of_index(packed), *_of_logs(logs)):
        if measure.rows:
            found.known[measure.name] = measure
    return found


def _counted(counts: Counter[str], order: Sequence[str] = ()) -> Rows:
    """Rows of (count, value): as `order` has the values, what is not in it behind, the largest first."""
    at = {value: place for place, value in enumerate(order)}
    values = sorted(counts, key=lambda value: (at.get(value, len(at)), -counts[value], value))
    return [(str(counts[value]), flat(value)) for value in values if counts[value]]


def _of_samples(found: Measures, published: Sequence[str]) -> list[Measure]:
    counts, listed = found.facts.counts, []
    packed = found.packed

    def add(
        name: str,
        title: str,
        what: tuple[str, str],
        source: str,
        jq: str,
        order: Sequence[str] = (),
    ) -> None:
        if name in counts:
            rows = _counted(counts[name], order)
            listed.append(Measure(name, title, what, rows, f"{source} | jq -r '{jq}' | count"))

    def place(field: str) -> str:
        return "labels" if field in published else 'cat "$private"'

    images = counts["images"]["images"] if "images" in counts else 0
    listed.append(Measure("images", "Images", ("images",), [(str(images),)], "labels | wc -l"))
    heads = sum(
        int(value) * count
        for value, count in counts["heads-per-image"].items()
        if value.isdecimal()
    )
    command = "labels | jq -c '.heads[]' | wc -l"
    listed.append(Measure("heads", "Heads", ("heads",), [(str(heads),)], command))
    longest = [str(many) for many in range(400)]
    add(
        "heads-per-image",
        "Heads of an image",
        ("images", "heads"),
        "labels",
        ".heads | length",
        longest,
    )
    add(
        "sizes", "Sizes of images", ("images", "width x height in pixels"),
        place("width") if place("width") == place("height") else "rows",
        r'"\(.width) x \(.height)"',
    )  # fmt: skip
    kinds = ", ".join(f'(select(.{kind} != null) | "{kind}")' for kind in KINDS)
    add("labels", "Labels of heads", ("heads", "that have"), "labels", f".heads[] | {kinds}", KINDS)
    add("ignored", "Heads to ignore", ("heads", "why"), "labels", ".heads[].ignore // empty")
    heights = vocabulary.banded_in_jq(HEAD_HEIGHTS, vocabulary.HEIGHT_BANDS)
    add(
        "heights", "Heights of heads", ("heads", "height of the box"), "labels",
        f".heads[].box // empty | .[3] - .[1] | {heights}", vocabulary.HEIGHT_BANDS,
    )  # fmt: skip
    add(
        "yaws", "Yaw of heads", ("heads", "degrees"), "labels",
        f".heads[].pose.yaw // empty | {vocabulary.YAW_IN_JQ}", vocabulary.YAW_BANDS,
    )  # fmt: skip
    bands = vocabulary.banded_in_jq(vocabulary.VISIBILITIES, vocabulary.VISIBILITY_BANDS)
    add(
        "visibility", "Visible share of heads", ("heads", "share that is seen"), "labels",
        f".heads[].visibility // empty | {bands}", vocabulary.VISIBILITY_BANDS,
    )  # fmt: skip
    add(
        "fits", "Fits of the 3D head", ("heads", "the solver"), "labels",
        '.heads[].fit.converged | select(. != null) | if . then "converged" else "not converged" end',
    )  # fmt: skip
    add(
        "reviews",
        "Heads that a person looked at",
        ("heads", "verdict"),
        "labels",
        ".heads[].review // empty",
    )
    add("fields", "Fields of the labels", ("images", "field"), "labels", "keys_unsorted[]")
    add(
        "scores", "Scores", ("images", "score"), place("scores"),
        '.scores // {} | to_entries[] | select(.value | type == "number") | .key',
    )  # fmt: skip
    for name, highest in sorted(found.facts.highest.items()):
        command = f"{place('scores')} | jq '.scores.{name} // empty | . + 0' | LC_ALL=C sort -g | tail -n 1"
        listed.append(
            Measure(
                f"highest-{name}",
                f"Highest score of {name}",
                ("score",),
                [(short(highest),)],
                command,
            )
        )
    add(
        "sources", "Where poses came from", ("images", "source"), 'cat "$private"',
        '.source | if . == null or . == {} then "not told" elif .sampler == null then "from a photo" '
        'elif .sampler != "copies" then "drawn by sampler \\(.sampler)" '
        'elif .original then "drawn by sampler \\(.original), varied" '
        'elif .sha256 then "from a photo" else "copied from poses of which nothing is told" end',
    )  # fmt: skip
    add(
        "models", "What made the images", ("images", "model"), place("generated"),
        '.generated // empty | .model + (if .preset then ", preset " + .preset else "" end)',
    )  # fmt: skip
    add(
        "made", "Tools, models and digests of their weights", ("images", "tool, version, model"), place("made"),
        f".made // {{}} | to_entries[] | (., {_INNER}) | {_NAMED}",
    )  # fmt: skip
    add(
        "weights", "Weights of image models", ("images", "part, name, revision"), place("generated"),
        f".generated.weights // {{}} | to_entries[] | {_NAMED}",
    )  # fmt: skip
    add(
        "identity-rates", "How faces were compared", ("images", "threshold and rates"), place("made"),
        f'.made.score.identity // empty | {{{", ".join(RATES)}}} | walk(if type == "number" then . + 0 else . end) | tojson',
    )  # fmt: skip
    add(
        "cluster",
        "Images with a near-twin in the set",
        ("images", "has one"),
        place("cluster"),
        '.cluster // empty | "yes"',
    )
    add(
        "accepted", "Asked against found", ("images", "label"), place("label"),
        '.label.accepted | select(. != null) | if . then "accepted" else "not accepted" end',
    )  # fmt: skip
    add(
        "head-counts", "Numbers of heads asked for and found", ("images", "heads"), place("label"),
        '.label.head_count // empty | "\\(.asked) asked, \\(.found) found"',
    )  # fmt: skip
    for name in vocabulary.GROUPED:
        words = vocabulary.attribute_in_jq(name)
        order = vocabulary.order(name)
        add(
            f"asked-{name}", f"People asked for, by {name}", ("people", name), place("poses"),
            f".poses[]?.attributes.{name} | {words}", order,
        )  # fmt: skip
        add(
            f"apparent-{name}", f"Heads {_shown_as(packed)}, by {name}", ("heads", name), "labels",
            f".heads[].attributes.{name} | {words}", order,
        )  # fmt: skip
    for name in CONFUSED:
        words = vocabulary.attribute_in_jq(name)
        order = vocabulary.order(name)
        add(
            f"confusion-{name}", f"{name.capitalize()}: asked for, and {_shown_as(packed)}",
            ("heads", f"asked for \\| {_shown_as(packed)}"), "rows",
            f'{_pairs(packed.labels)} | map(.{name}) | [(.[0] | {words}), (.[1] | {words})] | select(length == 2) | join(" | ")',
            [f"{one} | {two}" for one in order for two in order],
        )  # fmt: skip
    return listed


def _shown_as(packed: Packed) -> str:
    return "drawn" if packed.labels == "truth" else "found"


def _pairs(labels: str) -> str:
    """A jq filter from a record to [asked, apparent] attributes of each head."""
    if labels == "truth":
        return '. as $r | .heads[] | select(.person | type == "number") | [$r.poses[.person].attributes, .attributes]'
    return (
        ". as $r | (.target // .truth).heads as $asked | .label.heads[]? | select(.asked != null and .found != null) "
        "| [$asked[.asked].attributes, $r.heads[.found].attributes]"
    )


def _of_index(packed: Packed) -> list[Measure]:
    parts: Rows = [(str(count), name) for name, count in (packed.splits | packed.subsets).items()]
    left_out: Rows = [(str(count), why) for why, count in sorted(packed.census.left_out.items())]
    command = "jq -r '{} | to_entries[] | \"\\(.value)\\t\\(.key)\"' index.json"
    return [
        Measure("parts", "Splits and subsets", ("images", "part"), parts, command.format("(.splits + .subsets)")),
        Measure("left-out", "Records left out by pack", ("records", "why"), left_out, command.format(".left_out")),
    ]  # fmt: skip


def _of_logs(logs: Logs) -> list[Measure]:
    runs = [
        (
            tool,
            *(str(getattr(logs.runs[tool], name)) for name in ("runs", "read", "out", "dropped", "failed")),
            hours(logs.runs[tool].seconds),
        )
        for tool in logs.tools
    ]  # fmt: skip
    sums = ", ".join(
        f"(map(.checkpoint.counts.{name}) | add)" for name in ("read", "out", "dropped", "failed")
    )
    every = 'jq -s -r \'map(select(.tool != "pack"))'
    files = '"$log"/*.run.json'
    reasons = (
        'cat "$log"/*.dropped | jq -r \'.dropped | .tool + ": " + (if .tool != "dedupe" then .reason '
        'elif .threshold == null then "copy" else "near-twin (\\(.threshold))" end)\' | count'
    )
    listed = [
        Measure(
            "runs", "Runs of the tools", ("tool", "runs", "records read", "written", "dropped", "failed", "hours"), runs,
            f"{every} | group_by(.tool)[] | [.[0].tool, length, {sums}, ((map(.seconds) | add) / 3.6 | round / 1000)] "
            f"| @tsv' {files}",
        ),
        Measure(
            "hours", "Hours of all runs", ("hours",), [(hours(logs.seconds),)] if runs else [],
            f"{every} | group_by(.tool) | map(map(.seconds) | add) | add / 3.6 | round / 1000' {files}",
        ),
        Measure(
            "period", "From the first run to the last", ("began", "ended"), [(logs.began, logs.ended)] if runs else [],
            f"{every} | [(map(.started) | min), (map(.saved) | max)] | @tsv' {files}",
        ),
        Measure("reasons", "Why records were dropped", ("records", "tool: reason"), _counted(logs.reasons), reasons),
    ]  # fmt: skip
    for name in vocabulary.GROUPED:
        counts: Counter[str] = Counter()
        for (tool, attribute), words in logs.rejected.items():
            if attribute == name:
                counts.update({f"{tool}: {word}": count for word, count in words.items()})
        listed.append(
            Measure(
                f"rejected-{name}", f"People in dropped records, by {name}", ("people", "tool: word"), _counted(counts),
                f"cat \"$log\"/*.dropped | jq -r '.dropped.tool as $tool | .poses[]?.attributes.{name} "
                f"| {vocabulary.attribute_in_jq(name)} | \"\\($tool): \\(.)\"' | count",
            )
        )  # fmt: skip
    listed.append(_errors(logs))
    return listed


_ERRORS = (
    ("recall", None),
    ("ap50", None),
    ("nme_box", "median"),
    ("geodesic", "median"),
    ("geodesic", "p95"),
)


def _errors(logs: Logs) -> Measure:
    """Errors of the labels as `eval --json` measured them."""
    rows = []
    for row in logs.evaluated:
        cells = [str(row["group"]), str(row.get("heads", "-"))]
        for name, inner in _ERRORS:
            value: Any = row.get(name)
            value = value.get(inner) if inner and isinstance(value, dict) else value
            cells.append(thousandth(value) if vocabulary.is_number(value) else "-")
        rows.append(tuple(cells))
    told = ", ".join(
        f'(.{name}{f"?.{inner}" if inner else ""} | if type == "number" then . * 1000 | round / 1000 else "-" end)'
        for name, inner in _ERRORS
    )
    header = ("heads", "how many", "recall", "AP50", "NME of landmarks, median (%)", "rotation error, median (degrees)", "rotation error, 95% (degrees)")  # fmt: skip
    command = f'cat "$log"/eval*.jsonl | jq -r \'[.group, .heads // "-", {told}] | @tsv\''
    return Measure("errors", "Errors of labels against truth", header, rows, command)


def preamble(measures: Measures, published: Sequence[str]) -> str:
    """The shell functions that the commands use: `labels`, `rows`, `count`."""
    packed = measures.packed
    count = r"count() { LC_ALL=C sort | uniq -c | sed -E 's/^ *([0-9]+) /\1\t/'; }"
    lines = [
        'private=../$(basename "$PWD").private.jsonl   # what pack did not publish',
        "log=LOG   # the folder of --log",
    ]
    tars = [layout for layout in packed.layouts if layout.name == "webdataset"]
    names = list(packed.splits) or ["heads"]
    if tars:
        shards = " ".join(f"{tars[0].output.prefix}{name}-*.tar" for name in names)
        lines.append(
            f"labels() {{ for tar in {shards}; do tar -xOf \"$tar\" --wildcards '*.json'; done | jq -c .; }}"
        )
        lines.append(
            "rows() { { jq -c '[.id, 1, .]' \"$private\"; labels | jq -c '[.id, 2, .]'; } | LC_ALL=C sort | jq -c -n 'foreach inputs "
            "as $x (null; if $x[1] == 1 then {kept: $x} elif .kept[0] == $x[0] then {kept: .kept, row: (.kept[2] + $x[2])} "
            'else error("not in the private file: " + $x[0]) end; .row // empty)\'; }'
        )
    else:
        heads = " | .heads = .truth.heads" if packed.labels == "truth" else ""
        marked = measures.count("fields", "published_sha256")
        heads += ' | .published_sha256 = "of the marked copy"' if marked else ""
        keys = ("schema", "id", "published_sha256", "labels", "heads", *published)
        fields = ",".join(f'"{name}"' for name in keys)
        lines.append("manifest=MANIFEST   # the records that pack read")
        lines.append(
            'rows() { jq -c -n --slurpfile kept "$private" \'(reduce $kept[].id as $id ({}; .[$id] = 1)) as $kept | inputs '
            f'| select($kept[.id]) | .schema = 1 | .labels = "{packed.labels}"{heads}\' "$manifest"; }}'
        )
        lines.append(f"labels() {{ rows | jq -c 'with_entries(select(.key | IN({fields})))'; }}")
    return "\n".join((*lines, count))
