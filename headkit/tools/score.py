"""Measures how good an image and its labels are: numbers, no decisions, so that thresholds can change without computing anew.

    headkit score < heads.jsonl                                      sharpness, exposure, entropy, size, aspect
    headkit score --score flip,cut,sharpness < heads.jsonl | headkit filter --keep 'scores.flip > 0.9 and len(heads) > 0'

Each score writes a number of its own name into `scores`, some write more, NAME_word, and some write into
`heads[].scores` of each head; headkit-record(5) has them all. Higher is better, or more of what the name says, but for
names that end in _degrees. A number that cannot be had of a record, as the sharpness of heads where there is none, is
left out; filter asks exists(scores.NAME), or says what to take instead: scores.NAME ?? 1.

Scores of heads and people, of networks that detect and pose-extract use:

    flip        heads against those that the same detector finds in the mirror image, put back: the mean overlap of
                the pairs times the F1 of finding them (panoptic quality; pairs overlap by half), 1 where neither has
                one; flip_iou, that mean; flip_count, the smaller number by the larger. Where fit3dmm found the landmarks:
                flip_landmarks, 1 less their distance in sizes of the box, and flip_degrees, between the poses
    cut         the same of heads found in the halves of the picture, cut from top to bottom as near to its middle as no
                head is cut; left out where there is no such line; cut_iou, cut_count
    agreement   with a second detector: the F1 of heads whose middle, as the joints of a body-pose network show it, lies
                in the box; with --second, a detector of heads, as flip (pairs overlap by 0.4), and agreement_iou;
                agreement_count; agreement_faces, of faces, seen as nose and eyes, the share that lies in a head of its own
    pose        mean object key-point similarity of people found to those of `poses`; pose_head, of noses, eyes, ears;
                pose_count
    label       of fit3dmm --check: silhouettes as flip has boxes; label_accepted, 0 or 1; label_count; label_landmarks
                and label_degrees as of flip

The detector is that of detect, with the options it had there: heads that are its own are taken from the record. Heads
of weights of yours need --detector, with the same file.

Scores of pixels and boxes, which need no network:

    sharpness   1 less the blur effect of Crete et al. (2007): what a further blur would take from the picture; seen
                at one size, so that pictures of all sizes compare; sharpness_head, the least of a head
    exposure    0 where the brightest 5% are black or the darkest are white, 1 where they reach beyond middle
                grey; exposure_head, the least of a head, and no more than what of it is not blown out;
                exposure_unclipped, the share of pixels neither black nor blown out
    entropy     of the grey levels, by its maximum: 0 of black or flat pictures; entropy_blocks, of 16 parts of the
                picture, the share in which there is something to see
    border      from the head nearest to an edge of the picture to that edge, in shorter sides of its box, up to 1;
                border_filled, the share of the picture inside bars of one colour along its edges
    size        shorter side of the picture, pixels; size_head, that of the smallest head; size_head_share, of the
                largest head, as a share of the picture's shorter side
    aspect      longer side by shorter, as pose-extract says of photos

A score that is measured again replaces what it said before; others are left alone. With --missing only what a record
lacks is measured. A record whose image cannot be read has an error; heads that are `ignore`d have scores, but do not
count in those of the picture.
"""

from __future__ import annotations

from headkit.scoring import ScoreOptions, before, check, reads, start
from headkit.status import NO_INPUT, USAGE
from headkit.tool import Example

Options = ScoreOptions

__all__ = ["EXAMPLES", "Options", "before", "check", "reads", "start"]

EXAMPLES = (
    Example("headkit generate -n 1 --size 128 < poses.jsonl | headkit score"),
    Example("headkit score --score sharpness,exposure --missing images.jsonl", status=NO_INPUT),
    Example("headkit score --score beauty", '{"id":"a","image":"a.png"}\n', status=USAGE),
)
