/**
 * Words that a fault or a reading may repeat from a code attribute. Some files have the name of a patient in such an
 * attribute. So a value is repeated only if it consists of these words and of numbers with at most two digits.
 */
const vocabulary = new Set(
  [
    // Body parts: PS3.16, table L-1, word by word.
    'ABDOMEN ABDOMENPELVIS ADRENAL ANKLE AORTA ARM AXILLA BACK BILEDUCT BLADDER BRAIN BREAST BRONCHUS BUTTOCK CALCANEUS',
    'CALF CAROTID CEREBELLUM CERVIX CHEEK CHEST CHESTABDOMEN CHESTABDPELVIS CLAVICLE COCCYX COLON CSPINE CTSPINE DUODENUM',
    'EAR ELBOW ESOPHAGUS EXTREMITY EYE EYELID FACE FEMUR FINGER FOOT FOREARM GALLBLADDER HAND HEAD HEADNECK HEART HIP',
    'HUMERUS ILEUM ILIUM JAW JEJUNUM KIDNEY KNEE LARYNX LEG LIVER LSPINE LSSPINE LUNG MANDIBLE MAXILLA MEDIASTINUM MOUTH',
    'NECK NECKCHEST NECKCHESTABDOMEN NOSE ORBIT OVARY PANCREAS PAROTID PATELLA PELVIS PENIS PHARYNX PROSTATE RECTUM RIB',
    'SCALP SCAPULA SCLERA SCROTUM SHOULDER SKULL SPINE SPLEEN SSPINE STERNUM STOMACH SUBMANDIBULAR TESTIS THIGH THUMB',
    'THYMUS THYROID TLSPINE TMJ TOE TONGUE TRACHEA TSPINE URETER URETHRA UTERUS VAGINA VULVA WHOLEBODY WRIST ZYGOMA',
    // Other words of devices for body parts.
    'ABD BODY BRUST CHESTPA CERVICAL CRANIUM CXR FEET HANDS JOINT KNEES LIMB LOWER LUMBAR LUNGS OTHER PART RIBS SINUS',
    'SINUSES SPECIMEN THORACIC THORAX TORAX TOTAL TRUNK UNKNOWN UPPER WHOLE',
    // Views: PS3.3, C.8.1.1 and C.8.11.5.1.1, and their common spellings.
    'AP PA LL RL LLD RLD LLO RLO RAO LAO RPO LPO LAT LATERAL LATERALE OBL OBLIQUE DECUB DECUBITUS LLAT RLAT LLATERAL',
    'RLATERAL LATL LATR XTLAT LATERO LATEROLATERAL LEFTLATERAL RIGHTLATERAL LLDECUB RLDECUB AXIAL FRONTAL SAGITTAL',
    'LORDOTIC APICAL PROFIL PROFILE SEITLICH LEFT RIGHT L R LT RT ERECT UPRIGHT STANDING SITTING SUPINE PRONE PORTABLE',
    'MOBILE BEDSIDE INSPIRATION EXPIRATION BOTH VIEW AND WITH',
  ].flatMap((line) => line.split(' ')),
);

/** The value if it consists only of words of the vocabulary, short numbers and punctuation; otherwise undefined. */
export function safeText(value: string | undefined): string | undefined {
  const pieces = value?.match(/[A-Za-z]+|\d+|[^A-Za-z\d]+/g) ?? [];
  const isSafe = pieces.every((piece) => {
    if (/^[A-Za-z]/.test(piece)) return vocabulary.has(piece.toUpperCase());
    return /^\d/.test(piece) ? piece.length <= 2 : /^[ _,.;:/+()-]{1,3}$/.test(piece);
  });
  return isSafe && value && value.length <= 32 ? value : undefined;
}

/** Modalities of films (PS3.3, C.7.3.1.1.1). Any other value becomes OT (other). */
const modalities = ['CR', 'DX', 'DR', 'RF', 'XA', 'RG', 'MG', 'IO', 'PX', 'SC', 'DG', 'HC', 'XC'];
export const safeModality = (value: string): string => modalities.find((known) => known === value) ?? 'OT';

/** Laterality: left, right, both or unpaired (PS3.3, C.7.3.1.1.2 and C.8.11.2); undefined for any other value. */
export const safeLaterality = (value: string | undefined): string | undefined =>
  ['L', 'R', 'B', 'U'].find((known) => known === value);

/** The text of a UID for a message. Other characters than digits and dots become a question mark, so no patient data leaks. */
export const safeUid = (text: string): string => text.replace(/[^0-9.]/g, '?').slice(0, 64);
