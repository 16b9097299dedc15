"""Exit statuses, and the exception that ends a run with one of them.

The numbers follow sysexits(3), so that cron jobs and schedulers can tell what kind of trouble it was.
"""

OK = 0
SOME_FAILED = 1  # finished, but a record failed here, a line was skipped, or damage was found
USAGE = 2
BAD_INPUT = 65
NO_INPUT = 66
UNAVAILABLE = 69  # a library, weights or a device is missing or broken
BUG = 70  # a bug of ours, or too many failures of a model in a row
WRITE_FAILED = 74
TRY_LATER = 75  # another run holds the output

MEANING = {
    OK: "every record is done (also: the input was empty, or nothing was left to do)",
    SOME_FAILED: "finished, but at least one record failed here, a line was skipped, or damage was found",
    USAGE: "usage: an unknown flag or field, a bad value, resume with other options, a path outside the root",
    BAD_INPUT: "bad input: a malformed line, a field that is missing or of the wrong type, an id twice",
    NO_INPUT: "an input file cannot be opened",
    UNAVAILABLE: "a library, weights or a device is missing or broken; the message says how to get it",
    BUG: "a bug, or more than --max-failures failures of the model in a row",
    WRITE_FAILED: "a write failed: disk full, standard output closed, mount lost",
    TRY_LATER: "try later: another run holds the output, or locks are not supported there",
    129: "ended by HUP, after what was in hand was written",
    130: "ended by INT (Control-C), after what was in hand was written",
    141: "ended by PIPE: the reader of standard output has gone",
    143: "ended by TERM, after what was in hand was written",
}


class Stop(Exception):  # noqa: N818  it stops the run; it is not always an error of ours
    """Ends the whole run: a fault of the input, the usage or the machine, never of one record.

    `status` is the exit status; the message is one line for a person, with the remedy last.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def __reduce__(self) -> tuple[type["Stop"], tuple[int, str]]:
        return Stop, (self.status, self.message)  # workers send it to the parent
