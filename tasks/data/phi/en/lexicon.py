"""What is a word, a name or a town: lists of thousands of entries, each read once, when first needed.

Names come from Faker's locales, the rest from `lists/`, where each file says in its first lines what it holds.
"""

from __future__ import annotations

import pkgutil
import re
from functools import cache
from importlib import import_module

from tasks.data.phi.shared import word_lists
from tasks.home import CHECKOUT

READS = ("tasks/data/phi/en/lists",)
_LISTS = CHECKOUT / READS[0]
_LATIN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def _listed(name: str) -> frozenset[str]:
    """The entries of `lists/NAME.txt`."""
    return word_lists.read_lines(_LISTS / f"{name}.txt")


@cache
def words() -> frozenset[str]:
    """Common English and medical words, lower case."""
    return _listed("common_words") | _listed("clinical_words") | ambiguous()


@cache
def ambiguous() -> frozenset[str]:
    """Names that are also words: they need a capital letter and support from their context."""
    return _listed("names_that_are_words")


@cache
def eponyms() -> frozenset[str]:
    """Names that diseases, signs, scores, methods and genes carry."""
    return _listed("eponyms")


@cache
def species_ends() -> frozenset[str]:
    """Last words of English names of animals and plants that are no usual surnames, lower case."""
    return _listed("species_ends")


@cache
def cities() -> frozenset[str]:
    """Large cities of the world, lower case, some of several words."""
    return _listed("cities")


@cache
def countries() -> frozenset[str]:
    """Country names, which are no identifiers, lower case."""
    from faker.providers.address import Provider

    return frozenset(name.lower() for name in Provider.countries)


@cache
def given_names() -> frozenset[str]:
    """Given names of many countries, lower case."""
    return _people(("first_name", "first_romanized", "romanized_")) - _NOT_NAMES


@cache
def surnames() -> frozenset[str]:
    """Surnames of many countries, lower case."""
    return _people(("last_name", "last_romanized")) - _NOT_NAMES


@cache
def lone_given_names() -> frozenset[str]:
    """Usual English given names that are no words: a name even in lower case and without context."""
    lone = _lists_of("faker.providers.person.en_US", ("first_name",)) | _lists_of(
        "faker.providers.person.en_GB", ("first_name",)
    )
    return frozenset(lone) & usual_given_names()


@cache
def usual_given_names() -> frozenset[str]:
    """Given names that are usual in ten large languages and are no words: with a capital, they need no context."""
    usual: set[str] = set()
    for locale in ("en_US", "en_GB", "en_IN", "es_ES", "de_DE", "fr_FR", "it_IT", "pl_PL", "tr_TR", "sv_SE"):
        usual |= _lists_of(f"faker.providers.person.{locale}", ("first_name",))
    return frozenset(usual) - words() - eponyms() - cities() - _NOT_NAMES


def _people(prefixes: tuple[str, ...]) -> frozenset[str]:
    """The names of persons of all Faker's locales."""
    package = import_module("faker.providers.person")
    names: set[str] = set()
    for module in pkgutil.iter_modules(package.__path__):
        names |= _lists_of(f"faker.providers.person.{module.name}", prefixes)
    return frozenset(names)


def _lists_of(module: str, prefixes: tuple[str, ...]) -> set[str]:
    """Latin names of two letters or more in the lists of a Faker provider whose attribute names begin so."""
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
                    for word in value.split()
                    if len(word) > 1 and _LATIN.fullmatch(word)
                )
    return names


# Entries of Faker's lists that are titles or particles.
_NOT_NAMES = word_lists.word_set(
    """
    de da di do du dos das del della van von der den ten ter la le les los el al bin ibn ben bint abu abd ul ud san
    china st jr sr ii iii iv dr mr mrs ms prof the and of in on at by for to a an is as or be he she it we you ph md
    """
)
