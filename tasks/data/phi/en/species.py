"""Names of animals and plants, which are written like names of people: "Sylvia atricapilla", "American Robin"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.data.phi.en import lexicon
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import LOWER, TITLE
from tasks.data.phi.shared.word_lists import word_set

# The second word of a species, in Latin; behind a genus that is also a given name only endings that no verb has ...
_LATIN = re.compile(r"[a-z]{2,}(?:us|a|um|is|ii|i|ae|icans|os|ops|ens|ceps|ax|ix|ex|oides)|coli|sp|spp|subsp|var")
# ... and the end of a genus whose species is called like a person: "Chlorostilbon alice", "Hydrobates melania".
_GENUS = re.compile(r"[a-z]{3,}(?:us|a|um|is|on|es|as|os|ops|ys|yx|ax|phryne)")
# English names of species end in these, too, but so do names of people: they need a word before them that no given
# name is, "American Robin", "House Martin", "Gray-breasted Partridge" ...
_ALSO_SURNAMES = word_set(
    """
    robin martin jay finch crane swift wren partridge drake starling swan nightingale heron fox wolf pike bass admiral
    alder bear beaver bee beech birch bishop brilliant campion cardinal carp cedar chestnut clover cockle condor courser
    cress cricket crow cypress dove eider falcon fern flax gibbon hare hopper juniper laurel leech lion loon marlin
    marten millet miner mint myrtle newt peacock pepper perch phoebe pine plum poppy primrose raven roach roller rook
    ruff spruce thistle weaver whitehead willow worm mamba loris
    """
)
# ... and people are rarely called so: these stay unless a given name stands before them.
_RARELY_SURNAMES = word_set(
    """
    amazon bunting buzzard colobus duck eagle elk emerald goose hake harrier hawk hermit kite knot lark mallard moth
    otter pigeon pika plover quail rail shad shag shrew skater sparrow stint stork swallow teal trumpeter woodcock
    wrack boar salmon
    """
)
# Ends of words that only such names have: "Spatuletail", "Bushlark", "Logrunner".
_WORD_ENDS = (
    "bird", "fish", "tail", "bill", "throat", "creeper", "thrush", "finch", "shrike", "wren", "lark", "catcher",
    "hunter", "pecker", "runner", "gleaner", "worm", "moth", "wort", "weed", "berry",
)  # fmt: skip
# Words of such names that begin with a capital in any text, so that no list of common words has them.
_OF_SPECIES = word_set(
    """
    african american eurasian european asian asiatic australian australasian siberian arctic antarctic indian chinese
    japanese malayan malagasy papuan andean amazonian caribbean mediterranean oriental atlantic pacific california
    cuban jamaican bahama galapagos hawaiian himalayan iberian mexican philippine solomons bornean javan sumatran
    northern southern eastern western central greater lesser river mountain island spotted barred striped streaked
    crested collared bearded hooded masked banded ringed crowned horned spectacled pied tawny pallid dusky sooty rufous
    ferruginous cinereous plumbeous olive buff ashy speckled mottled tufted wild feral domestic desert marine coastal
    alpine boreal tropical lowland montane peregrine mourning winter giant dwarf pygmy mongolian patagonian yunnan
    taiwan ryukyu ethiopian malaysian indochinese torresian cape mangrove field water scots norway silver lone horse
    """
)
# "Chestnut-capped", "Yellow-rumped": a part of an animal and how it looks.
_LOOKS = re.compile(r"[a-z]+-[a-z]+ed")
_COLOURS = frozenset(("black", "blue", "brown", "golden", "gray", "green", "grey", "pearl", "red", "white", "yellow"))
# Animals that people keep: "Martha's parrot" is about Martha.
_KEPT_BY_PEOPLE = word_set(
    """
    parrot parakeet budgerigar canary snake goat mouse rat turtle tortoise lizard gecko iguana goldfish chicken duck
    goose pigeon cockatoo macaw tarantula frog toad buffalo camel python banana strawberry onion tomato cucumber grape
    """
)
# Names that are also words: before the name of an animal they are part of it ("Forest Swift").
_LANDSCAPE = frozenset(("house", "marsh", "reed", "wood", "rock", "snow", "forest", "hill"))


@dataclass(frozen=True, slots=True)
class SpeciesWeights:
    """How far an animal may stand behind the name that it carries."""

    # Words in lower case: "Mayne's house dust mite" has three. No effect in these texts.
    reach: int = 3


WEIGHTS = SpeciesWeights()
_PAIR = 2  # words of "Grey Heron"
_NO_PART = word_set("and or was is has had with of in at to saw from ate the a")


def named(scan: Scan, first: int, last: int) -> bool:
    """Whether a row of capitals is a species, or the genus of one whose second word follows in lower case."""
    if _common(scan, first, last):
        return True
    if scan.capital(last) and scan.joined(last):
        head = scan.low(scan.run_end(last) - 1)
        if scan.words[last - 1].possessive:  # "Baird's Junco"
            return _animal(head) or head in _RARELY_SURNAMES
        if _animal(head):  # "Philippine Hanging-Parrot": the row was cut at its second word
            return True
    owner = scan.words[last - 1].possessive and scan.low(last - 1) in lexicon.usual_given_names()
    if not owner and lower(scan, last):
        return True
    if last >= len(scan.words) or scan.gaps[last] != " " or scan.words[last - 1].shape != TITLE:
        return False
    second = scan.low(last)
    return (
        scan.words[last].shape == LOWER
        and bool(_LATIN.fullmatch(second))
        and (second not in lexicon.words() or second in ("coli", "sp", "spp", "albicans", "aureus", "major", "minor"))
        and second not in lexicon.surnames()
        and second not in lexicon.given_names()
    )


def epithet(scan: Scan, index: int) -> bool:
    """Whether a word in lower case that is a name, too, is the second of a species: "Chlorostilbon alice"."""
    if index == 0 or scan.gaps[index] != " " or scan.words[index - 1].shape != TITLE:
        return False
    genus = scan.low(index - 1)
    return (
        bool(_GENUS.fullmatch(genus))
        and genus not in lexicon.words()
        and genus not in lexicon.surnames()
        and genus not in lexicon.given_names()
    )


def lower(scan: Scan, last: int) -> bool:
    """Whether the few words behind a row of capitals end in an animal or a plant: "Gunther's frog", "Georgia satyr"."""
    for index in range(last, min(last + WEIGHTS.reach, len(scan.words))):
        low = scan.low(index)
        if scan.gaps[index] not in (" ", "' ") or scan.words[index].shape != LOWER or low in _KEPT_BY_PEOPLE:
            return False
        if low in _NO_PART:
            return False
        if _animal(low) or low in _RARELY_SURNAMES or low in _ALSO_SURNAMES:
            return low not in lexicon.words()
    return False


def behind(scan: Scan, first: int) -> bool:
    """Whether the row of capitals that begins at a word, which may be a town's, ends as a species does."""
    last = scan.run_end(first)
    return (last - first > 1 and _common(scan, first, last)) or lower(scan, last)


def _animal(low: str) -> bool:
    ends = lexicon.species_ends()
    part, _, head = low.rpartition("-")
    if low in ends or head in ends or (low.endswith("s") and low[:-1] in ends):
        return True
    if part and head in _RARELY_SURNAMES:  # "Wood-Pigeon"
        return True
    if part and head in _ALSO_SURNAMES:  # "Cuckoo-Dove"
        return part in _LANDSCAPE or (part not in lexicon.surnames() and part not in lexicon.given_names())
    return low.endswith(_WORD_ENDS) and low not in _WORD_ENDS and low not in lexicon.surnames()


def _common(scan: Scan, first: int, last: int) -> bool:
    """Whether a row ends in the English name of an animal or a plant: "White-whiskered Laughingthrush"."""
    low = scan.low(last - 1)
    if _animal(low):
        return True
    if any("-" in scan.low(index) and _LOOKS.fullmatch(scan.low(index)) for index in range(first, last - 1)):
        return True
    if low.endswith("s") and low not in lexicon.surnames():
        low = low.removesuffix("s")
    before = scan.low(last - 2) if last > 1 and scan.joined(last - 1) and scan.capital(last - 2) else ""
    if low in _RARELY_SURNAMES:
        kept = before in _OF_SPECIES or before in _COLOURS or before in _LANDSCAPE
        return bool(before) and (kept or before not in lexicon.given_names())
    if low not in _ALSO_SURNAMES:
        return False
    if any(scan.low(index) in _OF_SPECIES for index in range(first, last - 1)):
        return True
    if before in _COLOURS and last - first == _PAIR and low not in lexicon.given_names():
        return True
    if before in lexicon.words() and before not in lexicon.usual_given_names():
        return before not in lexicon.ambiguous() or before in _LANDSCAPE
    return False
