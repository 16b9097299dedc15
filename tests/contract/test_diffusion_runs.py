"""The contract on generate with a diffusion model: shards, batches, resumes and kills end in the same rows and images."""

import json
from pathlib import Path

import pytest
import tiny_diffusion
from conftest import Cli
from drill import Drill
from manifests import lines, parsed

POSES = Path(__file__).parents[1] / "data" / "poses.jsonl"
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def rows(count):
    """Records with poses of the file that we ship, in three shapes."""
    given = [json.loads(line) for line in POSES.read_text().splitlines()]
    return lines(
        *(
            {
                **given[number % len(given)],
                "id": f"r{number}",
                "width": 500 + 300 * (number % 3),
                "prompt": {"text": f"a photo of person {number}", "negative": "blurry"},
            }
            for number in range(count)
        )
    )


def images(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_diffusion.save_sdxl(folder / "base")
    tiny_diffusion.save_adapter(folder / "adapter")
    return (
        "generate", "--model", folder / "base", "--conditioner", folder / "adapter",
        "--steps", 1, "--guidance", 0, "--size", 64, "--chunk", 2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone(tmp_path_factory, words):
    """Rows and images of one run, which all others must end in."""
    cli = Cli(tmp_path_factory.mktemp("alone"))
    cli.write("in", rows(7))
    cli.run(*words, "-o", "out", "in", program="headkit")
    return cli.read("out"), images(cli.path("images"))


def test_batches_shards_and_resumes_end_in_the_same_bytes(cli, words, alone):
    """The processes are forks of this one, where the libraries are loaded."""
    cli.write("in", rows(7))
    assert len(alone[1]) == 7
    cli.run(*words, "-b", 3, "-o", "other", "-n", 4, "--resume", "in", program="headkit")
    cli.run(*words, "-b", 3, "-o", "other", "--resume", "in", program="headkit")
    assert (cli.read("other"), images(cli.path("images"))) == alone
    for index in range(2):
        cli.run(
            *words,
            "--shard",
            f"{index}/2",
            "-o",
            "p{shard}",
            "-d",
            "again",
            "in",
            program="headkit",
        )
    shards = [row for index in range(2) for row in parsed(cli.read(f"p{index}"))]
    digests = {row["id"]: row["image_sha256"] for row in parsed(alone[0])}
    assert {row["id"]: row["image_sha256"] for row in shards} == digests
    assert images(cli.path("again")) == alone[1]
    shuffled = cli.read("in").splitlines(keepends=True)
    cli.write("shuffled", b"".join(shuffled[::-1]))
    made = parsed(cli.out(*words, "-d", "third", "shuffled", program="headkit"))
    assert {row["id"]: row["image_sha256"] for row in made} == digests


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_thirty_kills_in_two_thousand_rows_end_in_the_same_bytes(cli, words):
    """Each time to a moment of loading, of painting, or of writing: a batch of 16 rows takes half a second."""
    larger = (*words[1:-1], 4)
    Drill(cli, words[0], rows(2000), *larger, program="headkit").go(30, seed=5, longest=30)
