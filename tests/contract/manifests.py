"""Records to JSON Lines and back, for tests."""

import json


def lines(*records):
    """Records as JSON Lines."""
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def parsed(data):
    return [json.loads(line) for line in data.splitlines()]


def many(number, **fields):
    """Records r0, r1 and so on, whose value is their number."""
    return [{"id": f"r{index}", "value": index, **fields} for index in range(number)]
