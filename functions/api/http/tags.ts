/** The groups of operations in the OpenAPI document. */
const groups = {
  readings: ['Readings', 'Read a film, and get its reading as JSON, DICOM Structured Report or FHIR.'],
  jobs: [
    'Jobs',
    'Read large films, or many, without waiting for the answer: upload, submit, then poll or receive a webhook.',
  ],
  models: ['Models', 'The model family in service, with every measurement and policy.'],
  pacs: ['PACS', 'Films from a PACS: STOW-RS, and notifications of changes.'],
  health: ['Health', 'For supervisors and load balancers. These operations need no key.'],
  webhooks: ['Webhooks', 'Requests that this service sends to your receiver.'],
} as const;

export const tagNames = Object.fromEntries(Object.entries(groups).map(([key, [name]]) => [key, name])) as Readonly<
  Record<keyof typeof groups, string>
>;

/** The tags of the document, in the order of the page. */
export const tags = Object.values(groups).map(([name, description]) => ({ name, description }));
