"""What prompt editing takes out is nowhere in what a real run wrote: rows, ledger, run file, log, streams."""

import json
import re
import subprocess
import sys
from pathlib import Path

from headkit.editing.names import find

OPEN = Path(__file__).parent / "data/names_open.jsonl"
REFUSED = "naked schoolgirl Zephyrine Quillfeather in Brambleshire"
BROKEN = "Thessaly Wintergarden beside a lamp"  # its record has attributes of no meaning


def removed_words():
    """Words that are taken out of every other caption of the open half and stand in no caption beside; and the captions."""
    captions, gone, left = [], set(), set()
    for line in OPEN.read_text(encoding="utf-8").splitlines()[::2]:
        text = json.loads(line)["text"]
        captions.append(text)
        rest = list(text)
        for one in find(text):
            gone |= words_of(text[one.start : one.end])
            rest[one.start : one.end] = " " * (one.end - one.start)
        left |= words_of("".join(rest))
    return captions, {word for word in gone - left if len(word) > 4 or not word.isascii()}


def words_of(text):
    return {word.lower() for word in re.findall(r"[^\W\d_]{2,}", text)}


def test_removed_words_are_nowhere(tmp_path):
    captions, gone = removed_words()
    assert len(gone) > 150
    captions += [REFUSED, BROKEN]
    gone |= {"zephyrine", "quillfeather", "brambleshire", "schoolgirl", "thessaly", "wintergarden"}
    said = [{"id": f"r{k}", "caption": text} for k, text in enumerate(captions)]
    rows = [{"id": one["id"], "width": 64, "height": 64, "poses": [{}]} for one in said]
    rows[-1]["poses"] = [{"attributes": {"sex": "lamp"}}]
    given = tmp_path / "given"
    given.mkdir()
    (given / "captions.jsonl").write_text("\n".join(map(json.dumps, said)), encoding="utf-8")
    (given / "poses.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    out = tmp_path / "out"
    command = [
        *(sys.executable, "-m", "headkit", "caption", "-v", "--vary", "all", "--pools", "all"),
        *("--merge", str(given / "captions.jsonl"), "-o", "rows.jsonl", "--tee", "--log", "log"),
        str(given / "poses.jsonl"),
    ]
    out.mkdir()
    done = subprocess.run(command, cwd=out, capture_output=True, timeout=200, check=False)
    assert done.returncode == 1, done.stderr.decode()[-2000:]
    written = {"standard output": done.stdout, "standard error": done.stderr}
    written |= {str(path): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert any("run.json" in name for name in written)
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(lines) == len(rows)
    assert [row["error"]["kind"] for row in lines if "error" in row] == [
        "refused",
        "bad-attributes",
    ]
    assert sum(bool(row.get("prompt", {}).get("edits")) for row in lines) > 200
    for name, content in written.items():
        text = content.decode("utf-8", "replace")
        both = words_of(text) | words_of(
            json.dumps(text).encode().decode("unicode_escape", "replace")
        )
        assert not gone & both, (name, sorted(gone & both)[:5])
