"""`--schema`: a valid schema, which accepts what the tools write and refuses what they do not."""

import json
from pathlib import Path

import jsonschema
import pytest

from headkit import schema
from headkit import tool as table

POSES = Path(__file__).parent / "data" / "poses.jsonl"
WRITERS = [tool.name for tool in table.TOOLS if tool.kind != "report"]
FOLDER = Path(__file__).parent / "golden"
REPORTS = {"filter-calibrate"}  # prints a table
GOLDEN = sorted(
    path
    for name in WRITERS
    for path in (FOLDER / name).glob("*/out.jsonl")
    if f"{name}-{path.parent.name}" not in REPORTS
)
PERSON = {"keypoints": [[1.5, 2.5, 1]] * 17, "box": [0, 0, 5, 5], "score": 0.5}
SCENE = {"id": "a", "width": 64, "height": 48, "poses": [PERSON]}


def validator(name, side):
    document = schema.schema(table.find(name))
    return jsonschema.Draft202012Validator({**document, "$ref": f"#/$defs/{side}"})


@pytest.mark.parametrize("tool", table.TOOLS, ids=lambda tool: tool.name)
def test_it_is_a_schema_and_valid_json(tool):
    document = json.loads(schema.text(tool))
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$schema"].endswith("2020-12/schema")
    assert set(document["$defs"]["input"]["required"]) == {"id", *tool.reads}
    if tool.kind != "report":
        assert set(tool.writes) <= document["$defs"]["output"]["properties"].keys()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"odd": {"x": 1}},
        {"made": {}},
        {"error": {"tool": "x", "kind": "y", "message": "z"}},
        {"poses": []},
    ],
)
def test_good_input(change):
    validator("generate", "input").validate(SCENE | change)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 7},
        {"width": 64.5},
        {"width": "64"},
        {"poses": {}},
        {"poses": [7]},
        {"poses": [PERSON | {"keypoints": "x"}]},
        {"poses": [PERSON | {"score": "high"}]},
    ],
)
def test_bad_input(change):
    with pytest.raises(jsonschema.ValidationError):
        validator("generate", "input").validate(SCENE | change)


@pytest.mark.parametrize("missing", sorted(SCENE))
def test_input_lacks_a_field(missing):
    with pytest.raises(jsonschema.ValidationError):
        validator("generate", "input").validate(
            {name: value for name, value in SCENE.items() if name != missing}
        )


def test_null_is_allowed_only_where_the_record_says_so():
    head = {"box": [0, 0, 1, 1], "box_visible": None}
    validator("generate", "output").validate(SCENE | {"truth": {"heads": [head]}})
    with pytest.raises(jsonschema.ValidationError):
        validator("generate", "output").validate(
            SCENE | {"truth": {"heads": [head | {"box": None}]}}
        )


@pytest.mark.parametrize(
    "path",
    GOLDEN,
    ids=lambda path: f"{path.parts[-3]}-{path.parts[-2]}",
)
def test_golden_records_are_valid(path):
    tool = table.find(path.parts[-3])
    for record in map(json.loads, path.read_text().splitlines()):
        if "error" not in record:  # what is wrong may be a type
            validator(tool.name, "output").validate(record)


def test_shipped_poses_are_valid_input():
    if not POSES.exists():
        pytest.skip("no poses.jsonl")
    for line in POSES.read_text().splitlines():
        validator("generate", "input").validate(json.loads(line))
