/**
 * Codes of Anatomic Region Sequence (PS3.16, CID 4031), in SNOMED CT and, for older files, SNOMED RT: chest (the code since
 * 2020 and the one before), thoracic cavity, mediastinum and lungs. The code for chest and abdomen is not in the list.
 */
export const chestRegions = new Set([
  ...['816094009', '51185008', 'T-D3000', '43799004', 'T-D3200', '72410000', 'T-D3300', '39607008', 'T-28000'],
]);

/** Codes of regions other than the chest. A film with one of them is refused, unless it also has a code of the chest. */
export const nonChestRegions = new Set([
  // Skull, head, head and neck, neck, jaw, mandible, sinuses.
  ...['89546000', 'T-11100', '69536005', 'T-D1100', '774007', 'T-D1000', '45048000', 'T-D1600', '661005', 'T-D1213'],
  ...['91609006', 'T-11180', '2095001', 'T-22000'],
  // Spine: all of it, cervical, thoracic, lumbar.
  ...['421060004', 'T-D04FF', '122494005', 'T-11501', '122495006', 'T-11502', '122496007', 'T-11503'],
  // Abdomen, abdomen and pelvis, pelvis, breast.
  ...['818981001', '113345001', 'T-D4000', '818982008', '816092008', '12921003', 'T-D6000', '76752008', 'T-04000'],
  // Upper limb, shoulder, upper arm, humerus, elbow, forearm, wrist, hand, finger, thumb.
  ...[
    '53120007',
    'T-D8000',
    '16982005',
    'T-D2220',
    '40983000',
    'T-D8200',
    '85050009',
    'T-12410',
    '16953009',
    'T-15430',
  ],
  ...['14975008', 'T-D8500', '74670003', 'T-15460', '85562004', 'T-D8700', '7569003', 'T-D8800', '76505004', 'T-D8810'],
  // Lower limb, hip, thigh, femur, knee, patella, lower leg, ankle, foot, heel, toe.
  ...[
    '61685007',
    'T-D9000',
    '29836001',
    'T-D2500',
    '24136001',
    'T-15710',
    '68367000',
    'T-D9100',
    '71341001',
    'T-12710',
  ],
  ...[
    '72696002',
    'T-D9200',
    '64234005',
    'T-12730',
    '30021000',
    'T-D9400',
    '70258002',
    'T-15750',
    '56459004',
    'T-D9700',
  ],
  ...['80144004', 'T-12770', '29707007', 'T-D9800'],
]);
