/** A number rounded to the precision of the measurements: four significant digits. */
export const rounded = (value: number): number => Number(value.toPrecision(4));

/** The rounded number as a Decimal String (PS3.5 6.2). */
export const decimal = (value: number): string => String(rounded(value));
