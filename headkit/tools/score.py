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
                agreement_count; agreement_faces, of faces, seen as nose and eyes, the share that lies in a head
    pose        mean object key-point similarity of people found to those of `poses`; pose_head, of noses, eyes, ears;
                pose_count
    label       of fit3dmm --check: silhouettes as flip has boxes; label_accepted, 0 or 1; label_count; label_landmarks
                and label_degrees as of flip

The detector is that of detect, with the options it had there: heads that are its own are taken from the record; where
they are not, it looks anew, and `heads[]` have no flip and cut of their own. Heads of weights of yours need --detector,
with the same file.

Scores of pixels and boxes, which need no network:

    sharpness   1 less the blur effect of Crete et al. (2007): what a further blur would take from the picture; seen
                at one size, so that pictures of all sizes compare; noise and grain are sharp to it; sharpness_head, the
                least of a head
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

Scores of what a picture shows, of networks that have to be fetched; without them score ends in 69 before a record is read.
One look of CLIP (--clip-model) at each picture serves all three. It sees the square in the middle of the picture:

    nsfw        how likely it is not fit to be seen, 0 to 1, refused by its network from 0.5 on. Of CLIP alone, with
                LAION's safety concepts and thresholds, which are of ViT-L-14:openai; or, with --nsfw-model, of LAION's
                head (clip_ViT-L-14_openai_binary_nsfw_head.pth) or a classifier (Falconsai/nsfw_image_detection), as
                generate --screen nsfw has it
    aesthetic   how surely it is a good photo rather than a bad one, 0 to 1, by the texts of CLIP-IQA (Wang et al. 2023);
                aesthetic_laion, with --aesthetic-model, the rating of LAION's predictor (sac+logos+ava1-l14-linearMSE.pth).
                Both prefer some people and subjects to others: no preset of filter uses them
    clipscore   2.5 times the cosine of picture and prompt, at least 0 (Hessel et al. 2021, theirs with ViT-B-32:openai); of
                prompts over 77 tokens the beginning

Identity, of a face network that you bring (--face-model, ONNX or TorchScript; it sees (n, 3, 112, 112), RGB from -1 to 1,
turned to ArcFace's five points by our landmarks, and gives n vectors):

    identity    the highest cosine of a face of the image with one of the gallery, -1 to 1, and in heads[].scores that of
                each head. Heads of which fewer than three of eyes, nose and corners of the mouth are seen have none, and
                an image of only such heads has none: filter asks scores.identity ?? -1. Ignored heads count too

    headkit score --score identity --face-model arc.onnx --gallery celebs.npz --gallery-from people/ < /dev/null
    headkit score --score identity --face-model arc.onnx --gallery celebs.npz --probes more/ --fmr 1e-6 < heads.jsonl |
        headkit filter --keep '(scores.identity ?? -1) < made.score.identity.threshold'
    headkit score --score identity --face-model arc.onnx --gallery photos/ < heads.jsonl

The first makes a gallery of photos, a folder for each person; of a photo the largest head counts. The file (numpy's .npz, no
pickle) holds vectors and, for who each is, a hash of the folder's name; it is readable by its owner alone, and personal data
like the photos. The last compares each image with the photo that its pose came from, found in the folder by source.sha256,
or by source.path; it keeps no embedding. A record that comes from no photo has no score there; one whose photo is missing
has an error.

What a cosine means is measured, or called "not measured", in made.score.identity. At --fmr RATE, threshold is the lowest
cosine at which no more than that share of pairs of different people match: one photo each of the people in the gallery, or
in the file of --impostors. Fewer than 3 / RATE pairs support no such rate, and are refused: 1e-6 takes 2,450 people. With
--probes, true_match_rate is the share of other photos of gallery people that reach the threshold with one of their own.
Both rates come with their 95% interval, as [share, low, high]: Clopper and Pearson's, for the number of independent
comparisons that have the variance between people (Korn and Graubard 1998), since the comparisons of one person depend on
each other. Of 100 samples of 120 people, 95 such intervals held the rate of 1,500 others; taken as if pairs were
independent, 59. A gallery of n faces is reached by about n times RATE of strangers. People who are there under two names
raise the threshold. Probes without a face that is found do not count.

Run here were networks of random weights through the real files, and our own detector and landmarks on photos: faces come to
lie within a few pixels of the five points. Neither the published CLIP, nor LAION's heads, nor a trained face network was
within reach: how well they judge renders is not measured.

A score that is measured again replaces what it said before; others are left alone. With --missing only what a record
lacks is measured. A record whose image cannot be read has an error; heads that are `ignore`d have scores, but do not
count in those of the picture.
"""

from __future__ import annotations

from headkit.scoring import ScoreOptions, before, check, reads, start
from headkit.status import NO_INPUT, UNAVAILABLE, USAGE
from headkit.tool import Example

Options = ScoreOptions

__all__ = ["EXAMPLES", "Options", "before", "check", "reads", "start"]

EXAMPLES = (
    Example("headkit generate -n 1 --size 128 < poses.jsonl | headkit score"),
    Example("headkit score --score sharpness,exposure --missing images.jsonl", status=NO_INPUT),
    Example("headkit score --score beauty", '{"id":"a","image":"a.png"}\n', status=USAGE),
    Example(
        "headkit score --score identity --gallery celebs.npz",
        '{"id":"a","image":"a.png","heads":[]}\n',
        status=UNAVAILABLE,
    ),
    Example(
        "headkit score --score nsfw --clip-model ViT-B-32:openai",
        '{"id":"a","image":"a.png"}\n',
        status=USAGE,
    ),
)
