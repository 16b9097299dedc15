"""Whose face it is: embeddings of faces, how near they are, and how often that says the wrong thing.

alignment  a face in the pose that face networks were trained on
looking    the faces of a picture, as vectors
people     photos of known people, by folder, and files of their vectors
matching   the nearest of a gallery; the threshold that a rate of false matches asks for; true matches there
rates      shares with their intervals
"""
