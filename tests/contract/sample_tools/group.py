"""A whole: keeps the first record of each value."""

from dataclasses import dataclass

from headkit.tool import Drop

EXAMPLES = ()


@dataclass(frozen=True)
class Options:
    pass


def stream(options, context, records):
    first = {}
    values = []
    for record in records:
        values.append((record["id"], record["value"]))
        first.setdefault(record["value"], record["id"])
    for id, value in values:
        if first[value] == id:
            yield {"cluster": first[value]}
        else:
            yield Drop("double", fields={"cluster": first[value]})
