"""The documents of pack: every number comes again by its command, and nothing is said that nobody measured."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from packs import DOCUMENTS, answered, killed_pack, pack, records_in, tree

from headkit.datasheet import about, counting
from headkit.datasheet.markup import OPEN, paragraphs, plain
from headkit.datasheet.questions import SECTIONS
from headkit.datasheet.terms import Terms, chosen
from headkit.status import BAD_INPUT, NO_INPUT, USAGE, Stop

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
SECTION = re.compile(
    r'<a id="(.*?)"></a>\n\n### .*?\n\n\| .*? \|\n\| --- .*?\|\n(.*?)\n\n```sh\n(.*?)\n```',
    re.DOTALL,
)
RATES = {"false_match_rate": [0.00001, 0.0, 0.25], "true_match_rate": "not measured"}
MADE = {
    "generate": {"headkit": "0.1.0", "model": "headkit", "sha256": "f5b46b76adfbe11f"},
    "score": {
        "headkit": "0.1.0",
        "nsfw": {"model": "LAION safety concepts"},
        "identity": {"model": "faces.onnx", "gallery": "source photos", "threshold": 0.31, **RATES},
    },
}
WEIGHTS = {"base": {"name": "a/b", "revision": "abc", "sha256": {"x": "0"}}}
ORIGINS = ("african", "european", "european", "east asian")


def person(number):
    return {
        "sex": ("female", "male")[number % 2],
        "age": 7 + 13 * number,
        "origin": ORIGINS[number % 4],
        "headwear": ("none", "headscarf", "none")[number % 3],
    }


def demo(folder, **fields):
    """Six records as the tools before leave them, with heads that show almost what was asked for."""
    made = []
    for number, record in enumerate(records_in(folder)):
        people = [person(2 * number), person(2 * number + 1)]
        drawn = [{**each, "origin": "european"} if number == 3 else each for each in people]
        heads = [
            {
                **head,
                "pose": {"yaw": -170.0 + 50.5 * number},
                "visibility": 0.15 * number,
                "attributes": drawn[at],
                "person": at,
            }
            for at, head in enumerate(record["truth"]["heads"])
        ]
        made.append(
            {
                **record,
                "source": {"sampler": "prior", "index": number},
                "poses": [{"attributes": each} for each in people],
                "generated": {"model": "render", "seed": 0}
                | ({"weights": WEIGHTS} if number == 5 else {}),
                "scores": {"nsfw": 0.01 * number, "flip": 1.0},
                "made": MADE,
                "truth": {"heads": heads[: 1 + number % 2]},
                **fields,
            }
        )
    return made


def test_images_that_nobody_calls_generated_are_not_called_synthetic(tmp_path):
    rows = demo(tmp_path)
    del rows[0]["generated"], rows[1]["generated"]
    pack(tmp_path, rows)
    card, sheet = text_of(tmp_path / "out", "README.md"), text_of(tmp_path / "out")
    assert "do not exist**" not in card
    assert "**Not all is known to be synthetic**: 2 of 6 images" in card
    assert f"{OPEN} Who is in the images that no computer made?" in sheet
    assert "Pixels were made by a computer" not in sheet
    croissant = json.loads(text_of(tmp_path / "out", "croissant.json"))
    assert "2 of 6 images" in croissant["description"]


def test_the_card_lists_the_scores_that_are_there(tmp_path):
    pack(tmp_path, demo(tmp_path), fields="width,height,scores")
    card = text_of(tmp_path / "out", "README.md")
    listed = re.findall(r"^- `scores\.(\w+)`", card, re.MULTILINE)
    assert listed == ["flip", "nsfw"]


TWIN = {"made": {**MADE, "dedupe": {"headkit": "0.1.0"}}}


@pytest.mark.parametrize("mark", [TWIN, {"cluster": "row-0"}, {}])
def test_records_and_ledgers_without_a_run_file_show_that_dedupe_ran(tmp_path, mark):
    logs = tmp_path / "logs"
    logs.mkdir()
    if not mark:
        why = {"tool": "dedupe", "reason": "copy of row-1"}
        (logs / "unique.jsonl.dropped").write_text(json.dumps({"id": "x", "dropped": why}))
    pack(tmp_path, [{**row, **mark} for row in demo(tmp_path)], log=logs)
    assert "Near-duplicates were looked for by `headkit dedupe`." in text_of(tmp_path / "out")


def test_what_no_run_file_tells_is_not_denied(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    run_file(logs, "generate", read=6, out=6)
    pack(tmp_path, demo(tmp_path), log=logs)
    sheet = text_of(tmp_path / "out")
    assert "Whether near-duplicates were looked for is not known" in sheet
    assert "of `score` there is no run file in the folder of `--log` (with `-o FILE`" in sheet
    assert "only the last run is told" in sheet
    assert "No run of a tool that is known here dropped a record." in sheet
    assert "then tools dropped" not in sheet
    assert "went through `generate` and `score`, then `pack`" in sheet


def test_fields_that_some_images_have_are_told_as_such(tmp_path):
    rows = demo(tmp_path)
    for row in rows[2:]:
        del row["scores"]
    pack(tmp_path, rows, fields="width,height,scores")
    sheet = text_of(tmp_path / "out")
    assert (
        "Fields that only some images have: `scores`, which [2](#fields) of [6](#images) images have."
        in sheet
    )
    assert (
        "Of the [9](#heads) heads [9](#labels) lack landmarks and [9](#labels) lack 3D parameters."
        in sheet
    )


def test_photos_of_which_no_record_tells_the_license_are_answered_for_by_the_maker(tmp_path):
    rows = demo(tmp_path, source={"sha256": "0"})
    pack(tmp_path, rows, about=answered(tmp_path), license="cc-by-4.0")
    assert OPEN not in "".join(text_of(tmp_path / "out", name) for name in DOCUMENTS)
    (tmp_path / "about.toml").write_text('[sources]\nlicense = "CC BY 2.0, each by hand."\n')
    pack(tmp_path, rows, about=str(tmp_path / "about.toml"), license="cc-by-4.0")
    for name in ("LICENSES.md", "DATASHEET.md"):
        assert "CC BY 2.0, each by hand." in text_of(tmp_path / "out", name)


@needs_jq
def test_a_copy_of_a_pose_of_a_photo_is_of_a_photo(tmp_path):
    rows = demo(tmp_path)
    copy = {"sampler": "copies", "from": "x", "copy": 0}
    sources = (
        {**copy, "sha256": "ab" * 32, "license": "cc-by-nc-4.0"},
        {**copy, "original": "prior"},
        copy,
        {"sha256": "cd" * 32},
    )
    pack(tmp_path, [{**row, "source": source} for row, source in zip(rows, sources, strict=False)])
    sheet = (tmp_path / "out/DATASHEET.md").read_text()
    assert "From nobody" not in sheet
    for row in (
        "| 2 | from a photo |",
        "| 1 | drawn by sampler prior, varied |",
        "| 1 | copied from poses of which nothing is told |",
    ):
        assert row in sheet
    told, counted = told_and_counted(tmp_path / "out", only=["sources"])["sources"]
    assert told == counted
    assert "| `cc-by-nc-4.0` | 1 |" in (tmp_path / "out/LICENSES.md").read_text()
    with pytest.raises(Stop, match="cc-by-nc"):
        pack(tmp_path, [{**rows[0], "source": sources[0]}], license="cc-by-4.0")


def run_file(folder, tool, read, out, dropped=0, seconds=3600.0, **options):
    counts = {"read": read, "out": out, "dropped": dropped, "failed": 0}
    kept = {
        "tool": tool,
        "options": options,
        "started": f"2026-01-0{len(tool) % 9 + 1}T00:00:00Z",
        "saved": "2026-02-01T10:00:00Z",
        "seconds": seconds,
        "device": "cpu",
        "libraries": {"numpy": "2.4.6"},
        "checkpoint": {"counts": counts},
    }
    (folder / f"{tool}.run.json").write_text(json.dumps(kept))


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    run_file(folder, "pose-sample", 20, 20, seconds=1.0, ages="2-90", key="/home/me/headkit.key")
    run_file(folder, "filter", 20, 9, 11, keep="scores.flip > 0.9")
    run_file(folder, "dedupe", 9, 8, 1, seconds=12345.6)
    why = {"tool": "filter", "reason": "scores.flip > 0.9", "score": 0.1, "threshold": 0.9}
    dropped = [
        {"id": f"d{n}", "poses": [{"attributes": person(2 * n)}], "dropped": why} for n in range(11)
    ]
    rows = "".join(json.dumps(row) + "\n" for row in dropped)
    (folder / "filter.dropped").write_text(rows)
    twin = {"tool": "dedupe", "reason": "cosine 0.99 with row-1", "score": 0.99, "threshold": 0.95}
    (folder / "dedupe.dropped").write_text(json.dumps({**dropped[0], "id": "t", "dropped": twin}))
    measured = {"group": "all", "heads": 42, "recall": 0.95123, "geodesic": {"median": 4.0004}}
    (folder / "eval.jsonl").write_text(json.dumps(measured))
    return folder


def text_of(folder, name="DATASHEET.md"):
    return (folder / name).read_text()


def told_and_counted(folder, only=None, **places):
    """{name: (rows that the datasheet tells, rows that its command prints)}, by one shell."""
    numbers = text_of(folder).split("## Where the numbers come from")[1]
    script = re.search(r"```sh\n(.*?)\n```", numbers, re.DOTALL)[1] + "\n"
    for name, place in places.items():
        script = re.sub(rf"^{name}=\S+", f"{name}={place}", script, flags=re.MULTILINE)
    for name in ("labels", "rows"):  # once, and not for each number
        script += f"{name} > ../{name}.txt\n{name}() {{ cat ../{name}.txt; }}\n"
    told = {}
    for name, table, command in SECTION.findall(numbers):
        if only is not None and name not in only:
            continue
        rows = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in table.split("\n")]
        told[name] = sorted(
            "\t".join(html.unescape(re.sub(r"\\(.)", r"\1", cell)) for cell in row) for row in rows
        )
        script += f"echo '@ {name}'\n{command}\n"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert not done.stderr
    found = {}
    for part in done.stdout.split("@ ")[1:]:
        name, _, lines = part.partition("\n")
        found[name] = sorted(lines.rstrip("\n").split("\n"))
    return {name: (rows, found[name]) for name, rows in told.items()}


@needs_jq
def test_every_number_comes_again_by_its_command(tmp_path, logs):
    records = demo(tmp_path)
    records[2]["error"] = {"tool": "generate", "kind": "screened", "message": "left out"}
    pack(tmp_path, records, log=logs, split="train=4,val=1", fields="width,height,scores")
    both = told_and_counted(tmp_path / "out", log=logs)
    assert {
        "images",
        "heads",
        "yaws",
        "made",
        "confusion-origin",
        "runs",
        "reasons",
        "errors",
    } <= set(both)
    for name, (told, counted) in both.items():
        assert told == counted, name
    assert "1\teast asian | european" in both["confusion-origin"][0]
    assert both["left-out"][0] == ["1\terror in an earlier tool"]
    assert both["highest-nsfw"][0] == ["0.05"]


@needs_jq
def test_where_labels_are_not_in_the_folder_numbers_come_from_the_manifest(tmp_path):
    records = demo(tmp_path)
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(record) + "\n" for record in records))
    pack(tmp_path, [*records[1:], {"id": "x", "image": "none.png"}], format="coco")
    only = {"images", "heads", "heights", "fields", "asked-sex", "confusion-origin", "made"}
    both = told_and_counted(tmp_path / "out", only, manifest=manifest)
    assert both.keys() == only
    for name, (told, counted) in both.items():
        assert told == counted, name


def answers_of(text):
    """{question: answer} of a datasheet."""
    body = text.split("## Where the numbers come from")[0]
    return {
        part.split("\n")[0]: part.split("\n", 1)[1]
        for part in re.split(r"(?m)^### \d+\. ", body)[1:]
    }


def test_numbers_in_answers_are_links_to_a_command_with_that_number(tmp_path, logs):
    pack(tmp_path, demo(tmp_path), log=logs, split="train=4,val=2", license="mit")
    text = text_of(tmp_path / "out")
    tables = {name: table for name, table, _ in SECTION.findall(text)}
    rows = {name: re.findall(r"[\d.]+", table) for name, table in tables.items()}
    links = 0
    for question, answer in answers_of(text).items():
        for shown, name in re.findall(r"\[([\d,.]+)\]\(#([a-z0-9-]+)\)", answer):
            value = shown.replace(",", "")
            counts = [int(count) for count in re.findall(r"(?m)^\| (\d+) \|", tables[name])]
            known = value == "0" or value in rows[name] or int(value) in (sum(counts), len(counts))
            parts = ("asked-headwear", "labels", "ignored")  # a part of the table, or what lacks
            assert known or name in parts or name.startswith("confusion-"), (question, shown, name)
            links += 1
        if question.startswith("What data"):
            continue  # meanings of fields are the manual's
        bare = re.sub(r"\[[^\]]*\]\([^)]*\)|`[^`]*`|\d[\d.]*%( \(95%:.*?\))?", "", answer)
        bare = re.sub(r"-?\d[\d.]* to -?\d[\d.]*|of \d+|\d+\.\d\d+|\d+ x \d+|under \d+", "", bare)
        for number in re.findall(r"\b\d{2,}\b", bare):
            assert number in ALLOWED, (question, number, answer)
    assert links > 60


# Numbers of words, frames, definitions, versions: nothing that was counted.
ALLOWED = {
    "16",
    "32",
    "40",
    "64",
    "65",
    "68",
    "95",
    "128",
    "256",
    "77",
    "413",
    "00001",
    "01",
    "20",
    "50",
    "80",
}


def test_all_questions_are_asked_and_the_open_ones_marked(tmp_path):
    pack(tmp_path, demo(tmp_path))
    text = text_of(tmp_path / "out")
    assert sum(map(len, SECTIONS.values())) == 57
    assert re.findall(r"(?m)^### (\d+)\.", text) == [str(number) for number in range(1, 58)]
    assert "doi:10.1145/3458723" in text
    assert not re.search(r"(?i)\bn/a\b", text)
    assert f"\n{OPEN} " in text
    assert all(line.startswith(OPEN) for line in text.split("\n") if OPEN in line)
    pack(tmp_path, demo(tmp_path), about=answered(tmp_path), license="cc0-1.0")
    text = "".join(text_of(tmp_path / "out", name) for name in DOCUMENTS)
    assert OPEN not in text
    assert "All 57 questions are answered" in text
    assert "Do not train or test face recognition" in text


def test_what_was_not_screened_stands_in_bold(tmp_path):
    def lines(**fields):
        pack(tmp_path, demo(tmp_path, **fields))
        return text_of(tmp_path / "out", "README.md") + text_of(tmp_path / "out")

    without = lines(scores={})
    assert without.count("**NSFW: not screened**") == 2
    assert without.count("**Identity: not screened**") == 2
    some = lines(scores={"identity": -0.25})
    assert "**Identity" not in some
    assert (
        "At a cosine of 0.31: false match rate 1e-05 (95%: 0 to 0.25), true match rate not measured."
        in some
    )
    assert "the highest is -0.25." in some
    assert "**NSFW: not screened**" in some


def test_sensitive_words_are_owned_up_to(tmp_path):
    question = "Does it hold sensitive data, such as origin, religion, health?"
    pack(tmp_path, demo(tmp_path))
    answer = answers_of(text_of(tmp_path / "out"))[question]
    assert "**Yes, synthetic**" in answer
    assert "[4](#asked-headwear) headscarves" in answer
    pack(tmp_path, demo(tmp_path, poses=[]))
    assert "Yes" not in answers_of(text_of(tmp_path / "out"))[question]


def test_groups_that_are_dropped_more_often_are_named(tmp_path, logs):
    rows = [
        {
            "id": f"f{n}",
            "poses": [{"attributes": {"sex": "female"}}],
            "dropped": {"tool": "filter", "reason": "r"},
        }
        for n in range(60)
    ]
    (logs / "filter.dropped").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pack(tmp_path, demo(tmp_path), log=logs)
    text = text_of(tmp_path / "out")
    # Of 6 women packed and one that dedupe dropped; of men 6, none dropped.
    assert "| [60](#rejected-sex) of 67 | 89.6% (95%: 80.0 to 94.8) |" in text
    assert "`filter` dropped sex female and the best group never" in text


def test_documents_are_the_same_for_any_jobs_and_after_a_kill(tmp_path, logs, monkeypatch):
    records = demo(tmp_path)
    options = {
        "split": "train=4,val=2",
        "shard_size": "1",
        "format": "webdataset,coco",
        "log": logs,
    }
    pack(tmp_path, records, dir=str(tmp_path / "one"), **options)
    pack(tmp_path, records, dir=str(tmp_path / "two"), jobs=3, **options)
    killed_pack(tmp_path, records, 3, monkeypatch, dir=str(tmp_path / "three"), **options)
    pack(tmp_path, records, dir=str(tmp_path / "three"), resume=True, **options)
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "three")


# ---- about ----


def test_the_template_is_strict_about_itself(tmp_path):
    path = tmp_path / "about.toml"
    path.write_text(about.TEMPLATE)
    read = about.read(path)
    assert read.text("uses.avoid").startswith("Do not report results")
    assert not read.text("motivation.purpose")
    places = {question.place for section in SECTIONS.values() for question in section} - {""}
    assert all(place.split(".")[1] in read.sections[place.split(".")[0]] for place in places)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("[motivation]\npurpose = 'a'\nfundung = 'b'\n", 3, "has no 'fundung'"),
        ("\n[motivations]\n", 2, "'motivations' is none of"),
        ("motivation.funding = 3\n", 1, "is a text"),
        ("[dataset]\ntags = ['a', 3]\n", 2, "is a list of texts"),
        ("[dataset]\n\npublished = 'today'\n", 3, "is no day"),
        ("[dataset]\nname = 'a'\nname = 'b'\n", 3, "Cannot overwrite"),
        ("[dataset]\nname = \n", 2, "Invalid value"),
        ("dataset = 3\n", 1, "is a section"),
    ],
)  # fmt: skip
def test_an_about_file_with_a_mistake_is_refused_with_its_line(tmp_path, text, line, why):
    path = tmp_path / "about.toml"
    path.write_text(text)
    with pytest.raises(Stop, match=re.escape(why)) as stop:
        about.read(path)
    assert stop.value.status == USAGE
    assert f"about.toml:{line}: " in str(stop.value)


def test_an_about_file_that_is_not_there(tmp_path):
    with pytest.raises(Stop) as stop:
        pack(tmp_path, [], about=str(tmp_path / "none.toml"))
    assert stop.value.status == NO_INPUT


def test_init_about_prints_the_template_and_reads_nothing():
    ours, theirs = os.pipe()  # nobody writes to it, nobody closes it
    command = [sys.executable, "-m", "headkit", "pack", "--init-about"]
    done = subprocess.run(command, stdin=ours, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, done.stdout, done.stderr) == (0, about.TEMPLATE, "")


# ---- licenses ----

PHOTO = {"source": {"sha256": "0" * 64, "license": "CC BY-NC-SA 2.0"}}
TURBO = {
    "generated": {
        "model": "stabilityai/sdxl-turbo",
        "weights": {"base": {"name": "stabilityai/sdxl-turbo"}},
    }
}
FLAME = {"made": {"fit3dmm": {"headkit": "0.1.0", "model": "flame2020"}}}


@pytest.mark.parametrize(
    ("part", "license", "why"),
    [
        (PHOTO, "cc-by-4.0", "record 'row-4': forbids --license cc-by-4.0: its photo came under cc-by-nc-sa-2.0"),
        (PHOTO, "cc-by-nc-4.0", "must be under the same license"),
        (PHOTO, "cc-by-nc-sa-4.0", None),
        ({"source": {"license": "CC BY 2.0"}}, "cc0-1.0", "asks for the author's name"),
        ({"source": {"license": "CC BY-ND 2.0"}}, "cc-by-4.0", "no derivatives"),
        ({"source": {"license": "All rights reserved"}}, "cc-by-nc-4.0", "all rights are reserved"),
        ({"source": {"license": "CC0"}}, "mit", None),
        (TURBO, "cc-by-nc-4.0", "base stabilityai/sdxl-turbo came under sai-nc-research"),
        (FLAME, "cc-by-4.0", "model of fit3dmm flame2020 came under flame"),
        (FLAME, "cc-by-nc-4.0", None),
        (FLAME, "other", None),
    ],
)  # fmt: skip
def test_a_license_that_a_part_forbids_is_refused_before_anything_is_written(
    tmp_path, part, license, why
):
    records = demo(tmp_path)
    records[4] |= part
    if why is None:
        pack(tmp_path, records, license=license)
        return
    with pytest.raises(Stop, match=re.escape(why)) as stop:
        pack(tmp_path, records, license=license)
    assert stop.value.status == BAD_INPUT
    assert not (tmp_path / "out").exists()


def test_parts_are_listed_with_their_terms(tmp_path):
    records = demo(tmp_path)
    records[0] |= TURBO
    records[1] |= PHOTO
    records[2] |= {"source": {"sha256": "0"}}
    pack(tmp_path, records)
    text = text_of(tmp_path / "out", "LICENSES.md")
    assert "| image model, base | `stabilityai/sdxl-turbo` | `sai-nc-research` |" in text
    assert "| `cc-by-nc-sa-2.0` | 1 |" in text
    assert f"{OPEN} The license of photos is unknown" in text


def test_names_of_licenses():
    assert chosen("CC-BY-4.0") == chosen("CC BY 4.0") == "cc-by-4.0"
    with pytest.raises(Stop):
        chosen("cc-by")


# ---- readers and hostile text ----


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",  # of rdflib
    "ignore::ResourceWarning",  # mlcroissant leaves files open
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
def test_croissant_is_valid_and_its_records_are_read(tmp_path, monkeypatch):
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path / "cache"))
    mlcroissant = pytest.importorskip("mlcroissant")
    pack(
        tmp_path,
        demo(tmp_path),
        format="webdataset,parquet",
        about=answered(tmp_path),
        license="mit",
    )
    dataset = mlcroissant.Dataset(jsonld=str(tmp_path / "out/croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert (
        "heads" in dataset.metadata.personal_sensitive_information[0]
        or dataset.metadata.data_biases
    )
    rows = {name: list(dataset.records(name)) for name in (
        "webdataset-samples", "webdataset-png-pictures", "parquet-samples"
    )}  # fmt: skip
    assert {name: len(found) for name, found in rows.items()} == dict.fromkeys(rows, 6)
    label = json.loads(rows["webdataset-samples"][0]["webdataset-samples/label"])
    assert label["id"] == "row-0"
    assert rows["webdataset-png-pictures"][0]["webdataset-png-pictures/image"].size == (32, 24)
    assert rows["parquet-samples"][5]["parquet-samples/width"] == 32


def test_the_card_says_to_the_hub_what_it_needs(tmp_path):
    import yaml  # comes with huggingface_hub

    pack(tmp_path, demo(tmp_path), about=answered(tmp_path), license="other", split="train=4,val=2")
    head = yaml.safe_load(text_of(tmp_path / "out", "README.md").split("---\n")[1])
    assert head["license"] == "other"
    assert head["license_name"] == head["pretty_name"] == "Said."
    assert head["size_categories"] == ["n<1K"]
    assert "synthetic" in head["tags"]
    assert [each["split"] for each in head["configs"][0]["data_files"]] == ["train", "val"]


HOSTILE = (
    "a|b\n## c <script>alert(1)</script> [x](javascript:y) ![z](http://z) `k` **d** & \x1b[31m"
)


def test_nothing_of_a_record_is_markup(tmp_path, logs):
    (logs / "filter.dropped").write_text(
        json.dumps({"id": "h", "dropped": {"tool": "filter", "reason": HOSTILE}})
    )
    fields = {
        "generated": {"model": HOSTILE, "preset": HOSTILE, "weights": {HOSTILE: {"name": HOSTILE}}},
        "made": {HOSTILE: {"headkit": HOSTILE, "model": HOSTILE}},
        "source": {"license": HOSTILE},
        "scores": {HOSTILE: 1},
        HOSTILE: 1,
    }
    records = demo(tmp_path, **fields)
    records[0]["truth"]["heads"][0]["ignore"] = HOSTILE
    pack(tmp_path, records, log=logs, fields=f"scores,generated,{HOSTILE.replace(',', '')}")
    for name in ("README.md", "DATASHEET.md", "LICENSES.md"):
        text = text_of(tmp_path / "out", name)
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        for markup in ("<script", "[x](", "![z]", "\x1b", "**d**", "\n## c"):
            assert markup not in prose, (name, markup)
        assert "<script" not in re.sub(r"`[^`\n]*`", "", text)
        widths = {
            line.count("|") - line.count("\\|")
            for line in prose.split("\n")
            if line.startswith("| a")
        }
        assert len(widths) <= 4
    ET.fromstring(text_of(tmp_path / "out", "plots.svg"))
    json.loads(text_of(tmp_path / "out", "croissant.json"))


def test_escapes():
    assert plain("a|b*c_<d>&") == r"a\|b\*c\_&lt;d&gt;&amp;"
    assert plain("http://x www.y a@b") == "http&#58;//x www&#46;y a&#64;b"
    assert paragraphs("# a\n\n<b>\n[c](https://d)") == "\\# a\n\n&lt;b&gt;\n[c](https://d)"


def test_counts_do_not_grow_with_the_words_of_records():
    facts = counting.Facts(Terms(None))
    for number in range(3000):
        label = {"labels": "truth", "heads": [{"ignore": f"why {number}", f"x{number}": 1}]}
        rest = {
            "generated": {"model": f"m{number}"},
            "source": {"license": f"l{number}"},
            "scores": {f"s{number}": 1},
            "poses": [{"attributes": {"sex": f"x{number}"}}],
        }
        facts.add(label, rest, (number, 1))
    facts.settle()
    assert max(map(len, facts.counts.values())) <= counting.MOST + 1
    assert len(facts.terms.models) <= 300
    assert sum(facts.counts["models"].values()) == 3000
    assert sum(facts.counts["ignored"].values()) == 3000
