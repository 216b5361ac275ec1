"""The words that several rules for English look for; those of one rule stand beside it."""

from __future__ import annotations

from tasks.data.phi.shared.word_lists import word_set

TITLES = word_set(
    """
    mr mrs ms miss mx dr doctor prof professor sir madam dame lord lady rev reverend fr father sr sra señor señora
    herr frau monsieur mme mlle mister missus drs capt sgt lt col hon nurse sister
    """
)
DEGREES = word_set(
    """
    md do rn np pa pa-c phd lpn dds dmd dpm pharmd mbbs frcp mrcp facp msw lcsw pt ot mph msn bsn crna dnp fnp
    mbchb frcs facs faap esq jr sr
    """
)
PERSON_WORDS = word_set(
    """
    patient pt male female man woman boy girl child infant newborn baby toddler adolescent teenager lady gentleman
    year-old years-old yr-old yo y/o yof yom old m f son daughter wife husband mother father individual person
    adult neonate mom dad brother sister case
    """
)
PARTICLES = word_set(
    """
    de da di do du dos das del della van von der den ten ter la le al el bin ibn ben bint abu y e zu af av mac st
    """
)
MONTHS = word_set(
    """
    january february march april may june july august september october november december jan feb mar apr jun jul
    aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun
    """
)
# What an eponym names.
MEDICAL_HEADS = word_set(
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
FACILITY_HEADS = word_set(
    """
    hospital hospitals hosp clinic clinics infirmary hospice sanatorium polyclinic medical health healthcare
    medicine med center centre cntr ctr cancer university college institute school pavilion rehab rehabilitation
    nursing practice surgery pharmacy dispensary urgent care family children's childrens women's home memorial
    general regional county community district methodist presbyterian baptist mercy veterans va
    """
)
FACILITY_ENDS = word_set(
    """
    institute practice home lodge manor hospital hospitals hosp clinic clinics infirmary hospice sanatorium
    polyclinic klinikum klinik krankenhaus center centre cntr ctr health healthcare pavilion rehab rehabilitation
    medicine med
    """
)
VISIT_WORDS = word_set(
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
# A capitalised one before a name does not belong to it.
NOT_IN_NAMES = word_set(
    """
    the our a an this that your my any local is are can does at in from to for of and or by with his her their what
    dr mr mrs ms patient pt prof on near de
    """
)
STATES = word_set(
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
STATE_CODES = word_set(
    """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR
    PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR AB BC MB NB NS ON QC SK NSW VIC QLD TAS UK USA
    """
)
