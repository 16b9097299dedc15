"""headkit: composable tools that build synthetic human-head datasets.

Who may import whom (tests/test_structure.py enforces it):

    status <- record, tool <- paths, jsonl <- run <- cli
    attributes          no one of ours: words and seeded draws only
    image               record, paths, status
    expression          record, attributes: the language of --keep and --prefer
    overlay             head, paths, image: drawing on pictures
    tools/*             tool, record, paths, jsonl, image, attributes, expression, overlay, head, render, backends, formats, status;
                        never run, cli, doc or another tool
    head/, render/      each other (head never render), attributes; they know arrays, not records or files
    backends/           tool, record, image, status and one model library each
    doc                 cli's definitions, tool, record; nothing imports doc

typer only in cli; torch only in head/, render/, backends/, make/ and tools/dedupe.py;
diffusers, ultralytics, open_clip, transformers only in backends/ and make/;
nothing heavier than the standard library on the way to --help.
"""

__version__ = "0.1.0"
