"""What the rules for English names weigh: the points of a row of capitalised words, and how far they look.

At `enough` points a row is a name. The scale: a usual given name with a capital is enough by itself, any other listed
name needs some support, a word in no list needs a cue as strong as "patient" or a second such word.

Behind each reason stands what the change does that `python -m bench.phi_weights` found to matter most: values recalled
more or fewer in the gold set (182 of them), the tagged queries (1,444), general sentences (1,644) and generated texts
(4,485); "wrong" counts replacements that hit no tagged value, "public" those in 400 abstracts. "No effect" means: in
none of these. What such a weight is for, a sentence shows where one was found; tests/data/test_phi_weights.py holds it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeopleWeights:
    """Points and reaches of `people_score`, `people_unlisted`, `people_cues` and `people`."""

    # The sum that makes a name. -0.2: generated +36, but 16 more wrong, public 6; +0.2: gold -7, generated -147.
    enough: float = 2.0

    # --- each word of the row ---
    # A given name usual in ten large languages, and no word: enough alone. -0.2: gold -3; off: queries -186.
    usual_given: float = 2.0
    # Any other listed given name: not enough alone. Off: gold -5, generated -69; +0.2: one wrong in queries and public.
    given: float = 1.4
    # A listed surname: more of them are words or towns than given names are. Off: queries -1, generated -37.
    surname: float = 1.2
    # A word in no list: a strong cue must come to it. Off: gold -4, generated -353; +0.2: public 5 wrong.
    in_no_list: float = 0.5
    # A listed name that is a word, too ("Hope"). Off: queries -3, generated -99.
    word_and_name: float = 0.6
    # The same where a sentence begins, and any word has its capital. +0.2: generated +30, 16 wrong; off: -1.
    word_opening: float = 0.3
    # A listed name that a disease carries, too ("Graves"). Off: queries -4, generated -35; -0.2: public 2 wrong.
    eponym: float = 0.8
    # A town, state or country weighs no more than this, whatever else lists it ("Paris"). Off: generated -1.
    town_at_most: float = 0.8
    # Letters below which the same holds: many words of two letters are listed as names somewhere. +1: generated -2.
    short_below: int = 3
    # Share that a word in capitals keeps: most are abbreviations. No effect; off, "with JAMES MILLER today" is lost.
    capitals_share: float = 0.6
    # "J." beside another name. Off: queries -3, generated -9.
    initial: float = 0.7
    # "De" with a capital; "de" adds nothing. No effect: what it joins is a name without it.
    particle: float = 0.2

    # --- the row as a whole ---
    # A given name first and a surname last. Off: generated -1.
    given_and_surname: float = 0.4
    # Two words or more that are no words of the language, countries or eponyms. Off: generated -230.
    all_in_no_list: float = 1.2
    # A listed given name first, and a surname or a word in no list, in running text. Off: generated -117.
    given_and_strange: float = 1.2
    # A word in no list and a surname last, in running text. No effect; off, "for Xolbratu Long" is lost.
    strange_and_surname: float = 0.6
    # Each word is a word of the language ("May Day"), and the context below is not reached. Off: generated +3; it is
    # for headings and titles, in which all words have capitals.
    only_words: float = -1.0
    # Context that spares a row of words. +0.2: generated -5.
    only_words_context: float = 1.0
    # Context that spares a single word. +0.2: generated -49.
    one_word_context: float = 1.5
    # Each word is an eponym ("Hodgkin"), and the context below is not reached. No effect: `Scan.medical` keeps those
    # that stand before what they name; this is for the others.
    only_eponyms: float = -1.0
    # Context that spares a row of eponyms. No effect.
    only_eponyms_context: float = 1.0
    # Context that a single word in capitals needs: else it is an abbreviation. No effect: the lists and
    # `capitals_letters` stop most of them before.
    abbreviation_context: float = 1.6
    # Nothing but initials ("A B"). Off: generated 16 wrong.
    only_initials: float = -1.0
    # Initials behind a cue, closed with a full stop: "patient J.D.". No effect: `enough` is reached without.
    initials_cued: float = 2.0
    # What stands before initials must be worth this. Off: public 22 wrong.
    initials_context: float = 1.5

    # --- what stands before the row: the strongest counts ---
    # "Name:", "Signed:", "Assistant:" - a label and its colon, enough alone. Off: generated -61.
    label: float = 2.2
    # "patient", "my daughter": with a word in no list it is enough. -0.2: gold -2, generated -87.
    cue: float = 1.6
    # "name is", "patient was", as strong as a cue. Off: generated -1.
    name_is: float = 1.6
    # "this is X calling", as strong as a cue. -0.2: gold -1, generated -5.
    this_is: float = 1.6
    # "Regards, X", or the last line. -0.2: generated -15.
    signature: float = 1.6
    # "58F X". Off: generated -11.
    sex_code: float = 1.6
    # "Bed 4: X". No effect; off, "Room 12, Xolbratu stable" is lost.
    in_room: float = 1.6
    # A Chinese word that announces a person, in a Chinese text. No effect; off, "患者Xolbratu今日入院" is lost.
    chinese_cue: float = 1.6
    # "spoke with X": somewhat weaker than a cue, since one talks with services, too. Off: generated -2.
    talked_with: float = 1.5
    # "seen by X". Off: gold -1, generated -3, public 2 fewer wrong.
    done_by: float = 1.5
    # "assisted X": drugs and devices are turned and fed as well. -0.2: generated -2; +0.2: +9, but public 5 wrong.
    nursed: float = 1.3
    # A comma, bracket or dash in a sentence that has spoken of a person. Off: queries -7, generated -13.
    aside: float = 1.2
    # "treat X Y": two capitals, as one treats diseases, too. -0.2: generated -4.
    dealt_with: float = 1.0
    # "for X", "told X": a listed name is then enough. +0.2: public 1 wrong; off: generated -1.
    weak_cue: float = 0.5

    # --- what stands behind the row: the strongest counts, and is added ---
    # "X Y, MD": enough alone. Off: gold -1, generated -12.
    degree: float = 2.0
    # The same behind one word of the language. No effect; at 2, "See Page, MD" is a doctor.
    degree_behind_word: float = 0.5
    # ", MRN 1234", "(DOB ...": with a word in no list it is enough. -0.2: generated -9.
    record: float = 1.6
    # "complains", "denies": what patients do. No effect; off, "Then Xolbratu denies pain" is lost.
    patient_verb: float = 1.5
    # "X's mother", "X's labs". No effect; off, "I called Xolbratu's mother" is lost.
    owned: float = 1.5
    # "X, who". Off: generated -23.
    who: float = 1.5
    # "X ambulated": what notes say of a person only. -0.2: generated -77; +0.2: +30, but 16 wrong.
    does: float = 1.5
    # ", 54 years old". Off: gold -1, generated -19.
    age: float = 1.2
    # "lives", "told": of a person, but in studies also of others. Off: generated -2.
    person_verb: float = 1.0
    # "X received": drugs do, too. Off: generated -4.
    undergoes: float = 0.9
    # "X was": little more than a listed name needs. Off: generated -1.
    after_cue: float = 0.6
    # The same behind a comma. No effect; off, "for Okafor, seen here" is lost.
    after_cue_apart: float = 0.4

    # --- ordinary prose (people_said) ---
    # "says X", "X shouted", "X's kid", "call me X": with a word in no list it is enough. Off: general -82; gold -1.
    said: float = 1.6
    # A listed name alone among lower-case words, within a sentence. Off: generated -2, public 1 fewer wrong.
    prose: float = 0.8
    # Letters that such a name needs: three are amino acids ("Leu") and enzymes ("Eco"). No effect but in gene papers.
    prose_letters: int = 4

    # --- how far the rules look, and what is too short ---
    # Words of a name behind its titles: a heading may follow. No effect.
    longest: int = 5
    # Words back to the person whom a sentence has spoken of. No effect: most sentences end before.
    person_reach: int = 24
    # Words of a surname before a comma: "Ruiz Perez, Ana". No effect.
    surname_words: int = 2
    # Words of the given names behind that comma. No effect; at 1, "Okafor, Jean Paul Marie" keeps the last two.
    given_words: int = 3
    # Words of a row with too few points, from which its first word is cut off if it is an eponym. No effect.
    eponym_row: int = 3
    # Letters of a listed name in capitals. No effect; at 3, KIM is found, but ANA, a test, may go, too.
    capitals_letters: int = 4
    # Letters of a surname in capitals before a comma. No effect; at 4, "RE: OKA, Jean" keeps OKA.
    family_letters: int = 3
    # Letters of each part of "Mbatha-Raw"; one letter is "X-Ray". +1: gold -1, generated -31.
    part_letters: int = 2
    # Words on each side that show whether capitals mean something. -1: generated +4; +1: -8.
    prose_reach: int = 3
    # Share of them in lower case. +0.2: generated -69; off: +14, but every heading is prose then.
    prose_share: float = 0.5
    # Characters between a name and its record number: " (Hospital number ". Half: generated -9; double: queries -1.
    record_reach: int = 24
    # Characters of "Room 12, " before a name. No effect; at 4, "Room 12, Xolbratu stable" is lost.
    room_reach: int = 16


WEIGHTS = PeopleWeights()
