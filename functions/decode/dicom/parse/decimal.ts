/** One value of a decimal or integer string (PS3.5, 6.2: DS and IS). */
export type Decimal = {
  /** Undefined where it is left blank, NaN where it is not a number that can be told. */
  readonly value: number | undefined;
  /** It is not written as the standard says, although it can be told. */
  readonly isLenient: boolean;
};

/** What a comma means: `1,024` may be either. Where it is a decimal one, `dots` says that points separate thousands, as in `1.024,5`. */
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
 * Read a number. Beside the standard's spelling: a decimal comma, separators of thousands, `D` for the exponent, `mm` after the
 * number, and text behind a NUL, all of which files have. Where a comma can mean both, `comma` decides; without it the value is NaN.
 * `3.316` is 3316 only where another number of the file has both separators.
 */
export function decimalIn(text: string, comma?: Comma): Decimal {
  const [beforeNul = ''] = text.split('\0');
  const plain = beforeNul.trim();
  if (plain === '') return { value: undefined, isLenient: false };
  if (comma === 'dots' && onlyDots.test(plain)) return { value: finite(plain.replaceAll('.', '')), isLenient: true };
  if (standard.test(plain)) return { value: finite(plain), isLenient: plain !== text };
  const bare = plain
    .replace(/(?<=\d)\s*mm$/i, '')
    .replace(/(?<=\d)[dD](?=[+-]?\d+$)/, 'E')
    .replace(/(?<=^[+-]?\d{1,3}(?: \d{3})*) (?=\d{3}(?!\d))/g, '');
  return { value: lenient(bare, comma), isLenient: true };
}

/** What a comma means in a value; undefined where the value has none, or may mean both. */
export function commaIn(text: string): Comma | undefined {
  if (severalThousands.test(text)) return 'thousands';
  if (dottedThousands.test(text)) return 'dots';
  if (decimalComma.test(text) && !ambiguous.test(text)) return 'decimal';
  return undefined;
}

function lenient(text: string, comma: Comma | undefined): number {
  if (standard.test(text)) return finite(text);
  if (severalThousands.test(text)) return finite(text.replaceAll(',', ''));
  if (dottedThousands.test(text)) return finite(text.replaceAll('.', '').replace(',', '.'));
  const meaning = commaIn(text) ?? comma;
  if (meaning !== undefined && meaning !== 'thousands' && decimalComma.test(text))
    return finite(text.replace(',', '.'));
  return meaning === 'thousands' && thousands.test(text) ? finite(text.replaceAll(',', '')) : Number.NaN;
}

const finite = (text: string): number => (Number.isFinite(Number(text)) ? Number(text) : Number.NaN);

/** Numbers as a warning may repeat them: nothing else, because a file may hold a name anywhere. */
const numeric = /^[\d+\-., \\]{0,60}([eEdD][+-]?\d{1,3})?( ?mm)?$/;

/** Values as they were found, where they are numbers or nearly so; undefined for any other text. */
export function foundNumbers(values: readonly string[]): string | undefined {
  const isNumeric = values.length > 0 && values.every((value) => numeric.test(value));
  const text = values.join('\\').slice(0, 64);
  return isNumeric && text !== '' ? text : undefined;
}
