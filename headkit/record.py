"""The fields of a record: name, type, unit, decimals, meaning, and the tool that writes each.

headkit-record(5), the JSON Schemas and the rounding of numbers come from this table.
Units and frames: pixels of the upright picture (origin top left, x right, y down, pixel centres
at .5), metres, degrees; camera as OpenCV (x right, y down, z forward); model +y up, +z out of the
face, +x the subject's left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SCHEMA = 1  # the major version: older ones are read, newer ones refused


@dataclass(frozen=True)
class Field:
    """One field. `decimals` rounds every number in it, unless a longer path has its own row."""

    path: str  # "heads[].box" is the box of each head
    type: str  # string, int, number, bool, object, list
    meaning: str
    unit: str = ""
    decimals: int | None = None
    tools: tuple[str, ...] = ()
    nullable: bool = False


# fmt: off
_TRUTH = (
    Field("truth.heads[].box", "list", "[x1, y1, x2, y2] of the head's whole silhouette with hair, as if nothing hid it, cut at the picture", "pixels", 2),
    Field("truth.heads[].box_visible", "list", "[x1, y1, x2, y2] of the pixels of the head that are seen; null where none", "pixels", 2, nullable=True),
    Field("truth.heads[].visibility", "number", "share of the silhouette that is seen, 0 to 1", decimals=4),
    Field("truth.heads[].distance", "number", "from the camera to the head's origin", "metres", 4),
    Field("truth.heads[].landmarks", "object", "scheme, points n x [x, y, standard deviation], visible: a string of 0 and 1", "pixels", 2),
    Field("truth.heads[].params", "object", "model and its sha256, shape, expression, jaw (3 rotation vector), translation (metres, camera frame)", decimals=5),
    Field("truth.heads[].pose", "object", "rotation 3 x 3, camera frame; view, the same relative to the ray through the head; yaw, pitch, roll of view", decimals=6),
    Field("truth.heads[].pose.yaw", "number", "full circle; above 0 with the nose to the image's right", "degrees", 3),
    Field("truth.heads[].pose.pitch", "number", "above 0 with the nose up", "degrees", 3),
    Field("truth.heads[].pose.roll", "number", "above 0 with the head turned clockwise in the image", "degrees", 3),
    Field("truth.heads[].attributes", "object", "what was drawn"),
    Field("truth.heads[].ignore", "string", "why this head is left out of training and evaluation: small, outside, hidden"),
)
# fmt: on
_TARGET = tuple(
    replace(field, path=field.path.replace("truth", "target"), meaning=f"as {field.path}")
    for field in _TRUTH
)


# fmt: off
_SCORES = (  # of the whole picture; heads that are to be ignored do not count
    Field("scores.flip", "number", "heads against those found in the mirror image: panoptic quality of the boxes, 0 to 1; 1 where neither has one"),
    Field("scores.flip_iou", "number", "mean overlap of the heads found in both, 0.5 to 1"),
    Field("scores.flip_count", "number", "smaller number of heads by the larger, 0 to 1"),
    Field("scores.flip_landmarks", "number", "1 less the mean distance of the landmarks found in the mirror image, in sizes of the box, 0 to 1"),
    Field("scores.flip_degrees", "number", "mean angle to the pose found in the mirror image; lower is better", "degrees", 3),
    Field("scores.cut", "number", "heads against those found in the halves of the picture: panoptic quality of the boxes, 0 to 1"),
    Field("scores.cut_iou", "number", "mean overlap of the heads found in both, 0.5 to 1"),
    Field("scores.cut_count", "number", "smaller number of heads by the larger, 0 to 1"),
    Field("scores.agreement", "number", "heads against those of a second detector: panoptic quality of the boxes, or F1 of heads that joints show, 0 to 1"),
    Field("scores.agreement_iou", "number", "mean overlap of the heads found by two detectors of heads, 0.4 to 1"),
    Field("scores.agreement_count", "number", "smaller number of heads by the larger, 0 to 1"),
    Field("scores.agreement_faces", "number", "share of the faces found, seen as nose and eyes, that lie in a head, 0 to 1"),
    Field("scores.pose", "number", "mean object key-point similarity of people found to those asked for, 0 to 1"),
    Field("scores.pose_head", "number", "the same of noses, eyes and ears, 0 to 1"),
    Field("scores.pose_count", "number", "smaller number of people by the larger, 0 to 1"),
    Field("scores.label", "number", "heads against those asked for: panoptic quality of the silhouettes, 0 to 1"),
    Field("scores.label_accepted", "number", "1 where label.accepted, else 0"),
    Field("scores.label_count", "number", "smaller number of heads by the larger, 0 to 1"),
    Field("scores.label_landmarks", "number", "1 less the mean distance of the landmarks, in sizes of the box, 0 to 1"),
    Field("scores.label_degrees", "number", "mean angle between the poses; lower is better", "degrees", 3),
    Field("scores.sharpness", "number", "1 less the blur effect, seen at one size, 0 to 1"),
    Field("scores.sharpness_head", "number", "least of a head, seen at a size of its own, 0 to 1"),
    Field("scores.exposure", "number", "1 neither too dark nor too bright, 0 black or white"),
    Field("scores.exposure_head", "number", "least of a head, 0 to 1"),
    Field("scores.exposure_unclipped", "number", "share of the pixels that are neither black nor blown out, 0 to 1"),
    Field("scores.entropy", "number", "of the grey levels, as a share of its maximum: 0 of a black or flat picture, to 1"),
    Field("scores.entropy_blocks", "number", "share of 16 parts of the picture in which there is something to see, 0 to 1"),
    Field("scores.border", "number", "from the head nearest to the edge of the picture to that edge, in shorter sides of its box, 0 to 1"),
    Field("scores.border_filled", "number", "share of the picture inside bars of one colour along its edges, 0 to 1"),
    Field("scores.size", "number", "shorter side of the picture", "pixels"),
    Field("scores.size_head", "number", "shorter side of the smallest head's box", "pixels", 2),
    Field("scores.size_head_share", "number", "shorter side of the largest head's box, as a share of the picture's"),
    Field("scores.aspect", "number", "longer side of the picture by its shorter, 1 or more"),
    Field("scores.nsfw", "number", "how likely the picture is not fit to be seen, 0 to 1"),
    Field("scores.aesthetic", "number", "how surely CLIP calls it a good photo rather than a bad one, 0 to 1"),
    Field("scores.aesthetic_laion", "number", "rating by LAION's aesthetic predictor, which learned from ratings of 1 to 10"),
    Field("scores.clipscore", "number", "2.5 times the cosine of picture and prompt to CLIP, at least 0"),
    Field("scores.identity", "number", "highest cosine of a face with one of the gallery, or of the source photo, -1 to 1"),
)
_HEAD_SCORES = (
    Field("heads[].scores", "object", "as scores, of this head", decimals=5),
    Field("heads[].scores.flip", "number", "overlap with the head found in the mirror image, 0 where there is none"),
    Field("heads[].scores.flip_landmarks", "number", "1 less the mean distance of the landmarks found there, in sizes of the box, 0 to 1"),
    Field("heads[].scores.flip_degrees", "number", "angle to the pose found there; lower is better", "degrees", 3),
    Field("heads[].scores.cut", "number", "overlap with the head found in a half, 0 where there is none"),
    Field("heads[].scores.agreement", "number", "overlap with the head of the second detector, 0 where there is none; 1 where joints show it"),
    Field("heads[].scores.sharpness", "number", "1 less the blur effect, 0 to 1"),
    Field("heads[].scores.exposure", "number", "1 neither too dark nor too bright, 0 black or white"),
    Field("heads[].scores.border", "number", "to the nearest edge of the picture, in shorter sides of its box, 0 to 1"),
    Field("heads[].scores.size", "number", "shorter side of its box", "pixels", 2),
    Field("heads[].scores.identity", "number", "cosine of the face with the nearest of the gallery, or of the source photo, -1 to 1"),
)
# fmt: on

# fmt: off
FIELDS: tuple[Field, ...] = (  # one row a field, in the order of headkit-record(5)
    Field("schema", "int", "major version of this format, on the first row written"),
    Field("id", "string", "unique in the manifest, stable, at most 200 bytes as a file name", tools=("pose-sample",)),
    Field("width", "int", "width of the upright picture in which every coordinate of the row lives", "pixels", tools=("pose-sample", "pose-extract", "generate", "detect")),
    Field("height", "int", "height of that picture", "pixels", tools=("pose-sample", "pose-extract", "generate", "detect")),
    Field("source", "object", "where the poses came from: sampler and seed; or of a photo its sha256 (private), size, license, author, copy_of, and with --keep-path path and member; of a copy its original's, or as original the sampler that drew it", tools=("pose-sample", "pose-extract")),
    Field("poses", "list", "the people asked for", tools=("pose-sample", "pose-extract", "caption", "generate")),
    Field("poses[].keypoints", "list", "17 x [x, y, confidence] in COCO order; confidence 0: unknown", "pixels", 2),
    Field("poses[].box", "list", "[x1, y1, x2, y2] of the whole body", "pixels", 2),
    Field("poses[].score", "number", "confidence of the person", decimals=4),
    Field("poses[].attributes", "object", "asked for: sex, age, origin, tone, hair, hair_color, headwear, glasses, beard, expression, clothes, clothes_color"),
    Field("poses[].head", "object", "head yaw, pitch, roll asked for, where known", "degrees", 2),
    Field("caption", "string", "the scene in words, names already out", tools=("caption",)),
    Field("prompt", "object", "text; negative; tokens, of CLIP, whose text encoders read 77; edits (rule, kind, position; never the removed words)", tools=("caption",)),
    Field("image", "string", "path of the image, relative to the root", tools=("generate",)),
    Field("image_sha256", "string", "of the bytes of the image file", tools=("generate",)),
    Field("published_sha256", "string", "in a dataset: of the bytes of its copy of the image, where pack has put a mark into it"),
    Field("camera", "object", "K, 3 x 3, pixels; estimated, true where it is a guess; up, the direction against gravity in the camera frame, where known", decimals=6, tools=("pose-sample", "generate", "fit3dmm")),
    Field("generated", "object", "what decides the pixels: model, seed, size; canvas_to_image, the 2 x 3 affine that poses were mapped by; of a diffusion model all that --replay needs: weights and their digests, settings, attempt, chunk (images that went through the network together), words (a digest), and prompt where the row had none; replay, of an image made again: equal, or psnr in decibels", decimals=6, tools=("generate",)),
    Field("truth", "object", "known exactly, because the image was rendered from it", tools=("generate", "filter")),
    *_TRUTH,
    Field("target", "object", "as truth, of the scene that a diffusion model was shown: what was asked for, not what is there", tools=("generate",)),
    *_TARGET,
    Field("target.heads[].fit", "object", "residual_mm: how far the mesh of --head is from the rendered head it was put on", "millimetres", 3),
    Field("heads", "list", "the heads found", tools=("detect", "fit3dmm", "score", "filter")),
    Field("heads[].box", "list", "[x1, y1, x2, y2] of the whole head with hair", "pixels", 2),
    Field("heads[].score", "number", "confidence of the detector", decimals=4),
    Field("heads[].landmarks", "object", "scheme (ibug68, dense, mediapipe468, mediapipe478, vertices), points n x [x, y, standard deviation], visible: a string of 0 and 1; with the scheme vertices also that list: which of the head model's each point marks", "pixels", 2),
    Field("heads[].params", "object", "model and its sha256 where known, shape, expression, jaw (rotation vector), translation (metres, camera frame)", decimals=5),
    Field("heads[].pose", "object", "rotation 3 x 3, camera frame; view, the same relative to the ray through the head; yaw, pitch, roll of view", decimals=6),
    Field("heads[].pose.yaw", "number", "full circle; above 0 with the nose to the image's right", "degrees", 3),
    Field("heads[].pose.pitch", "number", "above 0 with the nose up", "degrees", 3),
    Field("heads[].pose.roll", "number", "above 0 with the head turned clockwise in the image", "degrees", 3),
    Field("heads[].fit", "object", "how good the fit is: landmarks (given or network), converged, flags, and what follows", decimals=5),
    Field("heads[].fit.residual_px", "number", "root mean square distance of the landmarks used", "pixels", 3),
    Field("heads[].fit.residual_share", "number", "the same, of the box's longer side", decimals=5),
    Field("heads[].fit.rotation_deviation", "list", "standard deviations of the rotation about the camera's axes", "degrees", 3),
    Field("heads[].fit.translation_deviation", "list", "standard deviations of the translation", "metres", 5),
    Field("heads[].fit.mirror", "number", "between the fits of the head as it is and in the mirror", "degrees", 2),
    Field("heads[].mesh", "string", "path of the mesh file, relative to the root"),
    Field("heads[].ignore", "string", "why this head is left out: fit failed, or the condition of filter --keep-heads that it does not meet"),
    *_HEAD_SCORES,
    Field("label", "object", "what was asked for against what was found: head_count (asked, found), accepted, heads", tools=("fit3dmm",)),
    Field("label.heads[].asked", "int", "number of the head among those of target or truth"),
    Field("label.heads[].found", "int", "number of the head among heads; null where none is there", nullable=True),
    Field("label.heads[].delta_deg", "number", "between the rotations that a crop shows; null where there is nothing to compare", "degrees", 3, nullable=True),
    Field("label.heads[].delta_px", "number", "mean distance of the 68 landmarks", "pixels", 2, nullable=True),
    Field("label.heads[].silhouette_iou", "number", "intersection over union of the silhouettes of the 3D heads", decimals=4, nullable=True),
    Field("scores", "object", "name -> number; higher means more of what the name says; one that cannot be had is left out", decimals=5, tools=("pose-extract", "caption", "generate", "score", "filter")),
    *_SCORES,
    Field("cluster", "string", "near-twins share it", tools=("dedupe",)),
    Field("made", "object", "tool -> headkit version, model, options that are not defaults"),
    Field("dropped", "object", "in a ledger, why the record was dropped: tool, reason, score, threshold, values; a record that is kept loses it"),
    Field("error", "object", "tool, kind, message: what is wrong with this record"),
)
# fmt: on
