import { px } from '../core/units.ts';

/** More than any detector or film digitiser makes: 14 × 17 inches at 50 µm are 61 million. */
export const maxPixels = 64_000_000;
/** Below this a film is a thumbnail. */
export const minSide = px(128);
