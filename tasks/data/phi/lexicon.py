"""Word lists, each read once, when first needed.

Names come from Faker's locales. Under `lists/`: words_en (English and medical words that public medical texts use in
lower case: such a word is no name unless its context says so), clinical_en (shorthand, drugs and public bodies that
those texts lack), ambiguous_names_en (names that are words as well), eponyms_en, cities and cities_zh.
"""

from __future__ import annotations

import pkgutil
import re
from functools import cache
from importlib import import_module
from pathlib import Path

from tasks.data.phi import word_lists

_LISTS = Path(__file__).parent / "lists"
_LATIN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def read_list(name: str) -> frozenset[str]:
    """The lines of `lists/NAME.txt`."""
    return frozenset((_LISTS / f"{name}.txt").read_text(encoding="utf-8").split("\n")) - {""}


@cache
def words() -> frozenset[str]:
    """Common English and medical words, lower case."""
    return read_list("words_en") | read_list("clinical_en") | ambiguous()


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
    """Given names that are usual in ten large languages and are no words: with a capital, they need no context."""
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


# Entries of Faker's lists that are titles or particles.
_NOT_NAMES = word_lists.words(
    """
    de da di do du dos das del della van von der den ten ter la le les los el al bin ibn ben bint abu abd ul ud san
    china st jr sr ii iii iv dr mr mrs ms prof the and of in on at by for to a an is as or be he she it we you ph md
    """
)
