"""The questions of a datasheet, in our own short words, and who answers each.

After T. Gebru, J. Morgenstern, B. Vecchione, J. Wortman Vaughan, H. Wallach, H. Daume III and K. Crawford: Datasheets for
Datasets, Communications of the ACM 64(12), 2021, doi:10.1145/3458723. All 57 of them, in their seven sections and their
order; the wording here is shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Question:
    """One question. `key` names the function of answers that answers from data; `place` what the maker says of it."""

    text: str
    key: str = ""
    place: str = ""


_ASK = Question
_ANYTHING = "Is there anything else to say?"
SECTIONS: Final[dict[str, tuple[Question, ...]]] = {
    "Motivation": (
        _ASK("What was it made for? Which task, which gap?", place="motivation.purpose"),
        _ASK("Who made it, on behalf of whom?", place="motivation.creators"),
        _ASK("Who paid for it?", place="motivation.funding"),
        _ASK(_ANYTHING, place="motivation.comments"),
    ),
    "Composition": (
        _ASK("What does an instance stand for? Are there several kinds?", "instances"),
        _ASK("How many instances are there, of each kind?", "how_many"),
        _ASK("Is it all there could be, or a sample? Of what, and how representative?", "sample"),
        _ASK("What data does an instance consist of?", "data"),
        _ASK("Does each instance have a label or target?", "labels"),
        _ASK("Is anything missing from instances, and why?", "missing"),
        _ASK("Are relations between instances made explicit?", "relations"),
        _ASK("Are there recommended splits?", "splits"),
        _ASK("Which errors, noise and redundancies are there?", "noise"),
        _ASK("Does it stand alone, or does it depend on outside resources?", "alone"),
        _ASK("Is any of it confidential?", "confidential", "composition.confidential"),
        _ASK("Could looking at it offend, insult, threaten or distress?", "offensive", "composition.offensive"),
        _ASK("Does it tell subpopulations apart, as by age or sex? How are they spread?", "subpopulations"),
        _ASK("Could a person be identified, directly or indirectly?", "identifiable"),
        _ASK("Does it hold sensitive data, such as origin, religion, health?", "sensitive"),
        _ASK(_ANYTHING, place="composition.comments"),
    ),
    "Collection process": (
        _ASK("How was the data of each instance acquired: seen, reported, derived? Was it checked?", "acquired"),
        _ASK("By what mechanisms or procedures, and how were these validated?", "mechanisms"),
        _ASK("If it is a sample of something larger, how was it drawn?", "sampling"),
        _ASK("Who took part, and how were they paid?", "", "collection.people"),
        _ASK("Over what time was it collected?", "period", "collection.timeframe"),
        _ASK("Was there an ethical review?", "", "collection.review"),
        _ASK("Did the data come from the people themselves, or from elsewhere?", "from_people"),
        _ASK("Were the people told of the collection?", "told", "collection.consent"),
        _ASK("Did they consent?", "consented", "collection.consent"),
        _ASK("Could they withdraw their consent?", "withdrawn", "collection.revocation"),
        _ASK("Was the effect on people studied beforehand?", "", "collection.impact"),
        _ASK(_ANYTHING, place="collection.comments"),
    ),
    "Preprocessing, cleaning, labeling": (
        _ASK("What was done to the data before it is used here?", "processed"),
        _ASK("Was the raw data kept beside it?", "raw", "processing.raw"),
        _ASK("Is the software that did it available?", "software"),
        _ASK(_ANYTHING, place="processing.comments"),
    ),
    "Uses": (
        _ASK("Has it been used already?", "", "uses.done"),
        _ASK("Is there a list of such uses?", "", "uses.papers"),
        _ASK("What else could it be used for?", "uses", "uses.intended"),
        _ASK("What about it could affect future uses, or harm groups of people?", "effects"),
        _ASK("What should it not be used for?", "", "uses.avoid"),
        _ASK(_ANYTHING, place="uses.comments"),
    ),
    "Distribution": (
        _ASK("Will others get it, outside of those who made it?", "", "distribution.third_parties"),
        _ASK("How will it be distributed? Has it a DOI?", "as_what", "distribution.how"),
        _ASK("When will it be distributed?", "", "distribution.when"),
        _ASK("Under which license or terms?", "license"),
        _ASK("Have others put restrictions on any of it?", "restrictions"),
        _ASK("Do export controls or other rules apply?", "", "distribution.export"),
        _ASK(_ANYTHING, place="distribution.comments"),
    ),
    "Maintenance": (
        _ASK("Who supports, hosts and maintains it?", "", "maintenance.who"),
        _ASK("How can its owner be reached?", "", "maintenance.contact"),
        _ASK("Is there an erratum?", "", "maintenance.errata"),
        _ASK("Will it be updated? How often, by whom, and how is that told?", "updates", "maintenance.updates"),
        _ASK("If it relates to people: how long may their data be kept?", "", "maintenance.retention"),
        _ASK("Will older versions be kept up?", "", "maintenance.older"),
        _ASK("How can others extend it or contribute?", "", "maintenance.contribute"),
        _ASK(_ANYTHING, place="maintenance.comments"),
    ),
}  # fmt: skip
