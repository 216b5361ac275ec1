"""The words that the rules for English names look for."""

from __future__ import annotations

from tasks.data.phi.shared.word_lists import word_set

# Titles that are also words or abbreviations: only before a capital letter.
SOFT_TITLES = word_set(
    """
    miss father sister lady lord fr sr sir dame col lt hon nurse doctor professor rev madam ms frau sra
    """
)
# A person's name is likely to follow these words, even one that no list holds.
NAME_CUES = word_set(
    """
    patient pt named name names surname forename firstname lastname nickname alias aka son daughter wife husband
    mother father mom mum dad brother sister aunt uncle grandmother grandfather grandma grandpa grandson
    granddaughter niece nephew cousin partner spouse fiancé fiancée fiance fiancee boyfriend girlfriend friend
    guardian caregiver carer caretaker neighbor neighbour roommate twin stepmother stepfather stepson stepdaughter
    child baby infant toddler kid teen teenager girl boy gentleman lady woman man male female client resident
    veteran employee colleague attending physician surgeon pcp gp cardiologist oncologist neurologist pediatrician
    paediatrician psychiatrist psychologist dermatologist urologist nephrologist endocrinologist pulmonologist
    gastroenterologist hematologist rheumatologist ophthalmologist radiologist pathologist anesthesiologist
    obstetrician gynecologist orthopedist podiatrist dentist therapist counselor midwife pharmacist dietitian
    beneficiary subscriber policyholder insured applicant claimant enrollee chaplain
    nutritionist nurse doctor provider practitioner consultant registrar intern specialist hematologist-oncologist
    internist hospitalist intensivist social-worker caseworker interpreter nok kin proxy informant donor sibling
    parent dear hi hello signed sincerely regards attn cc author dictated dictator transcribed reviewer witness yo
    yof yom yo-f yo-m y/o f m me i'm
    """
)
# A name may follow, if a list or its shape supports it.
WEAK_CUES = word_set(
    """
    by for with of from to and about contact call met meet saw see ask asked told tell spoke like per via regarding
    re called seen treated similar is was as case chart that when if because since & than on contacted phoned
    emailed thank thanks
    """
)
# Words that follow a name.
AFTER_CUES = word_set(
    """
    presented presents presenting reports reported complains complained denies denied states stated says said lives
    resides who whose whom underwent underwent's visited was is has had came arrived called phoned requested
    requests asked asks wrote writes aged age dob mrn born seen admitted discharged returned returns tolerated
    agreed consented refuses refused
    """
)
LABELS = word_set(
    """
    name patient pt provider physician pcp attending surgeon mother father spouse guardian contact nok doctor nurse
    referring referrer consultant author signed cc attn to from re resident by employee client insured subscriber
    witness kin mr ms practitioner clinician therapist carer caregiver recipient donor sender dictated transcribed
    """
)
# What only a person does; the second, what only a patient does.
PERSON_VERBS = word_set(
    """
    underwent presented presents denies denied complains complained reports reported states stated told tells lives
    resides attended attends visited consented agreed refuses refused wrote writes called phoned requested requests
    tolerated tolerates asks asked said says thanked works worked wants felt feels lost
    """
)
PATIENT_VERBS = word_set(
    """
    denies denied complains complained consented resides lives told phoned wrote refuses
    """
)
TALKING = word_set(
    """
    spoke speak speaking talked talking discussed met consulted spoken chatted reviewed shared
    """
)
# A name of two words may follow.
DEALING = word_set(
    """
    treat treating manage managing help helping examine examined see saw met meet call called tell told ask asked
    evaluate evaluating counsel counselling thank advise discharge discharged admit admitting schedule remind
    inform informed
    """
)
# "... by NAME": what staff does.
DONE_BY = word_set(
    """
    seen drawn signed dictated reviewed referred written prescribed examined accompanied witnessed administered operated
    transcribed collected ordered counselled counseled discharged admitted interviewed brought
    """
)
# Names that in lower case are nearly always the word.
NO_LOWER_NAMES = word_set(
    """
    may will long short small little young good best white black old heard hope still early moody strong rich fair wise
    well day night morning spring winter low love house close post ring clear
    """
)
# Behind these stands whom staff cared for.
NURSED = word_set(
    "assisted helped repositioned bathed turned medicated fed toileted transferred consoled reassured encouraged"
)
# Behind "X's": what is a person's.
OWNED = word_set(
    """
    son daughter wife husband mother father mom mum dad brother sister partner parents family case chart mri ct ecg ekg
    labs bloods results medication medications meds condition symptoms bp glucose a1c creatinine inr potassium biopsy
    appointment records record discharge wound mother's chemo insulin surgery spouse guardian request
    """
)
