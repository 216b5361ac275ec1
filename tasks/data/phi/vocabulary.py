"""The words that the rules for English people and places look for."""

from __future__ import annotations

from tasks.data.phi.word_lists import ordered, words

TITLES = words(
    """
    mr mrs ms miss mx dr doctor prof professor sir madam dame lord lady rev reverend fr father sr sra señor señora
    herr frau monsieur mme mlle mister missus drs capt sgt lt col hon nurse sister
    """
)
# Titles that are also words or abbreviations: only before a capital letter.
SOFT_TITLES = words(
    """
    miss father sister lady lord fr sr sir dame col lt hon nurse doctor professor rev madam ms frau sra
    """
)
DEGREES = words(
    """
    md do rn np pa pa-c phd lpn dds dmd dpm pharmd mbbs frcp mrcp facp msw lcsw pt ot mph msn bsn crna dnp fnp
    mbchb frcs facs faap esq jr sr
    """
)
# A person's name is likely to follow these words, even one that no list holds.
NAME_CUES = words(
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
WEAK_CUES = words(
    """
    by for with of from to and about contact call met meet saw see ask asked told tell spoke like per via regarding
    re called seen treated similar is was as case chart that when if because since & than on contacted phoned
    emailed thank thanks
    """
)
# Words that follow a name.
AFTER_CUES = words(
    """
    presented presents presenting reports reported complains complained denies denied states stated says said lives
    resides who whose whom underwent underwent's visited was is has had came arrived called phoned requested
    requests asked asks wrote writes aged age dob mrn born seen admitted discharged returned returns tolerated
    agreed consented refuses refused
    """
)
# What only a person does; the second, what only a patient does.
PERSON_VERBS = words(
    """
    underwent presented presents denies denied complains complained reports reported states stated told tells lives
    resides attended attends visited consented agreed refuses refused wrote writes called phoned requested requests
    tolerated tolerates asks asked said says thanked works worked wants felt feels lost
    """
)
PATIENT_VERBS = words(
    """
    denies denied complains complained consented resides lives told phoned wrote refuses
    """
)
TALKING = words(
    """
    spoke speak speaking talked talking discussed met consulted spoken chatted reviewed shared
    """
)
# A name of two words may follow.
DEALING = words(
    """
    treat treating manage managing help helping examine examined see saw met meet call called tell told ask asked
    evaluate evaluating counsel counselling thank advise discharge discharged admit admitting schedule remind
    inform informed
    """
)
PERSON_WORDS = words(
    """
    patient pt male female man woman boy girl child infant newborn baby toddler adolescent teenager lady gentleman
    year-old years-old yr-old yo y/o yof yom old m f son daughter wife husband mother father individual person
    adult neonate mom dad brother sister case
    """
)
# What an eponym names.
MEDICAL_HEADS = words(
    """
    disease diseases syndrome syndromes disorder disorders sign signs test tests score scores scale scales index
    reflex criteria criterion classification class stage staging grade lymphoma lymphomas sarcoma carcinoma tumor
    tumors tumour tumours esophagus oesophagus palsy paralysis ataxia chorea dementia disease's anemia anaemia
    thyroiditis arteritis encephalopathy encephalitis neuropathy dystrophy atrophy deformity malformation fracture
    contracture hernia node nodes nodule nodules cell cells body bodies fiber fibers fibre fibres tubule tubules
    gland glands duct canal ring rings line lines phenomenon procedure operation method technique maneuver
    manoeuvre position incision repair stain staining agar medium tube catheter clamp forceps retractor needle rod
    law equation formula curve plot model distribution correction analysis diet trial trials study studies
    questionnaire inventory assessment protocol regimen anomaly anomalies triad tetrad pentad triangle space pouch
    fascia ligament membrane tract nucleus area cortex gyrus fissure sulcus virus fever rash spots spot ulcer
    ulcers nephropathy glomerulonephritis purpura granulomatosis histiocytosis macroglobulinemia melanoma leukemia
    leukaemia myopathy myotonia epilepsy seizures seizure spasm paraplegia migraine psychosis neuralgia angina
    murmur pulse respiration breathing respirations rales exponent effect factor receptor receptors protein
    proteins gene genes mutation mutations locus pathway pathways signaling signalling kinase antigen antibody
    group type phenotype allele alleles transform blot hybridization pcr assay rule rules level unit units degree
    coefficient regression test's statistic mouse mice rat rats strain chromosome coma naming stool rating
    depression anxiety pain performance status lymphedema lipodystrophy retinopathy cardiomyopathy nystagmus gait
    posture facies pupil pupils hand foot knee hip abscess cyst cysts sinus bundle fibrosis sclerosis nephritis
    hepatitis arthritis arthropathy osteochondritis spondylitis dwarfism flap graft shunt valve stent pump solution
    lactate paste bandage collar frame splint cast nail plate screw prosthesis variant variants heart association
    society academy convention globulin bag patient patients family families kindred gene's vaccine allergy
    algorithm consensus guidelines declaration wort dance
    """
)
# Heads of the names of facilities. "Clinic" and "hospital" may be lower case behind a name ("the Dallas clinic").
FACILITY_HEADS = words(
    """
    hospital hospitals hosp clinic clinics infirmary hospice sanatorium polyclinic medical health healthcare
    medicine med center centre cntr ctr cancer university college institute school pavilion rehab rehabilitation
    nursing practice surgery pharmacy dispensary urgent care family children's childrens women's home memorial
    general regional county community district methodist presbyterian baptist mercy veterans va
    """
)
FACILITY_ENDS = words(
    """
    institute practice home lodge manor hospital hospitals hosp clinic clinics infirmary hospice sanatorium
    polyclinic klinikum klinik krankenhaus center centre cntr ctr health healthcare pavilion rehab rehabilitation
    medicine med
    """
)
CLINIC_WORDS = words(
    """
    hospital clinic office facility campus branch hosp infirmary hospice pharmacy center centre
    """
)
STREET_WORDS = words(
    """
    street st avenue ave av road rd boulevard blvd drive dr lane ln way court ct place pl square sq terrace ter
    parkway pkwy highway hwy circle cir trail trl crescent close row walk alley plaza loop pike route gardens grove
    mews hill heights view straße strasse str allee platz rue via calle avenida allée quai viale rua carrer paseo
    piazza jalan ulica ul box
    """
)
STATES = words(
    """
    alabama, alaska, alberta, andalusia, arizona, arkansas, bavaria, british columbia, brittany, california,
    catalonia, colorado, connecticut, cornwall, cumbria, delaware, devon, essex, florida, fujian, georgia,
    guangdong, gujarat, hawaii, hebei, henan, hubei, hunan, idaho, illinois, indiana, iowa, jiangsu, kansas,
    karnataka, kent, kentucky, kerala, lancashire, lombardy, louisiana, maharashtra, maine, manitoba, maryland,
    massachusetts, michigan, minnesota, mississippi, missouri, montana, nebraska, nevada, new brunswick,
    new hampshire, new jersey, new mexico, new south wales, new york, newfoundland, normandy, north carolina,
    north dakota, nova scotia, ohio, oklahoma, ontario, oregon, pennsylvania, provence, puerto rico, punjab,
    quebec, queensland, québec, rajasthan, rhode island, saskatchewan, saxony, shandong, sichuan, south australia,
    south carolina, south dakota, surrey, sussex, tamil nadu, tasmania, tennessee, texas, tuscany, utah,
    uttar pradesh, vermont, victoria, virginia, washington, west bengal, west virginia, western australia,
    wisconsin, wyoming, yorkshire, zhejiang,
    """,
    ",",
)
STATE_CODES = words(
    """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR
    PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR AB BC MB NB NS ON QC SK NSW VIC QLD TAS UK USA
    """
)
PLACE_CUES = words(
    """
    at from in near to outside around of via
    """
)
VISIT_WORDS = words(
    """
    seen treated admitted evaluated diagnosed followed hospitalized hospitalised reviewed referred visited visit
    visits attended attends attending transferred presented presenting managed cared underwent performed operated
    discharged examined appointment registered enrolled delivered born inpatient outpatient works worked working
    employed study studies studied student teaches team doctors staff surgery procedure followup follow-up f/u
    followed-up tx'd tx dx'd lives living resides residing resident live lived moved relocated consult consulted
    assessed stay stayed ward appointments imaging scan scanned mri biopsy labs drawn received receiving therapy
    rehab physician nurse doctor specialist clinic visiting arrived presents brought taken er ed icu patient
    hospital office facility department meeting discussed went goes going checkup
    """
)
# Abbreviations behind "at" or "in" that name no place of one's own.
NOT_PLACES = words(
    """
    ed er icu ccu nicu picu or pcp ob obgyn op ip ent pt ot gp us usa uk eu who cdc fda nih nhs dna rna mri ct pet
    ecg ekg bp hr bid tid qd am pm icd dsm ii iii iv vi copd hiv aids htn dm ckd chf cad tia mi cva dvt pe ms als
    sle ra ibd uti cns pns csf rbc wbc hla egfr inr bmi ldl hdl hba1c crp esr tnm nyha ada aha acc esc gold gina
    kdigo asco nccn stage grade baseline day week month home night risk least rest age birth first last present
    once all any issue admission discharge pacu snf ltc asc cath or's
    """
)
PARTICLES = words(
    """
    de da di do du dos das del della van von der den ten ter la le al el bin ibn ben bint abu y e zu af av mac st
    """
)
SAINTS = words(
    """
    st saint santa san mt mount sainte
    """
)
MONTHS = words(
    """
    january february march april may june july august september october november december jan feb mar apr jun jul
    aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun
    """
)
LABELS = words(
    """
    name patient pt provider physician pcp attending surgeon mother father spouse guardian contact nok doctor nurse
    referring referrer consultant author signed cc attn to from re resident by employee client insured subscriber
    witness kin mr ms practitioner clinician therapist carer caregiver recipient donor sender dictated transcribed
    """
)
# Words of a facility's name that say what it is, not which.
GENERIC = words(
    """
    world public mental national global human behavioral occupational primary home oral sexual reproductive department
    institutes ministry genetic genetics information resource data research disease control the our a an this that your
    my any local nearby emergency what is are can does at in from to for of and nci nih cdc general women's maternal
    child population environmental international american european federal state department's community medical cancer
    study coordinating clinical trauma transplant comprehensive tertiary care center centers specialized designated
    """
)
# A capitalised one before a name does not belong to it.
NOT_IN_NAMES = words(
    """
    the our a an this that your my any local is are can does at in from to for of and or by with his her their what
    dr mr mrs ms patient pt prof on near de
    """
)
FACILITY_TAILS = words("system group trust foundation network services partners associates campus nhs")
FACILITY_MODIFIERS = words(
    """
    downtown main area community university medical general regional outpatient urgent care dental eye children's
    family private heart pediatric women's memorial satellite city district county veterans health hosp cancer primary
    walk-in surgical rehab emergency teaching
    """
)
# Facilities whose kind comes first: "Klinikum Fulda", "Hôpital Bichat".
FOREIGN_FACILITIES = ordered(
    """
    klinikum krankenhaus klinik hôpital hopital clínica clinique ospedale policlinico ziekenhuis universität
    universidad université università szpital sykehus sjukhus
    """
)
CONNECTORS = words("of and for the & de la du del dei di")
SHORT_CITIES = words("nyc la sf dc ny nola philly va")
# Before "in" or "from" these announce where somebody is at home or at work.
DWELLING = words(
    """
    lives lived living live resides residing resided resident residents born raised moved based clinic office hospital
    facility home homes house relocated works worked working care center centre practice grew traveled travelled native
    staying stays visiting village town city suburb hometown university shelter ward department residence centers
    branch campus
    """
)
# Before "to" or "in" these announce where a patient went.
SENT = words(
    """
    admitted referred transferred presented presenting taken sent rushed brought went seen treated diagnosed evaluated
    hospitalized hospitalised followed visit visited discharged airlifted returned came born moved
    """
)
# Names that in lower case are nearly always the word.
NO_LOWER_NAMES = words(
    """
    may will long short small little young good best white black old heard hope still early moody strong rich fair wise
    well day night morning spring winter low love house close post ring clear
    """
)
# "... by NAME": what staff does.
DONE_BY = words(
    """
    seen drawn signed dictated reviewed referred written prescribed examined accompanied witnessed administered operated
    transcribed collected ordered counselled counseled discharged admitted interviewed brought
    """
)
