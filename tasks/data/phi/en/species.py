"""Names of animals and plants, which are written like names of people: "Sylvia atricapilla", "American Robin"."""

from __future__ import annotations

import re

from tasks.data.phi.en import lexicon
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import LOWER, TITLE
from tasks.data.phi.shared.word_lists import word_set

# The second word of a species, in Latin.
_LATIN = re.compile(r"[a-z]{2,}(?:us|a|um|is|ii|i|ae|icans)|coli|sp|spp|subsp|var")
# The last word of an English name of a species that is hardly ever a surname ...
_ANIMALS = word_set(
    """
    accentor albatross antbird auk avocet babbler bee-eater bittern blackbird bluebird bluetit bobwhite booby
    bulbul bunting buzzard caracara cardinal catbird chaffinch chickadee chough condor coot cormorant corncrake
    cowbird crossbill crow cuckoo curlew dipper dotterel dove duck duckling dunlin dunnock eagle egret eider
    falcon fieldfare flamingo flicker flycatcher frigatebird fulmar gadwall gannet gnatcatcher godwit goldcrest
    goldeneye goldfinch goose goosander goshawk grackle grebe greenfinch greenshank grosbeak grouse guillemot
    gull gyrfalcon harrier hornbill hummingbird ibis jackdaw jacana junco kestrel kingbird kingfisher kinglet
    kittiwake knot lapwing lark linnet loon lorikeet macaw magpie mallard merganser mockingbird moorhen murre
    nighthawk nightjar nutcracker nuthatch oriole osprey ostrich ouzel ovenbird owl oystercatcher parakeet
    parrot pelican penguin petrel phalarope pheasant phoebe pigeon pintail pipit plover pochard puffin quail
    rail raven razorbill redhead redpoll redshank redstart redwing rook rosefinch ruff sanderling sandpiper
    sapsucker shag shearwater shelduck shrike siskin skua skylark snipe sparrow sparrowhawk spoonbill stonechat
    stork sunbird swallow tanager tapaculo teal tern thrasher thrush tit titmouse toucan towhee treecreeper
    turnstone turtledove vireo vulture wagtail warbler waxbill waxwing weaver wheatear whimbrel whinchat
    whitethroat wigeon woodcock woodpecker woodpigeon wryneck yellowhammer yellowlegs bat bear beetle butterfly
    bee frog toad lizard snake turtle tortoise shark trout carp salmonella shrew vole mouse rat squirrel hare
    deer elk moose whale dolphin seal otter badger weasel monkey macaque baboon lemur
    """
)
# ... and one that often is: only behind a word of the language, "American Robin", "House Martin", "Blue Jay".
_ALSO_SURNAMES = word_set(
    """
    robin martin jay finch crane swift wren partridge hawk drake starling kite swan nightingale heron fox wolf pike bass
    """
)


def named(scan: Scan, first: int, last: int) -> bool:
    """Whether a row of capitals is a species, or the genus of one whose second word follows in lower case."""
    low = scan.low(last - 1)
    if low in _ANIMALS and last - first > 1:
        return True
    before = scan.low(last - 2) if last > 1 and scan.joined(last - 1) and scan.capital(last - 2) else ""
    if low in _ALSO_SURNAMES and before in lexicon.words() and before not in lexicon.usual_given_names():
        return before not in lexicon.ambiguous() or before in ("house", "marsh", "reed", "wood", "rock", "snow")
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
