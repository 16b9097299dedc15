"""headkit: composable tools that build synthetic human-head datasets.

Who may import whom, of our own modules (tests/test_structure.py reads these lines and enforces them;
run, tools and other folders are named as a whole, and the files of one may import each other):

    status          nothing
    record          nothing
    cache           nothing
    attributes      nothing: words and seeded draws
    troff           nothing
    tool            status
    paths           status
    locks           status
    jsonl           status record tool
    photos          status paths
    image           status record paths
    licenses        nothing
    prompt_words    nothing
    prompt          attributes prompt_words
    wording         prompt_words
    editing         status attributes prompt prompt_words wording tool
    picture         paths image photos tool
    targets         attributes status
    captioning      attributes targets prompt_words wording tool status jsonl
    selection       nothing
    scanning        tool selection render
    expression      attributes record status selection
    choosing        status record tool jsonl selection expression scoring
    request         tool attributes prompt render
    conditioning    status tool request head render
    overlay         head render
    evaluation      head
    fitting         tool paths image picture head backends evaluation render
    arrangement     nothing: when two scenes of key points are the same
    scoring         status record tool paths image picture photos head evaluation fitting recipes backends prompt twins faces
    alike           status tool paths image expression arrangement twins backends
    faces           status tool paths image photos head fitting twins backends
    twins           status image: it knows arrays, and a folder of its own
    head            cache: it knows arrays, not records or files of ours
    render          head attributes cache
    recipes         nothing
    backends        status record cache tool image head recipes
    diffusing       status tool paths image attributes request recipes conditioning backends
    privacy         status record tool editing
    formats         status record tool paths image jsonl head privacy
    publishing      status record tool paths image jsonl head photos twins privacy formats
    verifying       status tool jsonl image head twins privacy formats
    datasheet       status record tool jsonl attributes licenses recipes formats
    run             status record cache tool paths locks jsonl photos selection scanning
    definition      tool
    completions     tool definition
    schema          record tool
    man             status record tool definition troff
    tools           status record tool paths locks jsonl image licenses picture attributes prompt request wording editing captioning targets expression selection choosing conditioning overlay arrangement alike head render evaluation fitting recipes diffusing backends privacy publishing formats datasheet verifying completions scoring
    cli             status tool definition schema run
    doc             status record tool completions man
    make            head render backends editing evaluation fitting tool tools
    __main__        cli

Files of tools/ do not import each other. typer only in cli; torch only in head/, render/, twins/, backends/
and make/; diffusers, ultralytics, open_clip, transformers only in backends/ and make/;
nothing heavier than the standard library on the way to --help.
"""

__version__ = "0.1.0"
