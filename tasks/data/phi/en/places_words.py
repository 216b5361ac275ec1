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
    once all any issue admission discharge pacu sicu micu snf ltc asc cath or's tee tte egd ercp eeg emg ngs wgs
    pcr elisa ihc fish nmr gwas rct qol cbt mmse moca who's tavr cabg pci pcp's np pa rn md do ems icu's opd gi gu hem
    onc rheum derm
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
# What is sent from one facility to another: "records from OSU", "fax the results to UPMC".
PAPERS = word_set(
    """
    records record results result report reports labs lab images imaging scan scans letter letters chart notes note fax
    faxed mri ct ultrasound biopsy referral opinion slides films x-ray x-rays paperwork discs disc sample samples
    oncologist surgeon cardiologist endocrinologist neurologist physician doctor nurse team pcp gp specialist
    """
)
# What is done in a facility: "dialysis at DaVita", "had a valve replaced at Papworth".
DONE = word_set(
    """
    dialysis infusion infusions transfusion done replaced removed repaired vaccinated chemo chemotherapy radiation
    physio physiotherapy transplant transplanted treatment tests tested bloodwork colonoscopy endoscopy mammogram
    ultrasound echo cath angiogram angioplasty x-ray ct screening surgery surgeries receives gets care checkup follows
    records lab labs team surgeon oncologist cardiologist neurologist endocrinologist job shift intern resident rounds
    """
)
# Facilities whose short names are words or surnames, or that no list of towns has.
BRANDS = word_set(
    """
    mayo hopkins brigham kaiser cedars-sinai cedars mercy duke stanford vanderbilt emory geisinger sentara ochsner
    beaumont intermountain novant wakemed advocate aurora ascension providence sutter scripps sharp dignity
    adventhealth baycare
    banner healthpartners marshfield ssm trinity tufts lahey spaulding dana-farber moffitt fox sloan memorial montefiore
    northwell langone bellevue mountsinai jefferson temple penn cooper hackensack rutgers yale hartford dartmouth baylor
    methodist parkland anderson barnes barnes-jewish northwestern rush loyola michigan henry fairview hennepin essentia
    sanford avera unitypoint atrius partners harborview swedish providence quest labcorp davita fresenius walgreens cvs
    concentra guy's barts bart's thomas' addenbrooke's papworth broadmoor king's christie marsden alder moorfields
    luke's joe's joseph's mary's jude's elizabeth's vincent's anthony's francis george's james's john's peter's jude
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
