"""headkit filter: what it keeps, and what the ledger learns of the rest."""

from pathlib import Path

import pytest

from headkit.status import USAGE, Stop
from headkit.tool import Context, Drop, Failure
from headkit.tools import filter as tool

CONTEXT = Context("filter", Path("/"))
HEAD = {"box": [0, 0, 30, 50], "visibility": 0.9}


def results(records, **options):
    chosen = tool.Options(**options)
    for record in records:
        if "error" not in record:
            tool.check(chosen, CONTEXT, record)
            break
    return tool.start(chosen, CONTEXT)(records)


def test_keeps_and_drops_with_reason_score_and_threshold():
    records = [{"id": "a", "width": 640}, {"id": "b", "width": 320}, {"id": "c"}]
    assert results(records, keep="id != 'x' and width >= 512") == [
        {},
        Drop("width >= 512", 320, 512),
        Drop("width >= 512 (width is missing)"),
    ]


def test_a_kept_record_is_not_touched():
    records = [{"id": "a", "width": 640}, {"id": "b", "width": 640}]
    first, second = results(records, keep="width > 1")
    assert first == second == {}
    assert first is not second  # the runner may add to one
    assert records == [{"id": "a", "width": 640}, {"id": "b", "width": 640}]


def test_the_preset_without_keep():
    good = {"id": "a", "image": "a.png", "truth": {"heads": [HEAD]}}
    records = [
        good,
        {**good, "id": "b", "image": None},
        {**good, "truth": {"heads": [{**HEAD, "ignore": "small"}]}},
        {"id": "c", "image": "c.png", "heads": [HEAD]},
        {
            "id": "d",
            "image": "d.png",
            "heads": [],
            "truth": {"heads": [HEAD]},
        },  # what was found counts
        {"id": "e", "image": "e.png"},
    ]
    kept = [result == {} for result in results(records)]
    assert kept == [True, False, False, True, False, False]


def test_errors_are_dropped_unless_asked_for():
    record = {"id": "a", "error": {"tool": "generate", "kind": "image", "message": "it broke"}}
    assert results([record]) == [Drop("error in generate: it broke")]
    assert results([{"id": "a", "error": "odd"}]) == [Drop("error")]
    assert results([record], keep_errors=True) == [{}]


def test_one_record_of_a_wrong_type_fails_alone():
    first, second, third = results(
        [{"id": "a", "size": 5}, {"id": "b", "size": "5"}, {"id": "c", "size": 6}], keep="size > 5"
    )
    assert first == Drop("size > 5", 5, 5)
    assert isinstance(second, Failure)
    assert second.kind == "type"
    assert "a string" in second.message
    assert third == {}


@pytest.mark.parametrize("keep", ["width >", "widht > 3", "width > '3'", "", "width"])
def test_usage_errors_show_a_caret(keep):
    with pytest.raises(Stop) as caught:
        results([{"id": "a", "width": 3}], keep=keep)
    assert caught.value.status == USAGE
    assert caught.value.message.startswith("--keep: ")
    assert caught.value.message.splitlines()[-1].strip() == "^"


def test_strings_of_a_record_are_data(capfd):
    nasty = "{0.__class__} %s %(x)s </script><script> \x1b[31m"
    (result,) = results([{"id": nasty, "caption": nasty}], keep="caption == id and len(id) > 1000")
    assert result == Drop("len(id) > 1000", len(nasty), 1000)
    assert capfd.readouterr() == ("", "")


GOOD_SOURCE = {"aspect": 1.5, "person_confidence": 0.9, "visible_heads": 0.5, "person_height": 0.8}


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ({}, None),
        ({"source_unsafe": 0.0}, None),
        ({"aspect": 2.0}, None),
        ({"aspect": 2.01}, "scores.aspect <= 2"),
        ({"source_unsafe": 0.5}, "scores.source_unsafe ?? 0 < 0.5"),
        ({"source_unsafe": 1.0}, "scores.source_unsafe ?? 0 < 0.5"),
        ({"person_confidence": 0.49}, "scores.person_confidence >= 0.5"),
        ({"visible_heads": 0}, "scores.visible_heads > 0"),
        ({"person_height": 0.05}, "scores.person_height >= 0.1"),
    ],
)
def test_the_preset_of_sources(scores, reason):
    (decided,) = results([{"id": "a", "scores": GOOD_SOURCE | scores}], preset="sources")
    assert getattr(decided, "reason", None) == reason


def test_a_preset_and_keep_must_both_hold():
    records = [
        {"id": "a", "width": 9, "scores": GOOD_SOURCE},
        {"id": "b", "width": 1, "scores": GOOD_SOURCE},
        {"id": "c", "width": 9, "scores": GOOD_SOURCE | {"aspect": 3}},
        {"id": "d", "width": 9, "scores": GOOD_SOURCE | {"aspect": 3}, "image": "x"},
    ]
    decided = results(records, preset="sources", keep="width > 5 or exists(image)")
    assert decided[0] == {}
    assert [result.reason for result in decided[1:]] == [
        "(width > 5 or exists(image))",
        "scores.aspect <= 2",
        "scores.aspect <= 2",
    ]
    with pytest.raises(Stop, match="--keep"):
        results(records, preset="sources", keep="width > ")
