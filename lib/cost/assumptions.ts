/** What no setting says and no price list: change it here where you have measured it. */
export const assumptions = {
  requestsInline: { value: 1, unit: 'calls a reading sent inline', restsOn: 'POST /v1/readings' },
  requestsJob: { value: 4, unit: 'calls a reading sent as a job', restsOn: 'an upload, a job, and two looks at it' },
  readingWrites: { value: 3, unit: 'write units a reading kept', restsOn: '2.6 KB, measured on one film of the tests' },
  jobWrites: { value: 10, unit: 'write units a job', restsOn: 'made and changed four times, in table and index' },
  tableReads: { value: 2, unit: 'read units a call', restsOn: 'the key of the caller, and what is asked for' },
  tableKb: { value: 6, unit: 'KB kept in the table a reading', restsOn: 'the reading, its job and the index' },
  kmsRequests: { value: 2, unit: 'calls of KMS a reading', restsOn: 'bucket keys and the table hold keys for minutes' },
  queueRequests: { value: 4, unit: 'calls of SQS a job', restsOn: 'send, receive, extend, delete' },
  pollsHour: { value: 720, unit: 'calls of SQS an hour of a worker', restsOn: 'a long poll of 5 s' },
  pointerHour: { value: 120, unit: 'looks at the channel an hour of a task', restsOn: 'ALARA_POINTER_SECONDS=30' },
  filmDays: {
    value: 1,
    unit: 'days an uploaded film is kept',
    restsOn: 'read within a day; the bucket drops it after 35',
  },
  logKb: { value: 6, unit: 'KB of logs a call', restsOn: 'service, access, firewall and network; not measured' },
  logGb: {
    value: 1,
    unit: 'GB of logs a month without any call',
    restsOn: 'health checks and the network; not measured',
  },
  insightMetrics: { value: 40, unit: 'metrics of Container Insights', restsOn: 'two services; not measured' },
  imageGb: { value: 6, unit: 'GB of images in the registry', restsOn: 'an image with CUDA; not measured' },
  apiTarget: { value: 0.6, unit: 'share of its time that an API task is busy', restsOn: 'the target of its scaling' },
  gpuPlaces: { value: 2, unit: 'films at a time on a GPU task', restsOn: 'ALARA_WORKERS on cuda' },
  volumeGb: { value: 100, unit: 'GB of disk an instance', restsOn: 'lib/compute/gpu.ts' },
} as const;

/** What an assumption is taken to be. */
export const assume = (name: keyof typeof assumptions): number => assumptions[name].value;
