"""Small tools on which the rules of the runner are tested, and a command line for them."""

from headkit.tool import Tool

TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "mark",
            "map",
            "sets `mark`",
            ("value",),
            ("mark", "image", "poses"),
            batch=4,
            seeded=True,
            files=True,
            package=__name__,
        ),
        Tool("name", "map", "passes images", ("image",), null=True, package=__name__),
        Tool(
            "look",
            "map",
            "takes photos",
            ("image",),
            ("mark",),
            batch=2,
            null=True,
            photos=True,
            package=__name__,
        ),
        Tool("stamp", "map", "sets one field", ("value",), ("mark",), batch=64, package=__name__),
        Tool("lapse", "map", "takes time", ("value",), ("mark",), batch=64, package=__name__),
        Tool("sift", "choose", "keeps even values", ("value",), batch=4, package=__name__),
        Tool(
            "group",
            "whole",
            "keeps the first of each value",
            ("value",),
            ("cluster",),
            package=__name__,
        ),
        Tool("count", "source", "draws records", writes=("id", "value"), package=__name__),
        Tool("tally", "report", "counts records", ("value",), package=__name__),
    )
}
