"""The words by which ordinary prose speaks of people."""

from __future__ import annotations

from tasks.data.phi.shared.word_lists import word_set

SAYS = word_set(
    """
    says said say asks asked replies replied explains explained shouts shouted yells yelled whispers whispered
    tells told wrote writes insists insisted laughed smiled spoke speaks talked talks lied
    """
)
CALLS = word_set("call calls called name names named nickname nicknamed")
# A row of names follows the colon behind them.
PEOPLE = word_set(
    """
    founders members authors speakers guests winners students friends kids children sons daughters brothers
    sisters actors directors writers players colleagues team crew family staff
    """
)
# "by X": what a person makes.
MADE = word_set(
    """
    written sung composed directed painted founded influenced inspired produced played arranged performed
    published song novel book album film movie story painting poem concert version recording owned hosted
    """
)
# Behind "X's": what a person has.
OWNED = word_set(
    """
    kid kids child children killer killers address house home phone number email boss car friend friends
    girlfriend boyfriend fiancé fiancée birthday voice death grandmother grandfather grandma grandpa uncle aunt
    cousin niece nephew neighbor neighbour teacher lawyer wedding funeral room office colleague song songs novel
    novels book books album
    """
)
# Before the name of a scale, a device or a variant.
OF_THINGS = word_set(
    "the a an this each either both these those genus species yeast phage enzyme classical type variant"
)
# Behind a name in a sentence: what a person does, or a small word.
BEHIND_NAMES = word_set(
    """
    is was has had have were are and or in on at to for from with by of as but because who when while if that
    did does do said says told asked came went got gets lives lived works worked called calls wants wanted will
    would can could should just also really always never
    """
)
# A name follows what somebody does for a living, or is.
PROFESSIONS = word_set(
    """
    attorney lawyer songwriter singer producer director author writer painter actor actress teacher coach player
    officer judge journalist reporter president minister chancellor chef designer artist musician composer
    guitarist drummer novelist poet mayor senator king queen prince princess captain commander pastor priest
    rabbi landlord landlady detective inspector secretary accountant electrician plumber farmer driver waiter
    waitress barber
    """
)
# In lists of names, and in prose nearly always a nation, a faith, a method or a maker.
NOT_PEOPLE = word_set(
    """
    england scotland wales ireland britain america holland israel muslim christian jewish hindu catholic doppler siemens
    philips toshiba candida
    """
)
