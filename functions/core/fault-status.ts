import type { FaultCode } from './fault.ts';

/** What a caller learns about a fault, and the HTTP status. */
export type Advice = { readonly status: number; readonly title: string; readonly fix: string };

/** The advice per fault code. A new fault does not compile until it has advice. */
export const advice: Record<FaultCode, Advice> = {
  empty_body: {
    status: 400,
    title: 'The body or the file is empty',
    fix: 'Send the bytes of a radiograph, for example with curl --data-binary @film.png.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    fix: 'Send at most limitBytes: a losslessly compressed film, not an uncompressed export. A film that POST /v1/readings refuses may be small enough for POST /v1/uploads, which states its own limitBytes; then read the upload with POST /v1/jobs.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'This media type is not read',
    fix: 'Set Content-Type to image/png, image/jpeg or application/dicom, or to application/octet-stream to have the first bytes decide, or send multipart/form-data with one part named image.',
  },
  unsupported_content_encoding: {
    status: 415,
    title: 'This Content-Encoding is not decoded',
    fix: 'Send the body as it is, without Content-Encoding, or with one of the codings in available.',
  },
  malformed_content_encoding: {
    status: 400,
    title: 'The body is not what Content-Encoding says',
    fix: 'Leave out Content-Encoding where the body is not compressed, or compress all of it as Content-Encoding says.',
  },
  malformed_multipart: {
    status: 400,
    title: 'The multipart body cannot be read',
    fix: 'Send multipart/form-data with exactly one file part named image, for example with curl -F image=@film.png. Parameters such as findings belong in the query of the URL. Send several films with POST /v1/batches.',
  },
  not_an_image: {
    status: 415,
    title: 'The body is not an image',
    fix: 'Send the bytes of a DICOM, PNG or JPEG file as they are on disk (curl --data-binary, not --data): not text, Base64, an archive or a path.',
  },
  media_type_mismatch: {
    status: 415,
    title: 'The body is not what Content-Type says',
    fix: 'Set Content-Type to the type that was found, or send the file you meant.',
  },
  unsupported_image_format: {
    status: 415,
    title: 'This file format is not read',
    fix: 'found names the format of the file. Export the film as DICOM, or convert the file without loss to PNG, with 16 bits per pixel where the film has more than 8.',
  },
  packed_file: {
    status: 415,
    title: 'The file is packed',
    fix: 'Unpack the file, and send the film in it: one film per request.',
  },
  unsupported_jpeg: {
    status: 415,
    title: 'This kind of JPEG is not read here',
    fix: 'The file is not damaged: process names its coding. As image/jpeg, 8-bit baseline, extended and progressive JPEG with Huffman coding are read. Send a 12-bit, 16-bit, lossless or JPEG-LS stream as a DICOM instance, or convert it without loss to 16-bit PNG. Send a DICOM instance with another process uncompressed (dcmdjpeg).',
  },
  mislabelled_stream: {
    status: 422,
    title: 'The pixel data is not what the transfer syntax says',
    fix: 'The pixel data may be sound: its label is wrong. Correct the Transfer Syntax UID (0002,0010) where the file was made, or export the film again, uncompressed.',
  },
  corrupt_image: {
    status: 422,
    title: 'The image is damaged',
    fix: 'The file is truncated or broken: export it again, and compare its size with the original. A DICOM file that other software reads may be sent uncompressed (dcmdjpeg, dcmconv +te).',
  },
  unusable_header: {
    status: 422,
    title: 'The header of the DICOM file cannot be used',
    fix: 'Correct the attribute that problem names, where the film was made or with dcmodify, or export the film so that it has a value that is read.',
  },
  too_many_elements: {
    status: 422,
    title: 'The DICOM file has more elements than any film',
    fix: 'Take out private sequences (dcmodify --erase-private): limit is how many tags, lengths and fragments of one file are read.',
  },
  too_many_pixels: {
    status: 413,
    title: 'The image has too many pixels',
    fix: 'Send the film itself; no radiograph detector makes an image this large.',
  },
  too_small: {
    status: 422,
    title: 'The image is too small',
    fix: 'Send the original film, not a thumbnail.',
  },
  colour_image: {
    status: 422,
    title: 'The image is in colour',
    fix: 'Send the gray film itself, without coloured annotations, and not a photograph of it.',
  },
  unsupported_transfer_syntax: {
    status: 415,
    title: 'This transfer syntax is not read',
    fix: 'Send the instance in one of the transfer syntaxes in known, for example uncompressed (dcmconv +te).',
  },
  unsupported_sop_class: {
    status: 422,
    title: 'This kind of DICOM object is not read',
    fix: 'Send a CR, DX or Secondary Capture image; known lists the SOP classes.',
  },
  multi_frame: {
    status: 422,
    title: 'The instance has several frames',
    fix: 'Send one film per instance: a radiograph has a single frame.',
  },
  not_frontal_view: {
    status: 422,
    title: 'Not a frontal view by its header',
    fix: 'Send the PA or AP film of the study. If the header is wrong, correct View Position (0018,5101).',
  },
  not_chest: {
    status: 422,
    title: 'Not a chest film by its header',
    fix: 'Send a chest film. If the header is wrong, correct Body Part Examined (0018,0015).',
  },
  own_object: {
    status: 422,
    title: 'This object was made by Alara',
    fix: 'Send the film itself: results are never read again.',
  },
  blank_image: {
    status: 422,
    title: 'The image is blank',
    fix: 'All pixels have nearly the same value. Check the export, above all its window and bit depth.',
  },
  not_a_frontal_chest: {
    status: 422,
    title: 'Not an upright frontal chest radiograph',
    fix: 'Send one upright PA or AP chest film with bone white on black. looksLike names what the image resembles: rotate a sideways film, invert an inverted film.',
  },
  invalid_parameter: {
    status: 400,
    title: 'A parameter has a wrong value',
    fix: 'Correct the named parameter; /docs lists what each one takes.',
  },
  unknown_parameter: {
    status: 400,
    title: 'Unknown parameter',
    fix: 'Remove the parameter or correct its spelling; known lists the parameters of this resource. nearest, where present, names the most similar one.',
  },
  unknown_finding: {
    status: 400,
    title: 'Unknown finding',
    fix: 'Spell findings as known lists them, in upper or lower case. nearest, where present, is the most similar one.',
  },
  finding_not_served: {
    status: 422,
    title: 'The family does not serve this finding',
    fix: 'Ask for findings that known lists; reason says why the family leaves this one out.',
  },
  unknown_policy: {
    status: 400,
    title: 'Unknown policy',
    fix: 'Choose one of the policies in known.',
  },
  unknown_variant: {
    status: 400,
    title: 'Unknown variant',
    fix: 'Choose one of the variants in known; GET /v1/catalog describes them.',
  },
  operating_point_not_measured: {
    status: 422,
    title: 'The variant has no such operating point for the finding',
    fix: 'Send operatingPoint with one of available, or leave it out for the default of each finding.',
  },
  unreachable_target: {
    status: 422,
    title: 'No variant meets the target',
    fix: 'Lower the target, ask for fewer findings, or send bestEffort=true to use the nearest variant, with meetsTarget false.',
  },
  reading_not_found: {
    status: 404,
    title: 'No such reading',
    fix: 'Check the id, and that the request has the API key of the tenant that made the reading. A reading is found only on the service that stored it.',
  },
  not_from_dicom: {
    status: 409,
    title: 'The reading did not come from a DICOM instance',
    fix: 'Send the film as application/dicom: a Structured Report must name the patient, study and instance it is about.',
  },
  heatmap_not_found: {
    status: 404,
    title: 'The reading has no heat map of this finding',
    fix: 'Send the film with explain=heatmap and this finding, then ask for the heat map of the new reading.',
  },
  upload_not_found: {
    status: 404,
    title: 'No such upload, or its bytes have not arrived',
    fix: 'Ask for one with POST /v1/uploads, send the bytes to its url, then name its id, with the API key of the same tenant. An upload is deleted a day after POST /v1/uploads.',
  },
  job_not_found: {
    status: 404,
    title: 'No such job',
    fix: 'Check the id, and that the API key belongs to the tenant that made the job.',
  },
  job_ended: {
    status: 409,
    title: 'The job has ended',
    fix: 'Only a queued or running job can be cancelled: GET /v1/jobs/{id} shows the outcome of this one.',
  },
  malformed_json: {
    status: 400,
    title: 'The body is not the JSON that is expected',
    fix: 'Correct what problem names; /docs shows the body of this operation.',
  },
  malformed_stow: {
    status: 400,
    title: 'The body is not a STOW-RS request',
    fix: 'Send multipart/related; type="application/dicom"; boundary=… with one instance per part (PS3.18 10.5), or one instance as application/dicom.',
  },
  not_acceptable: {
    status: 406,
    title: 'The answer is not available in this media type',
    fix: 'Leave out the Accept header, or name one of the media types in available.',
  },
  unauthenticated: {
    status: 401,
    title: 'A valid API key is needed',
    fix: 'Send the header Authorization: Bearer KEY. The operator makes a key with alara keys create. Without a key only a service on loopback answers, and only requests to localhost that come through no proxy and from no page of another site; the operator allows such a page with ALARA_CORS_ORIGINS.',
  },
  forbidden: {
    status: 403,
    title: 'The API key may not do this',
    fix: 'Use a key with the scope that is named; alara keys create --scopes makes one.',
  },
  webhook_not_allowed: {
    status: 422,
    title: 'The webhook goes to a host that is not on the list',
    fix: 'Have the operator allow it: alara webhooks allow TENANT HOST, with the tenant and the host that are named.',
  },
  webhook_failed: {
    status: 502,
    title: 'The webhook was not taken',
    fix: 'Answer webhooks with a 2xx status within ten seconds. The webhook is sent again for a day, then kept as a dead job.',
  },
  webhook_refused: {
    status: 502,
    title: 'The receiver refused the webhook',
    fix: 'Correct the receiver at the address of the webhook: it must answer with a 2xx status. The webhook is sent a few times, then kept as a dead job: alara jobs retry.',
  },
  webhook_gone: {
    status: 410,
    title: 'The receiver refuses this webhook for good (410)',
    fix: 'The webhook is not sent again. Leave it out of new jobs, or have its receiver answer with a 2xx status.',
  },
  unknown_pacs: {
    status: 404,
    title: 'No such PACS',
    fix: 'Name one of the PACS in known; ALARA_PACS configures them.',
  },
  pacs_unavailable: {
    status: 502,
    title: 'The PACS does not answer',
    fix: 'Check that the PACS runs and that its address in ALARA_PACS is right. The work is tried again.',
  },
  pacs_refused: {
    status: 502,
    title: 'The PACS did not do what the service asked for',
    fix: 'problem holds the answer of the PACS; the log of the PACS says more. The work is tried again.',
  },
  film_gone: {
    status: 410,
    title: 'The film was deleted from the PACS while it was read',
    fix: 'No result was stored. If the film was deleted by mistake, store it again, and it is read again.',
  },
  film_replaced: {
    status: 503,
    title: 'The film was replaced in the PACS while it was read',
    fix: 'No result was stored for the earlier film. The next try of the job reads the new film.',
  },
  not_found: {
    status: 404,
    title: 'No such resource',
    fix: 'See /docs for the resources of this service.',
  },
  malformed_http: {
    status: 400,
    title: 'The request is not valid HTTP/1.1',
    fix: 'Correct what problem names, or send the request with an HTTP library. HTTPS ends at the proxy in front of this service: send plain HTTP to its own port.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers of the request are too large',
    fix: 'Send at most limit headers and limitBytes bytes of them: leave out cookies and headers that this service does not read.',
  },
  request_too_slow: {
    status: 408,
    title: 'The request arrived too slowly',
    fix: 'Send the request again, on a better line or with a smaller file: over a minute, a body must bring at least bytesPerSecond on average.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The resource does not offer this method',
    fix: 'Use one of the methods in allow; /docs describes each.',
  },
  dicomweb_not_offered: {
    status: 501,
    title: 'This DICOMweb service is not offered',
    fix: 'Store instances with POST /dicom-web/studies (STOW-RS). Search for and retrieve them in the PACS: this service keeps no archive.',
  },
  queue_full: {
    status: 503,
    title: 'The service is busy',
    fix: 'Retry after the seconds in Retry-After. Retries are safe: the same film and request give the same reading.',
  },
  shutting_down: {
    status: 503,
    title: 'The service is stopping',
    fix: 'Retry: another instance or the next start answers. Retries are safe.',
  },
  deadline_exceeded: {
    status: 504,
    title: 'The reading took too long',
    fix: 'Retry later, or ask for fewer findings.',
  },
  memory_exceeded: {
    status: 422,
    title: 'Reading the film needs more memory than the service has',
    fix: 'Send the film in another encoding, for example uncompressed (dcmconv +te). If it is sound, the operator gives the service more memory, or raises ALARA_MEMORY_MB.',
  },
  client_gone: {
    status: 499,
    title: 'The client closed the request',
    fix: 'Retry: retries are safe.',
  },
  model_corrupt: {
    status: 503,
    title: 'A model file is not what the catalog says',
    fix: 'The operator restores the file (alara catalog verify names it). It was not used.',
  },
  model_unavailable: {
    status: 503,
    title: 'A model that this request needs cannot be downloaded now',
    fix: 'Retry after the seconds in Retry-After; findings that other variants serve are read meanwhile.',
  },
  inference_failed: {
    status: 500,
    title: 'The model could not be run',
    fix: 'Retry once. If it fails again, report it with the request id.',
  },
  throttled: {
    status: 429,
    title: 'The key has sent too many requests',
    fix: 'Wait the seconds in Retry-After, then send the request again. RateLimit of each answer says what is left; perMinute is the limit of the key, which the operator may raise.',
  },
  quota_exceeded: {
    status: 429,
    title: 'The films of the tenant take all the space that they may',
    fix: 'Delete each upload with DELETE /v1/uploads/{id} once its jobs are accepted, or ask the operator to raise ALARA_QUOTA_MB. An upload counts until it is deleted or a day has passed. A film of a job counts until the job has ended, beside its upload.',
  },
  store_unavailable: {
    status: 503,
    title: 'A store that this request needs does not answer',
    fix: 'Retry after the seconds in Retry-After. Retries are safe, and accepted jobs continue without a retry.',
  },
  internal: {
    status: 500,
    title: 'Something failed on our side',
    fix: 'Retry once. If it fails again, report it with the request id.',
  },
};
