/**
 * The storage SOP classes that are read (PS3.6, annex A). Digital X-Ray For Processing is not among them: its
 * values are the detector's, not yet made into an image to look at, and the same exposure is sent For Presentation.
 * The two multi-frame Secondary Capture classes are read where they hold one gray frame.
 */
export const sopClasses: readonly { readonly uid: string; readonly name: string }[] = [
  { uid: '1.2.840.10008.5.1.4.1.1.1', name: 'Computed Radiography Image Storage' },
  { uid: '1.2.840.10008.5.1.4.1.1.1.1', name: 'Digital X-Ray Image Storage - For Presentation' },
  { uid: '1.2.840.10008.5.1.4.1.1.7', name: 'Secondary Capture Image Storage' },
  { uid: '1.2.840.10008.5.1.4.1.1.7.2', name: 'Multi-frame Grayscale Byte Secondary Capture Image Storage' },
  { uid: '1.2.840.10008.5.1.4.1.1.7.3', name: 'Multi-frame Grayscale Word Secondary Capture Image Storage' },
];
