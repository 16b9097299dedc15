"""A report: how many records, and of what sum."""

from dataclasses import dataclass

from headkit.tool import Failure

EXAMPLES = ()


@dataclass(frozen=True)
class Options:
    pass


def stream(options, context, records):
    number = total = 0
    for record in records:
        if "error" in record or record.get("do") == "fail":
            yield Failure("no value", f"record {record['id']}")
            continue
        number += 1
        total += record["value"]
    yield f"{number} records"
    yield {"sum": total}
