"""A whole: keeps the first record of each value, and leaves those of value -1 alone."""

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
        if value == -1:
            yield {}
        elif first[value] == id:
            yield {"cluster": first[value]}
        else:
            yield Drop("double", fields={"cluster": first[value]})
