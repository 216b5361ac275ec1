"""The words that the rule for English facilities looks for."""

from __future__ import annotations

from tasks.data.phi.shared.word_lists import longest_first, word_set

CLINIC_WORDS = word_set(
    """
    hospital clinic office facility campus branch hosp infirmary hospice pharmacy center centre
    """
)
SAINTS = word_set(
    """
    st saint santa san mt mount sainte
    """
)
# Words of a facility's name that say what it is, not which.
GENERIC = word_set(
    """
    world public mental national global human behavioral occupational primary home oral sexual reproductive department
    institutes ministry genetic genetics information resource data research disease control the our a an this that your
    my any local nearby emergency what is are can does at in from to for of and nci nih cdc general women's maternal
    child population environmental international american european federal state department's community medical cancer
    study coordinating clinical trauma transplant comprehensive tertiary care center centers specialized designated
    """
)
FACILITY_TAILS = word_set("system group trust foundation network services partners associates campus nhs")
FACILITY_MODIFIERS = word_set(
    """
    downtown main area community university medical general regional outpatient urgent care dental eye children's
    family private heart pediatric women's memorial satellite city district county veterans health hosp cancer primary
    walk-in surgical rehab emergency teaching
    """
)
# Facilities whose kind comes first: "Klinikum Fulda", "Hôpital Bichat".
FOREIGN_FACILITIES = longest_first(
    """
    klinikum krankenhaus klinik hôpital hopital clínica clinique ospedale policlinico ziekenhuis universität
    universidad université università szpital sykehus sjukhus
    """
)
CONNECTORS = word_set("of and for the & de la du del dei di")
SHORT_CITIES = word_set("nyc la sf dc ny nola philly va")
