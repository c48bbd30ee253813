import type { Context } from 'hono';
import type { MediaType } from '../pipeline/decode/sniff.ts';
import type { Fault } from '../pipeline/fault.ts';
import { fail, ok, type Result } from '../pipeline/result.ts';

/** A film as it was sent, and the type it claims to be. */
export type Upload = { readonly bytes: Uint8Array<ArrayBuffer>; readonly mediaType: string };

/** The media types of a film. */
export const mediaTypes = ['image/png', 'image/jpeg', 'application/dicom'] as const satisfies readonly MediaType[];
const isFilm = (type: string): boolean => (mediaTypes as readonly string[]).includes(type);

/** The one film of a request: the raw body, or the part named `image` of a multipart form. */
export async function upload(c: Context): Promise<Result<Upload, Fault>> {
  const received = c.req.header('content-type') ?? '';
  const mediaType = received.split(';')[0]?.trim().toLowerCase() ?? '';
  if (mediaType === 'multipart/form-data') return part(c);
  const bytes = new Uint8Array(await c.req.arrayBuffer());
  if (bytes.length === 0) return fail({ code: 'empty_body' });
  if (!isFilm(mediaType)) return fail({ code: 'unsupported_media_type', received: mediaType || 'none' });
  return ok({ bytes, mediaType });
}

async function part(c: Context): Promise<Result<Upload, Fault>> {
  let form: FormData;
  try {
    form = await c.req.formData();
  } catch {
    return fail({ code: 'malformed_multipart', problem: 'the parts cannot be told apart; is the boundary right?' });
  }
  const others = [...form.keys()].filter((name) => name !== 'image');
  const images = form.getAll('image');
  const [image] = images;
  if (others.length > 0) return fail({ code: 'malformed_multipart', problem: `unknown part ${others.join(', ')}` });
  if (images.length !== 1 || !(image instanceof File))
    return fail({
      code: 'malformed_multipart',
      problem: `expected one file part named image, received ${images.length}`,
    });
  const bytes = new Uint8Array(await image.arrayBuffer());
  if (bytes.length === 0) return fail({ code: 'empty_body' });
  if (!isFilm(image.type)) return fail({ code: 'unsupported_media_type', received: image.type || 'none' });
  return ok({ bytes, mediaType: image.type });
}
