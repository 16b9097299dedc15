"""How good heads are against truth: the published figures, by their definitions, without their traps.

boxes        average precision by the COCO protocol, and which found head is which true one
measures     errors of one matched head: landmarks, rotation, shape
tally        what is collected over a set, by yaw, size and visibility
table, plots the figures as text, and as pictures
published    ground truth of AFLW2000-3D, 300W and DAD-3DHeads as heads
"""
