/** A number at the precision that was measured: four significant digits. */
export const rounded = (value: number): number => Number(value.toPrecision(4));

/** The same as text that fits a Decimal String (PS3.5 6.2). */
export const decimal = (value: number): string => String(rounded(value));
