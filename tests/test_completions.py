"""The completion scripts, as each shell runs them."""

import os
import pty
import select
import shutil
import signal
import subprocess
import time

import pytest

from headkit import completions
from headkit import tool as table

# (what stands before TAB, one thing offered, one thing not offered)
CASES = [
    ("headkit ", "completion", "--schema"),
    ("headkit comp", "completion", "status"),
    ("headkit --ver", "--version", "--help"),
    ("headkit generate --format ", "webp", "--format"),
    ("headkit completion ", "fish", "bash|zsh|fish"),
    ("headkit completion z", "zsh", "bash"),
    ("headkit status --he", "--help", "--schema"),
    ("headkit trial --bad", "--bad-lines", "--batch-size"),
    ("headkit trial --bad-lines ", "skip", "--limit"),
    ("headkit trial --bad-lines=sk", "skip", "stop"),
    ("headkit trial --model ", "large", "--model"),
    ("headkit trial --kinds face --kinds h", "hair", "face"),
    ("headkit trial x.jsonl --no-b", "--no-boxes", "--names"),
    ("headkit trial existing", "existing.jsonl", "--limit"),
    ("headkit trial --format ", "webdataset", "existing.jsonl"),
    ("headkit trial --root fold", "folder", "existing.jsonl"),
    ("headkit trial -o existing", "existing.jsonl", "stop"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, trial_tool):
    """Where the shells run: the three scripts, and something to complete."""
    folder = tmp_path_factory.mktemp("shell")
    tools = (*table.TOOLS, trial_tool, *table.COMMANDS)
    for name, shell in (("headkit.bash", "bash"), ("_headkit", "zsh"), ("headkit.fish", "fish")):
        (folder / name).write_text(completions.script(shell, tools))
    (folder / "existing.jsonl").write_text("")
    (folder / "folder").mkdir()
    return folder


def bash(line, folder):
    """The words that bash offers, with programmable completion driven as readline drives it."""
    words = line.replace("=", " = ").split(" ")
    script = f"""
    source {folder}/headkit.bash
    complete -p headkit > /dev/null || exit 3
    compopt() {{ action=$2; }}
    COMP_WORDS=({" ".join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}
    _headkit
    case $action in
        default) compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}" ;;
        dirnames) compgen -d -- "${{COMP_WORDS[COMP_CWORD]}}" ;;
    esac
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return output(["bash", "--norc", "--noprofile", "-c", script], folder).split()


def fish(line, folder):
    """The words that fish offers."""
    found = output(
        ["fish", "--no-config", "-c", f"source {folder}/headkit.fish; complete -C '{line}'"], folder
    )
    words = [row.split("\t")[0].rstrip("/") for row in found.splitlines()]
    return (
        [word.partition("=")[2] for word in words] if "=" in line else words
    )  # the whole word is offered


ZSH_START = r"""
PS1=; setopt no_beep; fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D
compadd() {
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        local -a found; builtin compadd -A found "$@"
        print -rl -- $found >> offered
    fi
    builtin compadd "$@"
}
finished() { print -r -- "<end>" >> offered }
comppostfuncs=(finished)
"""


def zsh(line, folder):
    """The words that zsh's completion adds: it works only in an interactive shell, so give it a terminal."""
    (folder / "start.zsh").write_text(ZSH_START)
    offered = folder / "offered"
    offered.write_text("")
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ.update(TERM="dumb", LC_ALL="C")
        os.execvp("zsh", ["zsh", "-f", "-i"])
    try:
        os.write(terminal, b"source ./start.zsh\n" + line.encode() + b"\t")
        end = time.monotonic() + 20
        while "<end>" not in offered.read_text() and time.monotonic() < end:
            if select.select([terminal], [], [], 0.02)[0]:
                os.read(terminal, 65536)
        return offered.read_text().split()
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)


def output(command, folder):
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
    )
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", [bash, fish, zsh])
@pytest.mark.parametrize(("line", "offered", "absent"), CASES)
def test_shell_offers_what_fits_and_nothing_else(shell, line, offered, absent, folder):
    if shutil.which(shell.__name__) is None:
        pytest.skip(f"no {shell.__name__} here")
    words = shell(line, folder)
    assert offered in words
    assert absent not in words
