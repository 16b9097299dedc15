"""--targets: what a file may ask for, and that a manifest then has it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from headkit import attributes, targets
from headkit.captioning.balance import Balance
from headkit.captioning.shares import Shares
from headkit.status import Stop

FIVE = """
[sex]
female = 0.6
[age]
"2..17" = 0.15
"18..39" = 0.4
"40..64" = 0.3
[tone]
"1..3" = 0.3
"8..10" = 0.4
[hair]
long = 0.2
afro = 0.1
bald = 0.05
[glasses]
none = 0.55
"""


def asked(tmp_path: Path, text: str) -> targets.Targets:
    path = tmp_path / "targets.toml"
    path.write_text(text)
    return targets.read(str(path))


def test_people_drawn_have_the_shares(tmp_path):
    """Five marginals; the odds of missing one by more than four deviations are 1 in 1,000."""
    wanted, count = asked(tmp_path, FIVE), 4000
    balance = Balance(wanted)
    people = [balance.complete({}, random.Random(k)) for k in range(count)]
    for name in wanted.groups:
        found = Counter(wanted.number(name, person[name]) for person in people)
        for number, share in enumerate(wanted.shares(name)):
            assert abs(found[number] / count - share) < 4 * (share * (1 - share) / count) ** 0.5


@pytest.mark.slow
def test_a_hundred_thousand_rows_have_the_shares_within_half_a_point(tmp_path):
    wanted, count = asked(tmp_path, FIVE), 100_000
    balance = Balance(wanted)
    found = {name: Counter() for name in wanted.groups}
    for k in range(count):
        person = balance.complete({}, attributes.seeded(0, str(k), "caption", "0"))
        for name in wanted.groups:
            found[name][wanted.number(name, person[name])] += 1
    for name in wanted.groups:
        for number, share in enumerate(wanted.shares(name)):
            assert abs(found[name][number] / count - share) < 0.005, name


def test_what_goes_together_in_life_still_does(tmp_path):
    balance = Balance(asked(tmp_path, "[beard]\n'full beard' = 0.2\n[headwear]\nheadscarf = 0.1\n"))
    people = [balance.complete({}, random.Random(k)) for k in range(3000)]
    bearded = [person for person in people if person["beard"] != "none"]
    assert {person["sex"] for person in bearded} == {"male"}
    assert min(person["age"] for person in bearded) >= attributes.ADULT
    assert {person["sex"] for person in people if person["headwear"] == "headscarf"} == {"female"}


def test_without_targets_people_are_as_likely_as_before():
    """The weights that are fitted are those that attributes.complete draws by."""
    balance = Balance(targets.Targets({}))
    old = [attributes.complete({}, random.Random(k)) for k in range(3000)]
    new = [balance.complete({}, random.Random(k)) for k in range(3000)]
    for name in ("sex", "origin", "tone", "hair", "hair_color", "beard"):
        one, two = (Counter(person[name] for person in people) for people in (old, new))
        assert all(abs(one[value] - two[value]) < 190 for value in one | two), name
    for name in attributes.VOCABULARY:
        weights = attributes.likely(name, "male", 50, "european")
        assert sum(weights.values()) == pytest.approx(1)


def test_given_attributes_are_kept_and_the_rest_follows(tmp_path):
    balance = Balance(asked(tmp_path, FIVE))
    for k in range(200):
        person = balance.complete({"sex": "male", "age": 1, "own": 3}, random.Random(k))
        assert (person["sex"], person["age"]) == ("male", 1)
        assert person["beard"] == "none"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sex]\nfemale = 0.7\nmale = 0.4", r"\[sex\] has shares that add up to 1.1"),
        ("[sex]\nfemale = 0.7\nmale = 0.1", r"no value is left for the rest"),
        ("[hight]\ntall = 1.0", r"\[hight\] is nothing that can be asked for"),
        ("[hair]\nmullet = 1.0", r"mullet is not known; choose from bald"),
        ('[age]\n"2..30" = 0.5\n"30..40" = 0.2', r"2..30 and 30..40 overlap"),
        ('[age]\n"40..30" = 0.5', r"'40..30': a number or LOW..HIGH within 0 and 95"),
        ("[age]\n20 = true", r"20 = True: a share from 0 to 1"),
        ("sex = 1", r"\[sex\] is no table"),
        ("[sex\n", "not TOML"),
    ],
)
def test_what_cannot_be_asked_for(tmp_path, text, words):
    with pytest.raises(Stop, match=words) as stop:
        asked(tmp_path, text)
    assert stop.value.status == 2


def test_what_cannot_be_had_together(tmp_path):
    text = "[sex]\nfemale = 0.9\n[beard]\n'full beard' = 0.3\n"
    with pytest.raises(Stop, match=r"\[beard\] full beard = 0.3 cannot be had .* nearest is 0.0"):
        Balance(asked(tmp_path, text))


def run(tool: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headkit", tool, *words],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip


def test_the_summary_compares_and_shards_agree(tmp_path):
    path = tmp_path / "targets.toml"
    path.write_text(FIVE + '[people]\n1 = 0.5\n2 = 0.5\n[yaw]\n"-45..45" = 0.7\n')
    scenes = run("pose-sample", "-n", "400", "--targets", str(path), "-v")
    assert "people: 1 50.0% -> 50.0%, 2 50.0% -> 50.0%" in scenes.stderr
    assert "yaw: -45..45 70.0% -> 7" in scenes.stderr
    assert "tone" not in scenes.stderr
    whole = run("caption", "--targets", str(path), "-v", text=scenes.stdout)
    assert "tone: 1..3 30.0% -> " in whole.stderr
    rows = {json.loads(line)["id"]: line for line in whole.stdout.splitlines()}
    for shard in ("0/2", "1/2"):
        part = run("caption", "--targets", str(path), "--shard", shard, text=scenes.stdout)
        for line in part.stdout.splitlines()[1:]:  # the first says the schema
            assert rows[json.loads(line)["id"]] == line


def test_the_run_file_keeps_the_counts_over_a_resume(tmp_path):
    path, out = tmp_path / "targets.toml", tmp_path / "out.jsonl"
    path.write_text(FIVE)
    scenes = run("pose-sample", "-n", "30").stdout
    words = ("caption", "--targets", str(path), "-o", str(out), "--resume")
    (tmp_path / "scenes.jsonl").write_text(scenes)
    run(*words, "-n", "10", str(tmp_path / "scenes.jsonl"))
    run(*words, str(tmp_path / "scenes.jsonl"))
    kept = json.loads((tmp_path / "out.jsonl.run.json").read_text())["checkpoint"]["tally"]
    shares = Shares(targets.read(str(path)))
    counted = Counter(
        label for line in out.read_text().splitlines() for label in shares.labels(json.loads(line))
    )
    assert kept == counted


def test_yaw_of_targets_is_even_within_its_pieces(tmp_path):
    from headkit.render.pose.prior import Prior
    from headkit.render.pose.staging import draw

    wanted = asked(tmp_path, '[yaw]\n"-45..45" = 0.5\n"90..100" = 0.25\n')
    pieces = wanted.pieces("yaw", -180, 180)
    assert [piece[:2] for piece in pieces] == [
        (-180, -45), (-45, 45), (45, 90), (90, 100), (100, 180),
    ]  # fmt: skip
    assert sum(piece[2] for piece in pieces) == pytest.approx(1)
    yaw = draw(Prior(people=(1, 1), yaw_pieces=tuple(pieces)), 3, 0, 2000).head[:, 0]
    for low, high, share in pieces:
        assert abs(np.mean((yaw >= low) & (yaw < high)) - share) < 0.01
