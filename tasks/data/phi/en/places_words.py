"""The words that the rule for English places behind a preposition looks for."""

from __future__ import annotations

from tasks.data.phi.shared.word_lists import word_set

# Abbreviations behind "at" or "in" that name no place of one's own.
NOT_PLACES = word_set(
    """
    ed er icu ccu nicu picu or pcp ob obgyn op ip ent pt ot gp us usa uk eu who cdc fda nih nhs dna rna mri ct pet
    ecg ekg bp hr bid tid qd am pm icd dsm ii iii iv vi copd hiv aids htn dm ckd chf cad tia mi cva dvt pe ms als
    sle ra ibd uti cns pns csf rbc wbc hla egfr inr bmi ldl hdl hba1c crp esr tnm nyha ada aha acc esc gold gina
    kdigo asco nccn stage grade baseline day week month home night risk least rest age birth first last present
    once all any issue admission discharge pacu snf ltc asc cath or's
    """
)
# Before "in" or "from" these announce where somebody is at home or at work.
DWELLING = word_set(
    """
    lives lived living live resides residing resided resident residents born raised moved based clinic office hospital
    facility home homes house relocated works worked working care center centre practice grew traveled travelled native
    staying stays visiting village town city suburb hometown university shelter ward department residence centers
    branch campus
    """
)
# Before "to" or "in" these announce where a patient went.
SENT = word_set(
    """
    admitted referred transferred presented presenting taken sent rushed brought went seen treated diagnosed evaluated
    hospitalized hospitalised followed visit visited discharged airlifted returned came born moved
    """
)
# Before a colon these announce a place: "City: Zelenograd".
LABELS = word_set(
    """
    city town county village residence hometown birthplace district suburb location hospital clinic facility campus
    municipality parish province
    """
)
