"""Vertices of anny's own topology chosen as landmarks, on labelled close-ups of the mean head and random heads.

The 68 are in the iBUG order (0 is the subject's right ear side). The dense set adds farthest-point samples over
the part of the head that no neck bends: midline, right half, and its mirror images. Samples that fell on skin
that follows the neck were moved to the nearest vertices that do not.
"""

IBUG68 = (
    5738, 5734, 866, 912, 894, 892, 917, 914, 5209, 7600, 7603, 7578, 7580, 7598, 7555, 12315, 12319,  # jaw
    225, 224, 222, 223, 233, 6990, 6981, 6980, 6982, 6983,  # brows
    132, 131, 164, 5038, 288, 285, 317, 7038, 7041,  # nose
    24, 0, 54, 66, 47, 41, 6834, 6822, 6768, 6792, 6809, 6815,  # eyes
    3687, 5338, 450, 455, 7194, 11924, 10339, 7114, 7225, 492, 486, 370,  # outer lip
    444, 471, 474, 7211, 7188, 7226, 493, 487,  # inner lip
)  # fmt: skip
DENSE_MIDLINE = (969, 882, 948, 983, 879, 244, 5352, 5363)
DENSE_RIGHT = (
    877, 5372, 5532, 5545, 5376, 967, 5353, 5137, 970, 949, 5217, 5169, 5355, 939, 988, 240, 884, 1016, 1043, 965,
    960, 5366, 1050, 5437, 954, 5540, 981, 242, 986, 5397, 5385, 1024, 5288, 740, 861, 5212, 944, 260, 5260, 1049,
    270, 1027,
)  # fmt: skip
DENSE_LEFT = (
    7566, 11956, 12114, 12126, 11959, 7648, 11938, 11735, 7650, 7632, 11810, 11765, 11940, 7624, 7667, 6995, 7570,
    7692, 7719, 7646, 7642, 11950, 7726, 12020, 7637, 12121, 7661, 6997, 7665, 11980, 11968, 7700, 11877, 7444,
    7550, 11805, 7628, 7013, 11851, 7725, 7023, 7703,
)  # fmt: skip

# Midline vertices that measures and frames refer to.
NASION, OCCIPUT, NAPE = 132, 962, 5528
