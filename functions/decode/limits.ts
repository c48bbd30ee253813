import { px } from '../core/units.ts';

/** More pixels than any detector or film digitiser produces: 14 × 17 inches at 50 µm are 61 million. */
export const maxPixels = 64_000_000;
/** A film with a shorter side is a thumbnail. */
export const minSide = px(128);
