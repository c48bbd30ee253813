import {
  type Form,
  forms,
  type Head,
  HeadReader,
  isDecodedSequence,
  isDecodedTag,
  isDelimiter,
  isPrivate,
  itemDelimiterTag,
  itemTag,
  pixelDataTag,
  sequenceDelimiterTag,
  tagKey,
  tagName,
  undefinedLength,
  type VrEncoding,
  vrsWithUndefinedLength,
} from './element-head.ts';
import { HeaderError, truncated, unusable, type Warnings } from './header-error.ts';

/** One element of a data set. */
export type Element = {
  readonly vr: string | undefined;
  /** Offset of the value in the file. */
  readonly value: number;
  /** The stated length in bytes; `undefinedLength` if a delimiter ends the value. */
  readonly length: number;
  readonly items?: readonly ElementSet[];
};

/** The elements of a data set or an item by tag, and the file that contains the values. */
export type ElementSet = {
  readonly bytes: Uint8Array;
  readonly isLittleEndian: boolean;
  readonly elements: Readonly<Record<string, Element>>;
};

/** Offset and length of one fragment of the pixel data. */
export type Fragment = { readonly value: number; readonly length: number };

/** The data set or the item that is being read. */
type Level = {
  readonly encoding: VrEncoding;
  /** The maximum end offset. */
  readonly limit: number;
  /** An item of undefined length. */
  readonly endsAtDelimiter: boolean;
  /** The tag of the sequence that contains the item; undefined for the data set. */
  readonly sequence?: number;
  readonly depth: number;
  /** The limit is the end of the file. A value that exceeds the limit may be truncated. */
  readonly endsWithFile: boolean;
};

/** The values of the elements that were already read, by tag. */
type SeenValues = Map<number, { readonly value: Uint8Array; readonly isBlank: boolean }>;

type Parsed = { readonly element: Element; readonly tag: number; readonly next: number };

/** Limit of the nesting depth of sequences. The sequences of films are nested less deeply. */
const maxDepth = 64;
/** Number of consecutive elements that must follow an offset to prove that an element starts there. */
const shortChain = 2;
/** The same number if the tags do not ascend. A longer chain is needed, because each element then proves less. */
const longChain = 5;
/** Length limit of a value that {@link DataSetParser} searches for overlapped elements. */
const maxSearched = 65_536;
/** Limit of search steps per file. A malicious file could otherwise cause an endless search. */
const maxSteps = 500_000;

/** The file has more elements than the parser reads. */
export class TooManyElements extends Error {
  override name = 'TooManyElements';
}

/**
 * Parses the elements of one file, including malformed ones. The parser first reads an element by the standard. It accepts the
 * result if another element, the end of the item or the end of the file follows. Otherwise it tries another form of the head, a
 * padding byte that the length does not count, and the lengths of the items. If exactly one of them fits, the element is read
 * with a warning. If none or several fit, the file is refused, and the fault names the element.
 */
export class DataSetParser {
  private readonly reader: HeadReader;
  private readonly bytes: Uint8Array;
  private readonly warnings: Warnings;
  private readonly isPartial: boolean;
  private remainingReads: number;
  private remainingSteps = maxSteps;
  /** Start offset of the current element. The elements before it are already accepted. */
  private elementStart = 0;
  /** The error of the last failed `tryParse`. */
  private lastFailure: unknown;
  /** The elements of the data set before Pixel Data. */
  private seen: SeenValues = new Map();

  /**
   * @param isPartial whether `bytes` is only the beginning of the file
   * @param maxReads limit of tags, lengths and fragments to read
   */
  constructor(bytes: Uint8Array, warnings: Warnings, isPartial: boolean, maxReads: number) {
    this.reader = new HeadReader(bytes);
    this.bytes = bytes;
    this.warnings = warnings;
    this.isPartial = isPartial;
    this.remainingReads = maxReads;
  }

  /** The first candidate in which a chain of elements starts at an offset. */
  encodingAt(at: number, candidates: readonly VrEncoding[]): VrEncoding | undefined {
    const fits = (depth: number, endsWithFile: boolean) =>
      candidates.find((encoding) => {
        const level = { encoding, limit: this.bytes.length, endsAtDelimiter: false, depth: 0, endsWithFile };
        const tag = this.reader.tagAt(at, encoding.isLittleEndian) ?? 0;
        // A data set starts with a low group. In the wrong byte order, group 0008 becomes 0800.
        return tag >= 0x0002_0000 && tag < 0x0030_0000 && this.isElement(at, 0, level, true, depth, false);
      });
    return fits(longChain, false) ?? fits(shortChain, false) ?? fits(shortChain, true);
  }

  /** Read the data set at an offset into `elements`, up to the head of Pixel Data. The caller reads the value of Pixel Data. */
  readDataSet(at: number, encoding: VrEncoding, elements: Record<string, Element>): number {
    const level = { encoding, limit: this.bytes.length, endsAtDelimiter: false, depth: 0, endsWithFile: true };
    return this.readElements(at, level, elements);
  }

  /**
   * Read misplaced elements after Pixel Data, for example the name of the patient, although tags must ascend (PS3.5, 7.1).
   * Elements that belong there (padding and signatures), zero bytes, and bytes that are not elements are skipped.
   *
   * @param at the end of the pixel data
   */
  readAfterPixelData(at: number, encoding: VrEncoding, elements: Record<string, Element>): void {
    const level = { encoding, limit: this.bytes.length, endsAtDelimiter: false, depth: 0, endsWithFile: true };
    const tagAt = (offset: number) =>
      offset + 8 > level.limit ? undefined : this.reader.tagAt(offset, encoding.isLittleEndian);
    // Some devices fill the last block of a file with zero bytes. Elements have even lengths. So if the number of zero bytes is
    // odd, the last zero byte is the first byte of a tag.
    const skipZeros = (offset: number) => {
      let first = offset;
      while (first < level.limit && this.bytes[first] === 0) first++;
      return first - ((first - offset) % 2);
    };
    let start = skipZeros(at);
    for (let tag = tagAt(start); tag !== undefined && tag > pixelDataTag; tag = tagAt(start)) {
      const head = this.standardHead(start, encoding);
      const end =
        head?.length === undefinedLength
          ? this.tryParse(() => this.readUndefined(head, level).next)
          : head && endOf(head);
      if (end === undefined) return;
      start = skipZeros(end);
    }
    const tag = tagAt(start);
    const head = this.standardHead(start, encoding);
    // A value representation proves that an element starts here, also for an uncommon group such as an overlay.
    if (tag === undefined || tag < 0x0003_0000 || !(hasCommonGroup(tag) || head?.vr !== undefined)) return;
    // A decoded attribute with a value representation is an element, also if the file is truncated within the element.
    const isCertain = encoding.isExplicit && head?.vr !== undefined && isDecodedTag(tag);
    const isChain = this.isElement(start, 0, { ...level, endsWithFile: false }, false, longChain, false);
    if (isCertain || isChain) this.readElements(start, level, elements, this.seen);
  }

  /** @param previous the elements before Pixel Data, if `start` is after Pixel Data */
  private readElements(start: number, level: Level, elements: Record<string, Element>, previous?: SeenValues): number {
    const { encoding, limit, endsAtDelimiter, sequence, depth } = level;
    const isDataSet = sequence === undefined;
    const seen: SeenValues = previous ?? new Map();
    let at = start;
    let last = previous ? pixelDataTag : 0;
    let afterSequence = false;
    while (at < limit) {
      const tag = at + 8 > limit ? undefined : this.reader.tagAt(at, encoding.isLittleEndian);
      if (tag === undefined) throw this.endError(level);
      if (isDelimiter(tag)) {
        const length = this.reader.uint32(at + 4, encoding.isLittleEndian);
        if (endsAtDelimiter && tag === itemDelimiterTag) return at + 8;
        if (endsAtDelimiter) {
          this.warnSequence(
            sequence,
            'the Item Delimitation Item of an item is missing. The item was ended before the next item or delimiter',
          );
          return at;
        }
        const isSuperfluous = length === 0 && tag !== itemTag && (afterSequence || at + 8 === limit);
        if (!isSuperfluous)
          throw unusable(
            sequence === undefined
              ? `delimiter ${tagName(tag)} is outside every sequence of undefined length`
              : contradictoryLengths(sequence),
          );
        this.warnSequence(sequence, 'there is a superfluous delimiter. The delimiter was skipped');
        at += 8;
        continue;
      }
      if (tag < 0x0001_0000)
        throw unusable(
          last === 0
            ? `the data set starts with element ${tagName(tag)}, and a file must not contain this group`
            : `an element of group 0000 follows element ${tagName(last)}`,
        );
      const isMeta = isDataSet && tag < 0x0003_0000 && tag >= 0x0002_0000;
      const parsed = this.readElement(at, level);
      if (isMeta) {
        this.warnings.add({
          code: 'meta_element_in_data_set',
          message: `The data set contains the file meta element ${tagName(tag)}. The element was skipped.`,
          attribute: tagName(tag),
        });
      } else {
        if (this.checkOrder(tag, last, parsed, seen)) elements[tagKey(tag)] = parsed.element;
        last = tag;
      }
      afterSequence = parsed.element.items !== undefined;
      at = parsed.next;
      if (isDataSet && tag === pixelDataTag) {
        this.seen = seen;
        return at;
      }
    }
    if (endsAtDelimiter && depth > 0) {
      const isTruncated = limit === this.bytes.length && !elements[tagKey(pixelDataTag)];
      throw isTruncated
        ? truncated()
        : unusable(`the delimiter at the end of sequence ${tagName(sequence ?? 0)} is missing`);
    }
    return at;
  }

  /** The error of a level that ends within an element. */
  private endError({ limit, sequence }: Level) {
    return limit === this.bytes.length || sequence === undefined
      ? truncated()
      : unusable(contradictoryLengths(sequence));
  }

  private warnSequence(sequence: number | undefined, problem: string): void {
    const name = sequence === undefined ? 'the data set' : `sequence ${tagName(sequence)}`;
    this.warnings.add({
      code: 'sequence_malformed',
      message: `In ${name}, ${problem}.`,
      ...(sequence !== undefined && { attribute: tagName(sequence) }),
    });
  }

  /** Warn if a tag does not ascend or occurs twice (PS3.5, 7.1). Returns whether to use the value of this element. */
  private checkOrder(tag: number, last: number, { element, next }: Parsed, seen: SeenValues): boolean {
    const value = this.bytes.subarray(element.value, next);
    const found = { value: unpadded(value, element.vr), isBlank: isBlank(value, element.vr) };
    const first = seen.get(tag);
    if (first) {
      const isEqual = Buffer.compare(first.value, found.value) === 0;
      if (!isEqual && !found.isBlank && !first.isBlank && isDecodedTag(tag))
        throw unusable(`element ${tagName(tag)} occurs twice with different values`);
      const isReplaced = first.isBlank && !found.isBlank;
      this.warnings.add({
        code: 'element_duplicated',
        message: `Element ${tagName(tag)} occurs more than once. The ${isReplaced ? 'first value that is not blank' : 'first value'} was used.`,
        attribute: tagName(tag),
      });
      if (isReplaced) seen.set(tag, found);
      return isReplaced;
    }
    seen.set(tag, found);
    if (tag < last)
      this.warnings.add({
        code: 'elements_out_of_order',
        message: `Element ${tagName(tag)} follows ${tagName(last)}, but tags must ascend. The element was read nevertheless.`,
        attribute: tagName(tag),
      });
    return true;
  }

  private readElement(at: number, level: Level): Parsed {
    this.countReads(level.encoding.isExplicit ? 4 : 3);
    const chosen = this.chooseHead(at, level);
    const { head, next } = chosen;
    const { tag, vr, value, length } = head;
    const element = { vr, value, length };
    if (level.sequence === undefined && tag === pixelDataTag) return { tag, element, next };
    if (length === undefinedLength) return this.readUndefined(head, level);
    const isSequence = vr === 'SQ' || (vr === undefined && isDecodedSequence(tag));
    if (chosen.byItems) return this.readByItems(head, level);
    if (isSequence && length > 0) {
      const { items } = this.readItems(head, next, level, level.encoding);
      return { tag, element: { ...element, items }, next };
    }
    const mayBeSequence = vr === undefined || vr === 'UN' || isDecodedSequence(tag);
    if (mayBeSequence && length >= 8 && this.isItemAt(value, level.encoding.isLittleEndian)) {
      const inside = vr === 'UN' ? implicitIn(level.encoding) : level.encoding;
      const items = this.tryParse(() => this.readItems(head, next, level, inside).items);
      if (items && vr !== undefined && vr !== 'UN')
        this.warnSequence(tag, `the value representation is ${vr} instead of SQ. The value was read as a sequence`);
      if (items) return { tag, element: { ...element, items }, next };
      if (isDecodedSequence(tag)) throw unusable(contradictoryLengths(tag));
      this.warnSequence(tag, 'the stated lengths contradict each other. The items were skipped');
    }
    this.checkOverlap(head, next, level);
    return { tag, element, next };
  }

  /** Find the head of the element at an offset: the form of the head after which another element follows. */
  private chooseHead(
    at: number,
    level: Level,
  ): { readonly head: Head; readonly next: number; readonly byItems?: true } {
    const { encoding, limit, sequence, endsWithFile } = level;
    const { isLittleEndian } = encoding;
    this.elementStart = at;
    const standard = this.standardHead(at, encoding);
    if (sequence === undefined && this.reader.tagAt(at, isLittleEndian) === pixelDataTag)
      return this.choosePixelDataHead(at, standard, level);
    if (standard && this.endsAtBoundary(standard, level, true)) {
      if (standard.length % 2 === 1 && standard.length !== undefinedLength)
        this.warnOddLength(standard, 'the padding byte is missing');
      return { head: standard, next: endOf(standard) };
    }

    const tag = this.reader.tagAt(at, isLittleEndian) ?? 0;
    if (standard && standard.length % 2 === 1 && this.isBoundary(endOf(standard) + 1, tag, level, true, shortChain)) {
      // If the extra byte is not padding, it belongs to the value.
      if (!this.isPadding(standard)) throw unusable(`the length of element ${tagName(tag)} is one byte too short`);
      this.warnOddLength(standard, 'the length does not count the padding byte. The byte was skipped');
      return { head: standard, next: endOf(standard) + 1 };
    }
    if (standard && this.endsAtBoundary(standard, level, false)) return { head: standard, next: endOf(standard) };

    const standardForm = this.reader.standardForm(at, encoding);
    const others = forms
      .filter((form) => form !== standardForm && this.reader.mayHaveForm(form, at))
      .flatMap((form) => this.reader.headIn(form, at, isLittleEndian) ?? [])
      .filter((head) => isAllowedForm(head, encoding))
      // The end of the file is no evidence for another form: in a truncated file, any length can lead to the end.
      .filter((head) => this.endsAtBoundary(head, { ...level, endsWithFile: false }, true));
    const ends = new Set(others.map((head) => endOf(head)));
    const [other] = others;
    if (other && ends.size === 1) {
      this.warnHead(other, encoding, standard);
      return { head: other, next: endOf(other) };
    }
    if (!standard) {
      if (at + 12 > limit || this.isPartial) throw truncated();
      throw unusable(
        `element ${tagName(tag)} has no value representation, and no form of its length field leads to the next element`,
      );
    }
    const end = endOf(standard);
    if (standard.vr === 'SQ' || (standard.vr === undefined && this.isItemAt(standard.value, isLittleEndian)))
      return { head: standard, next: end, byItems: true };
    if (end > limit && endsWithFile && (this.isPartial || !this.reader.pixelDataAfter(this.elementStart)))
      throw truncated();
    throw unusable(
      `the length of element ${tagName(this.wrongLength(standard, level))} does not lead to the next element`,
    );
  }

  /**
   * The element whose length is probably wrong: the last one of the valid heads that follow each other. Used if no valid element
   * follows `head`.
   */
  private wrongLength(head: Head, { encoding, limit }: Level): number {
    let last = head;
    for (let i = 0; i < longChain; i++) {
      const end = endOf(last);
      const next = last.length === undefinedLength || end + 8 > limit ? undefined : this.standardHead(end, encoding);
      if (!next || next.tag <= last.tag || (!encoding.isExplicit && !hasCommonGroup(next.tag))) break;
      last = next;
    }
    return last.tag;
  }

  /**
   * Find the head of Pixel Data. Usually no element follows Pixel Data, so a following element cannot prove the form of the head.
   * Instead, the form fits if the value ends at the end of the file, or if the length is undefined and the value starts with an
   * item.
   */
  private choosePixelDataHead(at: number, standard: Head | undefined, { encoding }: Level) {
    const heads = forms.flatMap((form) => this.reader.headIn(form, at, encoding.isLittleEndian) ?? []);
    const fits = (head: Head) =>
      head.length === undefinedLength
        ? this.isItemAt(head.value, encoding.isLittleEndian)
        : head.length > 0 && endOf(head) === this.bytes.length;
    const isValid = standard && (standard.vr !== undefined || !encoding.isExplicit) && this.isInsideFile(standard);
    const looksExplicit =
      !encoding.isExplicit && this.reader.standardForm(at, { ...encoding, isExplicit: true }) === 'long';
    if (isValid && !looksExplicit) return { head: standard, next: standard.value };
    const [other, ...more] = heads.filter((head) => head !== standard && fits(head));
    if (other && more.every((head) => endOf(head) === endOf(other))) {
      const isSameValue = standard && endOf(standard) === endOf(other) && standard.value === other.value;
      if (!isSameValue) this.warnHead(other, encoding, standard);
      return { head: other, next: other.value };
    }
    if (standard) return { head: standard, next: standard.value };
    if (at + 12 > this.bytes.length || this.isPartial) throw truncated();
    throw unusable(
      `element ${tagName(pixelDataTag)} has no value representation, and no form of its length field fits the file`,
    );
  }

  private warnOddLength({ tag, length }: Head, problem: string): void {
    this.warnings.add({
      code: 'odd_length',
      message: `Element ${tagName(tag)} has an odd length: ${problem}.`,
      attribute: tagName(tag),
      found: String(length),
    });
  }

  private isInsideFile = (head: Head): boolean =>
    head.length === undefinedLength || endOf(head) <= this.bytes.length || this.isPartial;

  private warnHead(head: Head, encoding: VrEncoding, standard: Head | undefined): void {
    const form = head.vr === undefined ? 'without a value representation' : `with another length field, as ${head.vr}`;
    const why = standard ? 'its length does not lead to another element' : 'it has no value representation';
    this.warnings.add({
      code: 'element_malformed',
      message: `Element ${tagName(head.tag)} is not in ${encoding.isExplicit ? 'Explicit' : 'Implicit'} VR like the other elements (${why}). It was read ${form}.`,
      attribute: tagName(head.tag),
    });
  }

  private standardHead(at: number, encoding: VrEncoding): Head | undefined {
    const form = this.reader.standardForm(at, encoding);
    return form && this.reader.headIn(form, at, encoding.isLittleEndian);
  }

  /** Whether an element or the end of the level follows the value of a head. */
  private endsAtBoundary(head: Head, level: Level, isAscending: boolean): boolean {
    if (head.length === undefinedLength)
      return vrsWithUndefinedLength.has(head.vr) && this.isItemAt(head.value, level.encoding.isLittleEndian);
    const end = endOf(head);
    return isAscending
      ? this.isBoundary(end, head.tag, level, true, shortChain)
      : this.isBoundary(end, head.tag, level, false, longChain);
  }

  /** Whether an offset is the end of the level or the start of an element. */
  private isBoundary(at: number, after: number, level: Level, isAscending: boolean, depth: number): boolean {
    const { encoding, limit, endsAtDelimiter, endsWithFile } = level;
    if (at === limit) return !endsAtDelimiter || endsWithFile;
    if (at > limit) return endsWithFile && this.isPartial;
    // The file ends within the next head. It is truncated, or `bytes` is only its beginning.
    if (at + 8 > limit) return endsWithFile;
    const tag = this.reader.tagAt(at, encoding.isLittleEndian) ?? 0;
    if (isDelimiter(tag))
      return tag === itemTag ? endsAtDelimiter : this.reader.uint32(at + 4, encoding.isLittleEndian) === 0;
    return this.isElement(at, after, level, isAscending, depth, true);
  }

  /**
   * Whether a chain of elements starts at an offset.
   *
   * @param after the tag of the element before
   * @param depth number of further elements that must follow
   * @param anyForm accept heads that break the standard
   */
  private isElement(
    at: number,
    after: number,
    level: Level,
    isAscending: boolean,
    depth: number,
    anyForm: boolean,
  ): boolean {
    const { encoding, limit, endsWithFile } = level;
    const standardForm = this.reader.standardForm(at, encoding);
    const allowed: readonly (Form | undefined)[] = anyForm && isAscending ? [standardForm, ...forms] : [standardForm];
    return allowed.some((form) => {
      const head = form && this.reader.headIn(form, at, encoding.isLittleEndian);
      if (!head) return form !== undefined && endsWithFile;
      if (form !== standardForm && !(isAllowedForm(head, encoding) && this.reader.mayHaveForm(form, at))) return false;
      const group = Math.floor(head.tag / 65_536);
      if (group === 0 || (isAscending && head.tag <= after)) return false;
      if (!isAscending && group > 0x7fe0) return false;
      if (head.length === undefinedLength)
        return vrsWithUndefinedLength.has(head.vr) && this.isItemAt(head.value, encoding.isLittleEndian);
      if (head.tag === pixelDataTag && level.sequence === undefined) return true;
      const end = endOf(head);
      if (end > limit) return endsWithFile && (this.isPartial || !this.reader.pixelDataAfter(this.elementStart));
      if (end === limit) return true;
      if (depth === 0) return true;
      if (end + 8 > limit) return endsWithFile;
      const next = this.reader.tagAt(end, encoding.isLittleEndian) ?? 0;
      if (isDelimiter(next)) return true;
      // An uncounted padding byte may follow. It is skipped when the element is read.
      const ends = anyForm && this.isPadding(head) ? [end, end + 1] : [end];
      return ends.some((start) => this.isElement(start, head.tag, level, isAscending, depth - 1, anyForm));
    });
  }

  /** Whether the length is odd and a padding byte (space or zero) follows the value (PS3.5, 6.2). */
  private isPadding(head: Head): boolean {
    const padding = this.bytes[endOf(head)];
    return head.length % 2 === 1 && head.length !== undefinedLength && (padding === 0x20 || padding === 0);
  }

  /** Whether an item or the end of a sequence starts at an offset. True also at the end of a partial file. */
  isItemAt(at: number, isLittleEndian: boolean): boolean {
    const tag = this.reader.tagAt(at, isLittleEndian);
    return tag === itemTag || tag === sequenceDelimiterTag || (tag === undefined && this.isPartial);
  }

  /** Read a value of undefined length: the items of a sequence, or fragments (for example of an icon image), which are skipped. */
  private readUndefined(head: Head, level: Level): Parsed {
    const { tag, vr } = head;
    const sequence = () => {
      const encoding = vr === 'UN' ? implicitIn(level.encoding) : level.encoding;
      const { items, next } = this.readItems(head, undefined, level, encoding);
      return { tag, element: { ...head, items }, next };
    };
    const fragments = () => ({
      tag,
      element: head,
      next: this.readFragments(head, level.limit, level.encoding.isLittleEndian).next,
    });
    if (vr === 'SQ') return sequence();
    // Encapsulated pixel data is OB (PS3.5, A.4). In Implicit VR, only the content tells whether the value is a sequence.
    const [first, second] =
      tag === pixelDataTag || vr === 'OB' || vr === 'OW' ? [fragments, sequence] : [sequence, fragments];
    const expected = this.tryParse(first);
    if (expected) return expected;
    // Keep the error of the first attempt. A second run of the attempt would take exponential time in nested sequences.
    const { lastFailure } = this;
    const alternative = this.tryParse(second);
    if (!alternative) throw lastFailure;
    return alternative;
  }

  /** Read a sequence with a wrong length. The items determine the end, if another element follows the last item. */
  private readByItems(head: Head, level: Level): Parsed {
    const { tag, length } = head;
    const sequence = this.tryParse(() => this.readItems(head, undefined, level, level.encoding, true));
    if (!sequence) {
      const isTruncated = endOf(head) > level.limit && level.limit === this.bytes.length;
      if (isTruncated && !this.reader.pixelDataAfter(this.elementStart)) throw truncated();
      const wrong = this.wrongLength(head, level);
      const kind = wrong === tag ? 'sequence' : 'element';
      throw unusable(`the length of ${kind} ${tagName(wrong)} does not lead to the next element`);
    }
    this.warnings.add({
      code: 'sequence_malformed',
      message: `The length of sequence ${tagName(tag)} does not lead to the next element. The sequence was read to the end of its last item.`,
      attribute: tagName(tag),
      found: String(length),
    });
    return { tag, element: { ...head, items: sequence.items }, next: sequence.next };
  }

  /**
   * Read the items of a sequence.
   *
   * @param end the stated end; undefined if a delimiter ends the sequence
   * @param byItems the sequence ends before the first element that is not an item
   */
  private readItems(
    { tag, value }: Head,
    end: number | undefined,
    parent: Level,
    encoding: VrEncoding,
    byItems = false,
  ): { items: readonly ElementSet[]; next: number } {
    // This error stops the parser. A fault would make the parser try alternatives at each level.
    if (parent.depth >= maxDepth) throw new TooManyElements('sequences nested too deep');
    const conflict = () => unusable(contradictoryLengths(tag));
    const limit = end ?? parent.limit;
    const { isLittleEndian } = encoding;
    const items: ElementSet[] = [];
    let at = value;
    let lastEndsAtDelimiter = true;
    while (at !== end) {
      if (end === undefined && at === limit && byItems) break;
      const found = at + 8 > limit ? undefined : this.reader.tagAt(at, isLittleEndian);
      if (found === undefined) throw limit === this.bytes.length ? truncated() : conflict();
      this.countReads(3);
      const length = this.reader.uint32(at + 4, isLittleEndian);
      if (found === sequenceDelimiterTag) {
        at += 8;
        if (end === undefined) return { items, next: at };
        if (at !== end) throw conflict();
        this.warnSequence(tag, 'there is a delimiter within the stated length. The delimiter was skipped');
        break;
      }
      if (found !== itemTag) {
        // The sequence ends here if an element of the parent level follows. This is certain only if a delimiter ended the last
        // item, or if the length of the sequence is known to be wrong. Otherwise the length of the item may be wrong.
        const isParentElement =
          end === undefined && this.isBoundary(at, tag, parent, true, shortChain) && !isDelimiter(found);
        if (!isParentElement || !(byItems || (lastEndsAtDelimiter && items.length > 0))) throw conflict();
        if (!byItems) this.warnSequence(tag, 'the Sequence Delimitation Item is missing');
        return { items, next: at };
      }
      const endsAtDelimiter = length === undefinedLength;
      const itemLimit = endsAtDelimiter ? limit : at + 8 + length;
      if (itemLimit > limit) {
        const isTruncated = limit === this.bytes.length && !this.reader.pixelDataAfter(this.elementStart);
        throw isTruncated ? truncated() : conflict();
      }
      const elements: Record<string, Element> = {};
      const written = this.itemEncoding(tag, at + 8, itemLimit, encoding, parent.depth);
      const level = {
        encoding: written,
        limit: itemLimit,
        endsAtDelimiter,
        sequence: tag,
        depth: parent.depth + 1,
        endsWithFile: itemLimit === this.bytes.length,
      };
      at = this.readElements(at + 8, level, elements);
      lastEndsAtDelimiter = endsAtDelimiter;
      items.push({ bytes: this.bytes, isLittleEndian, elements });
    }
    return { items, next: at };
  }

  /** The encoding of an item. Normally the encoding of the sequence; the other VR encoding if elements only fit in that one. */
  private itemEncoding(tag: number, at: number, limit: number, encoding: VrEncoding, depth: number): VrEncoding {
    const first = this.reader.tagAt(at, encoding.isLittleEndian);
    if (at + 8 > limit || first === undefined || isDelimiter(first)) return encoding;
    const fitsEncoding = (candidate: VrEncoding) =>
      this.isElement(
        at,
        0,
        {
          encoding: candidate,
          limit,
          endsAtDelimiter: true,
          sequence: tag,
          depth,
          endsWithFile: this.isPartial && limit === this.bytes.length,
        },
        true,
        shortChain,
        false,
      );
    const other = { ...encoding, isExplicit: !encoding.isExplicit };
    if (fitsEncoding(encoding) || !fitsEncoding(other)) return encoding;
    this.warnSequence(
      tag,
      `the items are in ${other.isExplicit ? 'Explicit' : 'Implicit'} VR, unlike the other elements`,
    );
    return other;
  }

  /**
   * Read the fragments of encapsulated pixel data, including the Basic Offset Table (PS3.5, A.4).
   *
   * @param end the stated end; undefined if a Sequence Delimitation Item must end the fragments
   */
  readFragments(
    { tag, value }: Pick<Head, 'tag' | 'value'>,
    limit: number,
    isLittleEndian: boolean,
    end?: number,
  ): { fragments: readonly Fragment[]; next: number } {
    const name = tagName(tag);
    const fragments: Fragment[] = [];
    let at = value;
    while (true) {
      this.countReads(3);
      if (at === end) return { fragments, next: at };
      if (at >= limit && tag === pixelDataTag && limit === this.bytes.length && fragments.length > 1) {
        if (at > limit) throw truncated('the file ends inside its pixel data');
        this.warnings.add({
          code: 'sequence_malformed',
          message: `The Sequence Delimitation Item of ${name} is missing. The last fragment ends with the file.`,
          attribute: name,
        });
        return { fragments, next: at };
      }
      const found = at + 8 > limit ? undefined : this.reader.tagAt(at, isLittleEndian);
      if (found === undefined) throw truncated('the file ends inside its pixel data');
      const length = this.reader.uint32(at + 4, isLittleEndian);
      if (found === sequenceDelimiterTag) return { fragments, next: at + 8 };
      const last = fragments.at(-1);
      if (found !== itemTag && last && last.length % 2 === 1 && this.isItemAt(at + 1, isLittleEndian)) {
        this.warnings.add({
          code: 'odd_length',
          message: `A fragment of ${name} has an odd length that does not count the padding byte. The byte was skipped.`,
          attribute: name,
          found: String(last.length),
        });
        at += 1;
        continue;
      }
      if (found !== itemTag || length === undefinedLength)
        throw unusable(`the length of a fragment of ${name} is wrong`);
      if (at + 8 + length > limit && tag === pixelDataTag) throw truncated('the file ends inside its pixel data');
      if (at + 8 + length > limit) throw unusable(`the length of a fragment of ${name} is wrong`);
      fragments.push({ value: at + 8, length });
      at += 8 + length;
    }
  }

  /** Run a parse step. If the step ends with a fault, remove the warnings of the step and return undefined. */
  private tryParse<Value>(run: () => Value): Value | undefined {
    const before = this.warnings.list.length;
    try {
      return run();
    } catch (error) {
      // In a partial file, a truncated part is not a fault: the rest of the file may complete it.
      const isFault = error instanceof HeaderError && (error.fault.code === 'unusable_header' || !this.isPartial);
      if (!isFault) throw error;
      this.warnings.list.length = before;
      this.lastFailure = error;
      return undefined;
    }
  }

  /**
   * Refuse an element whose length includes the elements after it. A length that is too large can still lead to an element: to a
   * later one, or to one within an item. So the value is searched for a run of elements that ends exactly at the end of the
   * value, or that extends beyond the value and leads to another element there.
   */
  private checkOverlap({ tag, vr, value, length }: Head, next: number, level: Level): void {
    const { encoding, limit } = level;
    if (next === this.bytes.length && this.containsPixelData(value, next, encoding))
      throw unusable(`the length of element ${tagName(tag)} includes Pixel Data (7FE0,0010)`);
    if (length < 8 || length > maxSearched) return;
    const following = next + 4 > limit ? undefined : this.reader.tagAt(next, encoding.isLittleEndian);
    const upper = following === undefined || isDelimiter(following) || following <= tag ? pixelDataTag : following;
    const end = value + length;
    // A private value may contain a data set, and a binary value any bytes. There, only decoded attributes are evidence.
    const isText = encoding.isExplicit ? !/^(O.|UN)$/.test(vr ?? '') : !isBinary(tag);
    const needsDecodedTag = isPrivate(tag) || !isText;
    for (let start = value; start + 8 <= end; start++) {
      let at = start;
      let before = tag;
      let isEvidence = !needsDecodedTag;
      let isBeyond = false;
      while (at + 8 <= end && !isBeyond) {
        this.remainingSteps -= 1;
        // A file with so many search steps contains private data of a device. Its lengths are trusted.
        if (this.remainingSteps < 0) return;
        const inner = this.reader.tagAt(at, encoding.isLittleEndian) ?? 0;
        // Text, read as a tag, has a group of 2020 or higher. Headers do not have such groups.
        if (inner <= before || inner >= pixelDataTag || !hasCommonGroup(inner)) break;
        const head = this.standardHead(at, encoding);
        if (!head) break;
        isEvidence ||= isDecodedTag(inner);
        isBeyond = isEvidence && this.extendsBeyond(head, end, level);
        if (!isBeyond && endOf(head) > end) break;
        before = inner;
        at = endOf(head);
      }
      const isRun = isBeyond || (at === end && at > start && before < upper);
      if (isRun && isEvidence)
        throw unusable(`the length of element ${tagName(tag)} includes element ${tagName(before)}`);
    }
  }

  /** Whether an element that starts within a value extends beyond the end of the value and leads to another element. */
  private extendsBeyond(head: Head, end: number, level: Level): boolean {
    if (this.isPartial) return false;
    if (head.length === undefinedLength)
      return vrsWithUndefinedLength.has(head.vr) && this.isItemAt(head.value, level.encoding.isLittleEndian);
    if (endOf(head) <= end || endOf(head) >= level.limit) return false;
    return this.isBoundary(endOf(head), head.tag, { ...level, endsWithFile: false }, true, shortChain);
  }

  /** Whether the end of a value contains Pixel Data. Only for a value that ends with the file. */
  private containsPixelData(value: number, end: number, encoding: VrEncoding): boolean {
    const at = this.reader.pixelDataAt();
    const head = at >= value && at + 12 <= end ? this.standardHead(at, encoding) : undefined;
    return head !== undefined && (endOf(head) === end || head.length === undefinedLength);
  }

  private countReads(reads: number): void {
    this.remainingReads -= reads;
    if (this.remainingReads < 0) throw new TooManyElements('too many elements');
  }
}

/**
 * Whether the value of an attribute is binary: lookup tables, palettes, documents, curves, waveforms, overlays. Needed in Implicit
 * VR, where the file does not state value representations.
 */
const isBinary = (tag: number): boolean =>
  [0x0028_1408, 0x0028_3006, 0x0042_0011].includes(tag) ||
  (tag >= 0x0028_1200 && tag < 0x0028_1300) ||
  (tag >= 0x5000_0000 && tag < 0x6100_0000);

/** Whether a tag has a group that headers commonly have. Text, read as a tag, has a higher group. */
const hasCommonGroup = (tag: number): boolean => tag < 0x2000_0000 || isDecodedTag(tag);

/** Whether the parser may try a form. In an Implicit VR data set, an element in Explicit VR must have a value representation. */
const isAllowedForm = ({ vr }: Head, { isExplicit }: VrEncoding): boolean => isExplicit || vr !== undefined;

/** Whether a value is empty, or is text with only padding. */
const isBlank = (value: Uint8Array, vr: string | undefined): boolean => unpadded(value, vr).length === 0;

/**
 * A text value without padding (PS3.5, 6.2: spaces, or a zero byte for a UID). If the value representation is unknown, zero bytes
 * are not removed, because the value may be a binary number.
 */
function unpadded(value: Uint8Array, vr: string | undefined): Uint8Array {
  if (binaryVrs.has(vr)) return value;
  const isText = vr !== undefined && vr !== 'UN';
  let end = value.length;
  while (end > 0 && (value[end - 1] === 0x20 || (isText && value[end - 1] === 0))) end--;
  return isText || end === 0 ? value.subarray(0, end) : value;
}

const binaryVrs = new Set<string | undefined>([
  'US',
  'SS',
  'UL',
  'SL',
  'FL',
  'FD',
  'AT',
  'OB',
  'OW',
  'OF',
  'OD',
  'OL',
  'SV',
  'UV',
]);

const endOf = ({ value, length }: Head): number => value + length;

const contradictoryLengths = (sequence: number): string =>
  `the stated lengths in sequence ${tagName(sequence)} contradict each other`;

/** The content of an element with value representation UN is in Implicit VR (PS3.5, 6.2.2, note 2). */
const implicitIn = ({ isLittleEndian }: VrEncoding): VrEncoding => ({ isLittleEndian, isExplicit: false });
