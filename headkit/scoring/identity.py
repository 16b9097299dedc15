"""How much the faces of an image are like those of people who must not be recognised: the highest cosine, -1 to 1.

A face is turned upright by its landmarks (those of fit3dmm, or looked for), embedded by the network of --face-model, and
compared with a gallery file, or with the photo that the record's pose came from. It is a number, not a decision; what it
means is measured at --fmr, and kept in made.score.identity beside it: the threshold, the share of false matches there, and
with --probes that of true matches, each with its 95% interval.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headkit.faces import matching, people
from headkit.faces.looking import FaceLooker
from headkit.faces.people import People
from headkit.faces.rates import Rate
from headkit.faces.sources import SourcePhotos
from headkit.scoring.options import ScoreOptions
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.status import BAD_INPUT, NO_INPUT, UNAVAILABLE, USAGE, WRITE_FAILED, Stop
from headkit.tool import Context, Failure, Record

if TYPE_CHECKING:
    from headkit.twins.cosines import Vectors

NOT_MEASURED = "not measured"


def check_options(options: ScoreOptions) -> None:
    """Raises Stop: 69 without a face network, 66 where the gallery is not there, 2 for what makes no sense together."""
    if options.face_model is None:
        raise Stop(
            UNAVAILABLE,
            "identity: no face network comes with headkit, since published ones are for research alone; name the file of "
            "one (ONNX or TorchScript, faces of 112 x 112) with --face-model",
        )
    if options.gallery is None:
        raise Stop(
            USAGE, "identity: compared with whom? Name a file or a folder of photos with --gallery"
        )
    folder = Path(options.gallery).is_dir()
    if folder and options.gallery_from is not None:
        raise Stop(USAGE, f"--gallery {options.gallery}: is a folder; --gallery-from makes a file")
    if not (folder or Path(options.gallery).exists() or options.gallery_from is not None):
        raise Stop(
            NO_INPUT,
            f"--gallery {options.gallery}: no such file; make it with --gallery-from PHOTOS",
        )
    for name in ("probes", "impostors"):
        if getattr(options, name) is not None and options.fmr is None:
            raise Stop(USAGE, f"--{name}: rates are measured at a threshold; give --fmr as well")
    if options.fmr is None:
        return
    if not options.fmr > 0:
        raise Stop(USAGE, f"--fmr {options.fmr:g}: a rate above 0 is needed, as 1e-6")
    if folder and options.impostors is None:
        raise Stop(
            USAGE,
            f"--fmr: the folder {options.gallery} does not say who is who; name a file of known people with --impostors",
        )


def check(options: ScoreOptions, record: Record) -> None:
    """Raises Stop (65) where images are compared with their own photos, and the first record does not say where it is from."""
    if options.gallery is not None and Path(options.gallery).is_dir() and "source" not in record:
        raise Stop(
            BAD_INPUT,
            f"record {record['id']!r} has no source, by which its photo is found in --gallery {options.gallery}; "
            "pose-extract writes it. To compare with known people, name a file: --gallery celebs.npz",
        )


def before(options: ScoreOptions, context: Context) -> None:
    """Make the file of --gallery where it is missing and --gallery-from says of what.

    Raises Stop as check_options, 66 where photos cannot be read, 74 where the file cannot be written.
    """
    check_options(options)
    assert options.gallery is not None
    if options.gallery_from is None or Path(options.gallery).exists() or context.tag is None:
        return
    looker = _looker(options, context)
    found = people.look_at(Path(options.gallery_from), looker, "--gallery-from", context.check)
    try:
        people.write(Path(options.gallery), found, looker.network.name, context.tag)
    except OSError as error:
        raise Stop(
            WRITE_FAILED, f"--gallery {options.gallery}: {error.strerror}; name another file"
        ) from None
    if context.verbose or sys.stderr.isatty() or found.unseen:
        sys.stderr.write(
            f"headkit score: --gallery {options.gallery}: {len(found.ids)} faces of {found.count} people, from {found.photos} "
            f"photos; in {found.unseen} no face was found\n"
        )


def _looker(options: ScoreOptions, context: Context) -> FaceLooker:
    assert options.face_model is not None
    return FaceLooker(options.face_model, context.device)


def start(study: Study) -> Measure:
    """Measure with the network of --face-model, and the rates first where --fmr asks for them."""
    options, context = study.options, study.context
    check_options(options)
    assert options.gallery is not None
    looker = _looker(options, context)
    made: Record = {"model": looker.network.name}
    study.made["identity"] = made
    if Path(options.gallery).is_dir():
        sources = SourcePhotos(Path(options.gallery), context.root, looker, context.check)
        made["gallery"] = "source photos"
        made |= _rates(options, context, looker, None)
        return _against_sources(looker, sources)
    gallery = _gallery(options, context, looker)
    made["gallery"] = {
        "people": gallery.count,
        "faces": len(gallery.ids),
        "sha256": gallery.sha256[:16],
    }
    made |= _rates(options, context, looker, gallery)
    return _against_gallery(looker, gallery, context)


def _gallery(options: ScoreOptions, context: Context, looker: FaceLooker) -> People:
    assert options.gallery is not None
    path = Path(options.gallery)
    if not path.exists() and options.gallery_from is not None:  # a dry run, which writes none
        return people.look_at(Path(options.gallery_from), looker, "--gallery-from", context.check)
    return people.read(path, looker, "--gallery")


# ---- rates ---------------------------------------------------------------------------------------


def _rates(
    options: ScoreOptions, context: Context, looker: FaceLooker, gallery: People | None
) -> Record:
    """The threshold, and the rates there, as `made` keeps them. Raises Stop (2) for a rate that cannot be measured."""
    if options.fmr is None:
        return {"false_match_rate": NOT_MEASURED, "true_match_rate": NOT_MEASURED}
    known = gallery
    if options.impostors is not None:
        known = people.read(Path(options.impostors), looker, "--impostors")
    assert known is not None
    rows = matching.one_each(known.ids, options.fmr)
    try:
        found = matching.threshold_at(known.vectors[rows], options.fmr, context.check)
    except matching.UnsupportedRateError as error:
        raise Stop(USAGE, f"--fmr {options.fmr:g}: {error}; ask for a higher rate") from None
    made: Record = {
        "threshold": found.cosine,
        "false_match_rate": found.false.numbers(),
        "true_match_rate": NOT_MEASURED,
    }
    said = [f"threshold {found.cosine:.5f}", f"false matches {found.false}"]
    if options.probes is not None:
        whose = gallery if gallery is not None else known
        true = _true_rate(options.probes, looker, whose, found.cosine, context)
        made["true_match_rate"] = true.numbers()
        said.append(f"true matches {true}")
    if gallery is not None:
        reached = 1 - (1 - found.false.share) ** len(gallery.ids)
        said.append(f"of faces of strangers, {reached:.2g} reach it somewhere in the gallery")
    if context.verbose or sys.stderr.isatty():
        sys.stderr.write(f"headkit score: identity: {'; '.join(said)}\n")
    return made


def _true_rate(
    typed: str, looker: FaceLooker, gallery: People, threshold: float, context: Context
) -> Rate:
    path = Path(typed)
    if path.is_dir():
        probes = people.look_at(path, looker, "--probes", context.check)
    else:
        probes = people.read(path, looker, "--probes")
    found = matching.true_match_rate(
        probes.vectors, probes.ids, gallery.vectors, gallery.ids, threshold
    )
    if found is None:
        raise Stop(
            USAGE,
            f"--probes {typed}: holds no other photo of anybody in the gallery; folders of people need the same names there",
        )
    return found


# ---- comparing -----------------------------------------------------------------------------------


def _faces(looker: FaceLooker, subjects: list[Subject]) -> list[list[Vectors] | Failure]:
    """The faces of the heads of each record, found for all of them together."""
    looks = [(subject.pixels, subject.heads) for subject in subjects]
    try:
        return list(looker.of_records(looks))
    except ValueError as error:
        if len(subjects) == 1:
            return [Failure("bad-face", str(error))]
        return [_faces(looker, [subject])[0] for subject in subjects]


def _marks(cosines: list[float | None]) -> Marks:
    """Of the cosine of each head, None where it shows no face. All heads count, ignored ones too: they can be recognised."""
    seen = [cosine for cosine in cosines if cosine is not None]
    heads: list[dict[str, float]] = [
        {} if cosine is None else {"identity": cosine} for cosine in cosines
    ]
    return Marks({"identity": max(seen)} if seen else {}, heads)


def _against_gallery(looker: FaceLooker, gallery: People, context: Context) -> Measure:
    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        faces = _faces(looker, subjects)
        every = [face for found in faces if not isinstance(found, Failure) for face in found]
        near = iter(matching.closest(looker.together(every), gallery.vectors, context.check))
        return [
            found
            if isinstance(found, Failure)
            else _marks([float(next(near)) if len(face) else None for face in found])
            for found in faces
        ]

    return measure


def _against_sources(looker: FaceLooker, sources: SourcePhotos) -> Measure:
    def one(subject: Subject) -> Marks | Failure:
        photo = sources.faces(subject.record)
        if photo is None or isinstance(photo, Failure):
            return Marks({}) if photo is None else photo
        (faces,) = _faces(looker, [subject])
        if isinstance(faces, Failure):
            return faces
        if not len(photo):
            return Marks({})
        near: Any = iter(matching.closest(looker.together(faces), photo))
        return _marks([float(next(near)) if len(face) else None for face in faces])

    return lambda subjects: [one(subject) for subject in subjects]


SCORE = Score(
    "identity",
    start,
    fields=("identity",),
    heads=("identity",),
    reads=("image", "heads"),
    options=("face_model", "gallery", "gallery_from", "probes", "impostors", "fmr"),
    check=check,
    before=before,
)
