"""Word lists, each read once, when first needed.

Names come from Faker's locales. The files under `lists/` were written for Galen: common English and medical words in
lower case (a word of this list is no name unless its context says so), names that are also words, eponyms, cities.
"""

from __future__ import annotations

import pkgutil
import re
from functools import cache
from importlib import import_module
from pathlib import Path

_LISTS = Path(__file__).parent / "lists"
_LATIN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def read_list(name: str) -> frozenset[str]:
    """The lines of `lists/NAME.txt`."""
    return frozenset((_LISTS / f"{name}.txt").read_text(encoding="utf-8").split("\n")) - {""}


@cache
def words() -> frozenset[str]:
    """Common English and medical words, lower case."""
    return read_list("words_en") | read_list("ambiguous_names_en") | _CLINICAL


@cache
def ambiguous() -> frozenset[str]:
    """Names that are also words: they need a capital letter and support from their context."""
    return read_list("ambiguous_names_en")


@cache
def eponyms() -> frozenset[str]:
    """Names that diseases, signs, scores, methods and genes carry."""
    return read_list("eponyms_en")


@cache
def cities() -> frozenset[str]:
    """Large cities of the world, lower case, some of several words."""
    return read_list("cities")


@cache
def countries() -> frozenset[str]:
    """Country names, which are no identifiers, lower case."""
    from faker.providers.address import Provider

    return frozenset(name.lower() for name in Provider.countries)


@cache
def minor_places() -> frozenset[str]:
    """Towns and counties of many countries, lower case: places only where the context expects one."""
    return _faker("address", ("cit", "counties", "districts", "provinces", "municipalities", "towns")) - countries()


@cache
def given_names() -> frozenset[str]:
    """Given names of many countries, lower case."""
    return _faker("person", ("first_name", "first_romanized", "romanized_")) - _NOT_NAMES


@cache
def surnames() -> frozenset[str]:
    """Surnames of many countries, lower case."""
    return _faker("person", ("last_name", "last_romanized")) - _NOT_NAMES


@cache
def lone_given_names() -> frozenset[str]:
    """Usual English given names that are no words: a name even in lower case and without context."""
    lone = _lists_of("faker.providers.person.en_US", ("first_name",)) | _lists_of(
        "faker.providers.person.en_GB", ("first_name",)
    )
    return frozenset(lone) & usual_given_names()


@cache
def usual_given_names() -> frozenset[str]:
    """Given names that are usual in one of ten large languages and are no words: with a capital, they need no context."""
    usual: set[str] = set()
    for locale in ("en_US", "en_GB", "en_IN", "es_ES", "de_DE", "fr_FR", "it_IT", "pl_PL", "tr_TR", "sv_SE"):
        usual |= _lists_of(f"faker.providers.person.{locale}", ("first_name",))
    return frozenset(usual) - words() - eponyms() - cities() - _NOT_NAMES


def _faker(provider: str, prefixes: tuple[str, ...]) -> frozenset[str]:
    package = import_module(f"faker.providers.{provider}")
    names: set[str] = set()
    for module in pkgutil.iter_modules(package.__path__):
        names |= _lists_of(f"faker.providers.{provider}.{module.name}", prefixes)
    return frozenset(names)


def _lists_of(module: str, prefixes: tuple[str, ...]) -> set[str]:
    """Latin names of three letters or more in the lists of a Faker provider whose attribute names begin so."""
    provider = import_module(module).Provider
    names: set[str] = set()
    for attribute in dir(provider):
        if attribute.startswith(prefixes) and not attribute.endswith(("formats", "prefixes", "suffixes")):
            values = getattr(provider, attribute)
            if isinstance(values, (list, tuple, dict)):
                # A name of several words ("Del Carmen") is found by its words.
                names.update(
                    word.lower()
                    for value in values
                    if isinstance(value, str)
                    for word in ([value] if provider.__module__.count("address") else value.split())
                    if len(word) > 1 and (_LATIN.fullmatch(word) or " " in word)
                )
    return names


# Clinical shorthand, which word lists made from edited text lack.
_CLINICAL = frozenset(
    """pt pts hx fhx pmh psh sx tx dx rx fx bx ax cx abx dxd txd ho co wo wi yo yof yom yf ym sp fu fup prn bid tid qid
    qd qhs po iv im sc sq npo nkda ros hpi cc bp hr rr temp sat sats spo wt ht bmi labs lab meds med mgmt mgmnt mgt
    eval evals recs rec rpt appt appts eta asap pls plz thx ty re incl esp approx poss prob resp neg pos wnl nad abd
    ext neuro psych cardio gastro pulm renal endo onc heme derm ortho uro gyn obgyn peds ped ent optho ophtho ed er
    icu ccu nicu picu pacu or pcp np pa rn md do phd dds rph attending resident intern fellow nurse doc docs doctor
    htn dm dmii tdm chf copd cad cabg mi cva tia pe dvt afib vtach svt ckd esrd gerd ibs ibd ra sle oa uti uri bph
    hld hl osa asthma hiv hcv hbv mrsa vre cdiff tb ca ckd aki arf ards cxr ct mri pet us ecg ekg echo eeg emg egd
    colonoscopy cbc bmp cmp lft lfts tsh inr ptt bun cr egfr hgb hct plt wbc ldl hdl hba alc insulin metformin
    lisinopril atorvastatin losartan amlodipine warfarin aspirin tylenol advil motrin aleve ibuprofen zoloft prozac
    lexapro xanax ativan ambien lasix lipitor crestor zocor plavix eliquis xarelto coumadin humira enbrel remicade
    keytruda opdivo herceptin avastin rituxan gleevec synthroid nexium prilosec protonix pepcid zantac singulair
    advair symbicort spiriva ventolin albuterol lantus humalog novolog ozempic wegovy mounjaro trulicity victoza
    januvia jardiance farxiga entresto norvasc diovan cozaar benicar toprol coreg tenormin gabapentin neurontin
    lyrica cymbalta effexor wellbutrin abilify seroquel zyprexa risperdal lithium depakote lamictal tegretol keppra
    dilantin topamax adderall ritalin concerta viagra cialis flomax proscar fosamax boniva prolia tamiflu paxlovid
    augmentin amoxicillin zithromax cipro levaquin bactrim keflex vancomycin zosyn rocephin flagyl
    who what when where why which whose how hi hello hey dear regards sincerely thanks please best kind thank yes no
    okay ok lbs kg mg ml mcg dose doses tab tabs cap caps daily weekly monthly asian caucasian hispanic latina latino
    african american black white male female man woman boy girl lady gentleman guy kid baby infant child toddler teen
    adult elderly middle aged old year years yr yrs month months week weeks day days today yesterday tomorrow
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december spring summer autumn fall winter christmas easter
    discharge summary letter note notes admission admitted history exam examination assessment plan impression
    united states kingdom america europe asia africa antarctica north south east west northern southern eastern western
    southeast southwest northeast northwest central national federal ministry institute institutes library society
    association academy foundation council committee commission college university center centre department division
    review registry encyclopedia gene case day table figure fig section chapter part appendix group arm phase step visit
    german french english irish scottish welsh dutch polish turkish chinese japanese korean indian swedish danish finnish
    norwegian greek italian spanish portuguese russian jewish arab arabic israeli iranian iraqi thai vietnamese
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda sigma omega tau phi chi psi rho
    hum mol genet surg clin res biol chem sci proc natl acad engl lancet nat cell ann arch int euro acta eur assoc soc
    jama bmj circ neurol pediatr intern emerg maxillofac oral ophthalmol dermatol radiol pathol obstet gynecol anesth
    drs tor union international islander islanders pacific titin nazi internet web online website email fax phone tel address copyright isbn article volume issue page pages
    diagnosis allergies medications vitals subjective objective signed dictated transcribed""".split()  # noqa: SIM905
)

# Entries of Faker's lists that are titles or particles.
_NOT_NAMES = frozenset(
    """de da di do du dos das del della van von der den ten ter la le les los el al bin ibn ben bint abu abd ul ud san
    china st jr sr ii iii iv dr mr mrs ms prof the and of in on at by for to a an is as or be he she it we you ph md
    """.split()  # noqa: SIM905
)
