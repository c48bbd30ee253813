/** One value of a decimal or integer string (PS3.5, 6.2: DS and IS). */
export type Decimal = {
  /** The number; undefined for a blank value, NaN if the text is not a number or is ambiguous. */
  readonly value: number | undefined;
  /** The number was read, although its format breaks the standard. */
  readonly isLenient: boolean;
};

/**
 * The meaning of a comma. `decimal`: decimal separator. `thousands`: thousands separator. `dots`: decimal separator, with points
 * as thousands separators, as in `1.024,5`.
 */
export type Comma = 'decimal' | 'thousands' | 'dots';

const standard = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const exponent = '([eE][+-]?\\d+)?';
const thousands = /^[+-]?\d{1,3}(,\d{3})+$/;
const ambiguous = /^[+-]?[1-9]\d{0,2},\d{3}$/;
const severalThousands = new RegExp(`^[+-]?\\d{1,3}((,\\d{3}){2,}(\\.\\d*)?|(,\\d{3})+\\.\\d*)${exponent}$`);
const dottedThousands = new RegExp(`^[+-]?\\d{1,3}(\\.\\d{3})+,\\d*${exponent}$`);
const onlyDots = /^[+-]?[1-9]\d{0,2}(\.\d{3})+$/;
const decimalComma = new RegExp(`^[+-]?(\\d+,\\d*|,\\d+)${exponent}$`);

/**
 * Parse a number. Some files break the standard, so these formats are accepted too: a decimal comma, thousands separators, `D`
 * for the exponent, `mm` after the number, and text after a NUL. The comma of `1,024` is ambiguous: `comma` decides, and
 * without `comma` the result is NaN. `3.316` is 3316 only if `comma` is `dots`.
 */
export function parseDecimal(text: string, comma?: Comma): Decimal {
  const [beforeNul = ''] = text.split('\0');
  const plain = beforeNul.trim();
  if (plain === '') return { value: undefined, isLenient: false };
  if (comma === 'dots' && onlyDots.test(plain)) return { value: finite(plain.replaceAll('.', '')), isLenient: true };
  if (standard.test(plain)) return { value: finite(plain), isLenient: plain !== text };
  const normalized = plain
    .replace(/(?<=\d)\s*mm$/i, '')
    .replace(/(?<=\d)[dD](?=[+-]?\d+$)/, 'E')
    .replace(/(?<=^[+-]?\d{1,3}(?: \d{3})*) (?=\d{3}(?!\d))/g, '');
  return { value: parseLenient(normalized, comma), isLenient: true };
}

/** The meaning of the comma in a value; undefined if the value has no comma or the comma is ambiguous. */
export function commaMeaning(text: string): Comma | undefined {
  if (severalThousands.test(text)) return 'thousands';
  if (dottedThousands.test(text)) return 'dots';
  if (decimalComma.test(text) && !ambiguous.test(text)) return 'decimal';
  return undefined;
}

function parseLenient(text: string, comma: Comma | undefined): number {
  if (standard.test(text)) return finite(text);
  if (severalThousands.test(text)) return finite(text.replaceAll(',', ''));
  if (dottedThousands.test(text)) return finite(text.replaceAll('.', '').replace(',', '.'));
  const meaning = commaMeaning(text) ?? comma;
  if (meaning !== undefined && meaning !== 'thousands' && decimalComma.test(text))
    return finite(text.replace(',', '.'));
  return meaning === 'thousands' && thousands.test(text) ? finite(text.replaceAll(',', '')) : Number.NaN;
}

const finite = (text: string): number => (Number.isFinite(Number(text)) ? Number(text) : Number.NaN);

/** A text that a warning may repeat. Only numbers are allowed, because any attribute of a file may contain a name. */
const numeric = /^[\d+\-., \\]{0,60}([eEdD][+-]?\d{1,3})?( ?mm)?$/;

/** The text of the values for a warning; undefined if a value is not similar to a number. */
export function foundNumbers(values: readonly string[]): string | undefined {
  const isNumeric = values.length > 0 && values.every((value) => numeric.test(value));
  const text = values.join('\\').slice(0, 64);
  return isNumeric && text !== '' ? text : undefined;
}
