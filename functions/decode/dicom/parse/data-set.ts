import {
  type Form,
  forms,
  type Head,
  HeadReader,
  isDelimiter,
  isKnown,
  isKnownSequence,
  isPrivate,
  itemEnd,
  itemTag,
  mayBeUndefined,
  pixelDataTag,
  sequenceEnd,
  tagKey,
  tagName,
  undefinedLength,
  type VrEncoding,
} from './element-head.ts';
import { HeaderError, truncated, unusable, type Warnings } from './header-error.ts';

/** One element of a data set. */
export type Element = {
  readonly vr: string | undefined;
  /** Offset of the value in the file. */
  readonly value: number;
  /** In bytes, as it is written: `undefinedLength` where the value ends at a delimiter. */
  readonly length: number;
  readonly items?: readonly ElementSet[];
};

/** The elements of a data set or an item by their tags, in the bytes of the file. */
export type ElementSet = {
  readonly bytes: Uint8Array;
  readonly little: boolean;
  readonly elements: Readonly<Record<string, Element>>;
};

/** The value of a part of the pixel data. */
export type Fragment = { readonly value: number; readonly length: number };

/** Where a data set or an item ends, and how its elements are written. */
type Level = {
  readonly encoding: VrEncoding;
  /** The offset behind the last byte that it may have. */
  readonly limit: number;
  /** An item of undefined length: it ends at its delimiter. */
  readonly open: boolean;
  /** The sequence that it is an item of; none of the data set itself. */
  readonly sequence?: number;
  readonly depth: number;
  /** The limit is the end of the file, so that a value which goes beyond it may be cut off. */
  readonly atFileEnd: boolean;
};

/** The values of the elements that were read, by tag. */
type Seen = Map<number, { readonly value: Uint8Array; readonly isBlank: boolean }>;

type Parsed = { readonly element: Element; readonly tag: number; readonly next: number };

/** Deeper than any sequence of a film is nested. */
const maxDepth = 64;
/** How many elements must follow for a place to be taken for the head of one. */
const chain = 2;
/** The same where the tags do not ascend: only a longer chain shows that the place is one. */
const longChain = 5;
/** Longer values are not searched for elements that their length swallows. */
const maxSearched = 65_536;
/** Steps of that search in one file, which a hostile file would otherwise make without end. */
const maxSteps = 500_000;

/** More structure than is read. */
export class TooManyElements extends Error {
  override name = 'TooManyElements';
}

/**
 * Parses the elements of one file. The standard's reading of an element is taken where another element, the end of the
 * item or the end of the file follows it. Where none does, another form of its head, an uncounted padding byte or the
 * length of the items is tried. What fits in one way only is read with a warning; anything else is refused with the name
 * of the element.
 */
export class DataSetParser {
  private readonly reader: HeadReader;
  private readonly bytes: Uint8Array;
  private readonly warnings: Warnings;
  private readonly partial: boolean;
  private left: number;
  private steps = maxSteps;
  /** Where the element begins that is being read: all before it is certain. */
  private origin = 0;
  /** Why the last attempt failed. */
  private failure: unknown;
  /** The elements of the data set before Pixel Data. */
  private seen: Seen = new Map();

  /**
   * @param partial only the beginning of the file is there
   * @param reads how many tags, lengths and fragments are read
   */
  constructor(bytes: Uint8Array, warnings: Warnings, partial: boolean, reads: number) {
    this.reader = new HeadReader(bytes);
    this.bytes = bytes;
    this.warnings = warnings;
    this.partial = partial;
    this.left = reads;
  }

  /** The first of some encodings in which the data set at an offset makes sense. */
  encodingAt(at: number, candidates: readonly VrEncoding[]): VrEncoding | undefined {
    const fits = (depth: number, atFileEnd: boolean) =>
      candidates.find((encoding) => {
        const level = { encoding, limit: this.bytes.length, open: false, depth: 0, atFileEnd };
        const tag = this.reader.tagAt(at, encoding.little) ?? 0;
        // Data sets start with one of the first groups; read in the wrong byte order, group 0008 is 0800.
        return tag >= 0x0002_0000 && tag < 0x0030_0000 && this.isElement(at, 0, level, true, depth, false);
      });
    return fits(longChain, false) ?? fits(chain, false) ?? fits(chain, true);
  }

  /** Read the data set at an offset into `elements`, up to Pixel Data: its value is left to the caller. */
  readDataSet(at: number, encoding: VrEncoding, elements: Record<string, Element>): number {
    const level = { encoding, limit: this.bytes.length, open: false, depth: 0, atFileEnd: true };
    return this.readElements(at, level, elements);
  }

  /**
   * Read the elements that lie behind Pixel Data, although tags must ascend (PS3.5, 7.1): a patient's name there is one. Padding
   * and signatures, which belong there, zero bytes and bytes that are no elements are skipped.
   *
   * @param at the end of the pixel data
   */
  readBehindPixelData(at: number, encoding: VrEncoding, elements: Record<string, Element>): void {
    const level = { encoding, limit: this.bytes.length, open: false, depth: 0, atFileEnd: true };
    const tagAt = (offset: number) =>
      offset + 8 > level.limit ? undefined : this.reader.tagAt(offset, encoding.little);
    // Some devices fill their last block with zero bytes. The first byte of a group may be zero as well, but elements have even lengths.
    const behindZeros = (offset: number) => {
      let first = offset;
      while (first < level.limit && this.bytes[first] === 0) first++;
      return first - ((first - offset) % 2);
    };
    let start = behindZeros(at);
    for (let tag = tagAt(start); tag !== undefined && tag > pixelDataTag; tag = tagAt(start)) {
      const head = this.standardHead(start, encoding);
      const end =
        head?.length === undefinedLength
          ? this.attempt(() => this.readUndefined(head, level).next)
          : head && endOf(head);
      if (end === undefined) return;
      start = behindZeros(end);
    }
    const tag = tagAt(start);
    const head = this.standardHead(start, encoding);
    // A value representation shows that an element of any group is one, an overlay for example.
    if (tag === undefined || tag < 0x0003_0000 || !(isCommon(tag) || head?.vr !== undefined)) return;
    // A known attribute with a value representation is an element, also where the file is cut off within it.
    const isCertain = encoding.explicit && head?.vr !== undefined && isKnown(tag);
    const isChain = this.isElement(start, 0, { ...level, atFileEnd: false }, false, longChain, false);
    if (isCertain || isChain) this.readElements(start, level, elements, this.seen);
  }

  /** `from`: the elements before Pixel Data, where this part of the data set lies behind it. */
  private readElements(start: number, level: Level, elements: Record<string, Element>, from?: Seen): number {
    const { encoding, limit, open, sequence, depth } = level;
    const isDataSet = sequence === undefined;
    const seen: Seen = from ?? new Map();
    let at = start;
    let last = from ? pixelDataTag : 0;
    let afterSequence = false;
    while (at < limit) {
      const tag = at + 8 > limit ? undefined : this.reader.tagAt(at, encoding.little);
      if (tag === undefined) throw this.ends(level);
      if (isDelimiter(tag)) {
        const length = this.reader.uint32(at + 4, encoding.little);
        if (open && tag === itemEnd) return at + 8;
        if (open) {
          this.warnSequence(sequence, 'an item has no Item Delimitation Item; it was ended where the next part begins');
          return at;
        }
        const superfluous = length === 0 && tag !== itemTag && (afterSequence || at + 8 === limit);
        if (!superfluous)
          throw unusable(
            sequence === undefined
              ? `a delimiter ${tagName(tag)} lies outside any sequence of undefined length`
              : `the lengths in sequence ${tagName(sequence)} do not fit each other`,
          );
        this.warnSequence(sequence, 'a delimiter lies where none belongs; it was skipped');
        at += 8;
        continue;
      }
      if (tag < 0x0001_0000)
        throw unusable(
          last === 0
            ? `the data set begins with element ${tagName(tag)}, which no file may have`
            : `what follows element ${tagName(last)} is of group 0000`,
        );
      const isMeta = isDataSet && tag < 0x0003_0000 && tag >= 0x0002_0000;
      const parsed = this.readElement(at, level);
      if (isMeta) {
        this.warnings.add({
          code: 'meta_element_in_data_set',
          message: `The data set has the file meta element ${tagName(tag)}, which was skipped.`,
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
    if (open && depth > 0) {
      const cut = limit === this.bytes.length && !elements[tagKey(pixelDataTag)];
      throw cut ? truncated() : unusable(`sequence ${tagName(sequence ?? 0)} has no end`);
    }
    return at;
  }

  private ends({ limit, sequence }: Level) {
    return limit === this.bytes.length || sequence === undefined
      ? truncated()
      : unusable(`the lengths in sequence ${tagName(sequence)} do not fit each other`);
  }

  private warnSequence(sequence: number | undefined, what: string): void {
    const name = sequence === undefined ? 'the data set' : `sequence ${tagName(sequence)}`;
    this.warnings.add({
      code: 'sequence_malformed',
      message: `In ${name}, ${what}.`,
      ...(sequence !== undefined && { attribute: tagName(sequence) }),
    });
  }

  /** PS3.5, 7.1: tags ascend, and each occurs once. True where the element is the one to use. */
  private checkOrder(tag: number, last: number, { element, next }: Parsed, seen: Seen): boolean {
    const value = this.bytes.subarray(element.value, next);
    const found = { value: unpadded(value, element.vr), isBlank: isBlank(value, element.vr) };
    const first = seen.get(tag);
    if (first) {
      const isEqual = Buffer.compare(first.value, found.value) === 0;
      if (!isEqual && !found.isBlank && !first.isBlank && isKnown(tag))
        throw unusable(`element ${tagName(tag)} occurs twice, with different values`);
      const isReplaced = first.isBlank && !found.isBlank;
      this.warnings.add({
        code: 'element_duplicated',
        message: `Element ${tagName(tag)} occurs more than once; the ${isReplaced ? 'first that is not blank' : 'first'} was used.`,
        attribute: tagName(tag),
      });
      if (isReplaced) seen.set(tag, found);
      return isReplaced;
    }
    seen.set(tag, found);
    if (tag < last)
      this.warnings.add({
        code: 'elements_out_of_order',
        message: `Element ${tagName(tag)} comes after ${tagName(last)}, although tags must ascend; it was read where it is.`,
        attribute: tagName(tag),
      });
    return true;
  }

  private readElement(at: number, level: Level): Parsed {
    this.spend(level.encoding.explicit ? 4 : 3);
    const chosen = this.choose(at, level);
    const { head, next } = chosen;
    const { tag, vr, value, length } = head;
    const element = { vr, value, length };
    if (level.sequence === undefined && tag === pixelDataTag) return { tag, element, next };
    if (length === undefinedLength) return this.readUndefined(head, level);
    const isSequence = vr === 'SQ' || (vr === undefined && isKnownSequence(tag));
    if (chosen.byItems) return this.readByItems(head, level);
    if (isSequence && length > 0) {
      const { items } = this.readItems(head, next, level, level.encoding);
      return { tag, element: { ...element, items }, next };
    }
    const mayBeSequence = vr === undefined || vr === 'UN' || isKnownSequence(tag);
    if (mayBeSequence && length >= 8 && this.itemAt(value, level.encoding.little)) {
      const inside = vr === 'UN' ? implicitIn(level.encoding) : level.encoding;
      const items = this.attempt(() => this.readItems(head, next, level, inside).items);
      if (items && vr !== undefined && vr !== 'UN')
        this.warnSequence(tag, `the value representation is ${vr}; it was read as a sequence`);
      if (items) return { tag, element: { ...element, items }, next };
      if (isKnownSequence(tag)) throw unusable(`the lengths in sequence ${tagName(tag)} do not fit each other`);
      this.warnSequence(tag, 'the lengths do not fit each other; its items were skipped');
    }
    this.checkSwallowed(head, next, level);
    return { tag, element, next };
  }

  /** The reading of the element at an offset that another element follows. */
  private choose(at: number, level: Level): { readonly head: Head; readonly next: number; readonly byItems?: true } {
    const { encoding, limit, sequence, atFileEnd } = level;
    const { little } = encoding;
    this.origin = at;
    const standard = this.standardHead(at, encoding);
    if (sequence === undefined && this.reader.tagAt(at, little) === pixelDataTag)
      return this.choosePixelData(at, standard, level);
    if (standard && this.follows(standard, level, true)) {
      if (standard.length % 2 === 1 && standard.length !== undefinedLength)
        this.warnOdd(standard, 'there is no padding byte');
      return { head: standard, next: endOf(standard) };
    }

    const tag = this.reader.tagAt(at, little) ?? 0;
    if (standard && standard.length % 2 === 1 && this.leads(endOf(standard) + 1, tag, level, true, chain)) {
      // Another byte belongs to the value.
      if (!this.isPadding(standard)) throw unusable(`the length of element ${tagName(tag)} is one byte too short`);
      this.warnOdd(standard, 'its padding byte is not counted; it was skipped');
      return { head: standard, next: endOf(standard) + 1 };
    }
    if (standard && this.follows(standard, level, false)) return { head: standard, next: endOf(standard) };

    const usual = this.reader.standardForm(at, encoding);
    const others = forms
      .filter((form) => form !== usual && this.reader.mayBeWritten(form, at))
      .flatMap((form) => this.reader.headIn(form, at, little) ?? [])
      .filter((head) => isForm(head, encoding))
      // The end of the file shows nothing: any length may lead to it where the file is cut off.
      .filter((head) => this.follows(head, { ...level, atFileEnd: false }, true));
    const ends = new Set(others.map((head) => endOf(head)));
    const [other] = others;
    if (other && ends.size === 1) {
      this.warnHead(other, encoding, standard);
      return { head: other, next: endOf(other) };
    }
    if (!standard) {
      if (at + 12 > limit || this.partial) throw truncated();
      throw unusable(
        `element ${tagName(tag)} has no value representation, and no length that leads to the next element`,
      );
    }
    const end = endOf(standard);
    if (standard.vr === 'SQ' || (standard.vr === undefined && this.itemAt(standard.value, little)))
      return { head: standard, next: end, byItems: true };
    if (end > limit && atFileEnd && (this.partial || !this.reader.pixelDataAfter(this.origin))) throw truncated();
    throw unusable(
      `the length of element ${tagName(this.wrongLength(standard, level))} does not lead to the next element`,
    );
  }

  /** The element whose length is wrong, where what follows an element makes no sense: the last in a row of sound heads. */
  private wrongLength(head: Head, { encoding, limit }: Level): number {
    let last = head;
    for (let i = 0; i < longChain; i++) {
      const end = endOf(last);
      const next = last.length === undefinedLength || end + 8 > limit ? undefined : this.standardHead(end, encoding);
      if (!next || next.tag <= last.tag || (!encoding.explicit && !isCommon(next.tag))) break;
      last = next;
    }
    return last.tag;
  }

  /** Pixel Data is the last element that is read, so no other shows where it ends: its size does. */
  private choosePixelData(at: number, standard: Head | undefined, { encoding }: Level) {
    const readings = forms.flatMap((form) => this.reader.headIn(form, at, encoding.little) ?? []);
    const ends = (head: Head) =>
      head.length === undefinedLength
        ? this.itemAt(head.value, encoding.little)
        : head.length > 0 && endOf(head) === this.bytes.length;
    const isSound = standard && (standard.vr !== undefined || !encoding.explicit) && this.fits(standard);
    const looksExplicit =
      !encoding.explicit && this.reader.standardForm(at, { ...encoding, explicit: true }) === 'long';
    if (isSound && !looksExplicit) return { head: standard, next: standard.value };
    const [other, ...more] = readings.filter((head) => head !== standard && ends(head));
    if (other && more.every((head) => endOf(head) === endOf(other))) {
      const isUsual = standard && endOf(standard) === endOf(other) && standard.value === other.value;
      if (!isUsual) this.warnHead(other, encoding, standard);
      return { head: other, next: other.value };
    }
    if (standard) return { head: standard, next: standard.value };
    if (at + 12 > this.bytes.length || this.partial) throw truncated();
    throw unusable(`element ${tagName(pixelDataTag)} has no value representation, and no length that fits the file`);
  }

  private warnOdd({ tag, length }: Head, what: string): void {
    this.warnings.add({
      code: 'odd_length',
      message: `Element ${tagName(tag)} has an odd length: ${what}.`,
      attribute: tagName(tag),
      found: String(length),
    });
  }

  private fits = (head: Head): boolean =>
    head.length === undefinedLength || endOf(head) <= this.bytes.length || this.partial;

  private warnHead(head: Head, encoding: VrEncoding, standard: Head | undefined): void {
    const form = head.vr === undefined ? 'without a value representation' : `with another length field, as ${head.vr}`;
    const why = standard ? 'its length leads to no other element' : 'it has no value representation';
    this.warnings.add({
      code: 'element_malformed',
      message: `Element ${tagName(head.tag)} is not written in ${encoding.explicit ? 'Explicit' : 'Implicit'} VR as the elements around it (${why}); it was read ${form}.`,
      attribute: tagName(head.tag),
    });
  }

  private standardHead(at: number, encoding: VrEncoding): Head | undefined {
    const form = this.reader.standardForm(at, encoding);
    return form && this.reader.headIn(form, at, encoding.little);
  }

  /** Whether the value of a head ends where an element, or the end of its data set, follows. */
  private follows(head: Head, level: Level, ascending: boolean): boolean {
    if (head.length === undefinedLength)
      return mayBeUndefined.has(head.vr) && this.itemAt(head.value, level.encoding.little);
    const end = endOf(head);
    return ascending
      ? this.leads(end, head.tag, level, true, chain)
      : this.leads(end, head.tag, level, false, longChain);
  }

  /** Whether an offset is the end of the level, or the head of an element. */
  private leads(at: number, after: number, level: Level, ascending: boolean, depth: number): boolean {
    const { encoding, limit, open, atFileEnd } = level;
    if (at === limit) return !open || atFileEnd;
    if (at > limit) return atFileEnd && this.partial;
    // The file ends within the next head: it is cut off, or this is its beginning only.
    if (at + 8 > limit) return atFileEnd;
    const tag = this.reader.tagAt(at, encoding.little) ?? 0;
    if (isDelimiter(tag)) return tag === itemTag ? open : this.reader.uint32(at + 4, encoding.little) === 0;
    return this.isElement(at, after, level, ascending, depth, true);
  }

  /** Whether the head of an element lies at an offset: in the usual form, or where `anyForm` in another one. */
  private isElement(
    at: number,
    after: number,
    level: Level,
    ascending: boolean,
    depth: number,
    anyForm: boolean,
  ): boolean {
    const { encoding, limit, atFileEnd } = level;
    const usual = this.reader.standardForm(at, encoding);
    const allowed: readonly (Form | undefined)[] = anyForm && ascending ? [usual, ...forms] : [usual];
    return allowed.some((form) => {
      const head = form && this.reader.headIn(form, at, encoding.little);
      if (!head) return form !== undefined && atFileEnd;
      if (form !== usual && !(isForm(head, encoding) && this.reader.mayBeWritten(form, at))) return false;
      const group = Math.floor(head.tag / 65_536);
      if (group === 0 || (ascending && head.tag <= after)) return false;
      if (!ascending && group > 0x7fe0) return false;
      if (head.length === undefinedLength)
        return mayBeUndefined.has(head.vr) && this.itemAt(head.value, encoding.little);
      if (head.tag === pixelDataTag && level.sequence === undefined) return true;
      const end = endOf(head);
      if (end > limit) return atFileEnd && (this.partial || !this.reader.pixelDataAfter(this.origin));
      if (end === limit) return true;
      if (depth === 0) return true;
      if (end + 8 > limit) return atFileEnd;
      const next = this.reader.tagAt(end, encoding.little) ?? 0;
      if (isDelimiter(next)) return true;
      // A padding byte that is not counted is skipped when the element itself is read.
      const ends = anyForm && this.isPadding(head) ? [end, end + 1] : [end];
      return ends.some((start) => this.isElement(start, head.tag, level, ascending, depth - 1, anyForm));
    });
  }

  /** Whether a length is odd, and a padding byte follows (PS3.5, 6.2: values are padded with a space or a zero byte). */
  private isPadding(head: Head): boolean {
    const padding = this.bytes[endOf(head)];
    return head.length % 2 === 1 && head.length !== undefinedLength && (padding === 0x20 || padding === 0);
  }

  itemAt(at: number, little: boolean): boolean {
    const tag = this.reader.tagAt(at, little);
    return tag === itemTag || tag === sequenceEnd || (tag === undefined && this.partial);
  }

  /** A value of undefined length: items, or the fragments of an image within an item, which are skipped. */
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
      next: this.readFragments(head, level.limit, level.encoding.little).next,
    });
    if (vr === 'SQ') return sequence();
    // PS3.5, A.4: encapsulated pixel data is OB. In Implicit VR only what it holds says which of the two it is.
    const [first, second] =
      tag === pixelDataTag || vr === 'OB' || vr === 'OW' ? [fragments, sequence] : [sequence, fragments];
    const asExpected = this.attempt(first);
    if (asExpected) return asExpected;
    // The first attempt is not run again to have its error: nested, that would take exponential time.
    const { failure } = this;
    const otherwise = this.attempt(second);
    if (!otherwise) throw failure;
    return otherwise;
  }

  /** A sequence whose length leads nowhere: its items say how long it is, where they agree with what follows. */
  private readByItems(head: Head, level: Level): Parsed {
    const { tag, length } = head;
    const read = this.attempt(() => this.readItems(head, undefined, level, level.encoding, true));
    if (!read) {
      const cut = endOf(head) > level.limit && level.limit === this.bytes.length;
      if (cut && !this.reader.pixelDataAfter(this.origin)) throw truncated();
      const wrong = this.wrongLength(head, level);
      const kind = wrong === tag ? 'sequence' : 'element';
      throw unusable(`the length of ${kind} ${tagName(wrong)} does not lead to the next element`);
    }
    this.warnings.add({
      code: 'sequence_malformed',
      message: `The length of sequence ${tagName(tag)} does not lead to the next element; it was read to the end of its last item.`,
      attribute: tagName(tag),
      found: String(length),
    });
    return { tag, element: { ...head, items: read.items }, next: read.next };
  }

  /** The items of a sequence, to its stated end, its delimiter or, `byItems`, the first element that is no item. */
  private readItems(
    { tag, value }: Head,
    end: number | undefined,
    parent: Level,
    encoding: VrEncoding,
    byItems = false,
  ): { items: readonly ElementSet[]; next: number } {
    // Final, so that no other reading of it is tried at each level.
    if (parent.depth >= maxDepth) throw new TooManyElements('sequences nested too deep');
    const conflict = () => unusable(`the lengths in sequence ${tagName(tag)} do not fit each other`);
    const limit = end ?? parent.limit;
    const { little } = encoding;
    const items: ElementSet[] = [];
    let at = value;
    let lastIsOpen = true;
    while (at !== end) {
      if (end === undefined && at === limit && byItems) break;
      const found = at + 8 > limit ? undefined : this.reader.tagAt(at, little);
      if (found === undefined) throw limit === this.bytes.length ? truncated() : conflict();
      this.spend(3);
      const length = this.reader.uint32(at + 4, little);
      if (found === sequenceEnd) {
        at += 8;
        if (end === undefined) return { items, next: at };
        if (at !== end) throw conflict();
        this.warnSequence(tag, 'a delimiter lies within the stated length; it was skipped');
        break;
      }
      if (found !== itemTag) {
        // Only an element of the level above may follow, and only after an item that has a delimiter of its own, or a
        // sequence whose length is wrong anyway: otherwise the item's length could be what is wrong.
        const isParents = end === undefined && this.leads(at, tag, parent, true, chain) && !isDelimiter(found);
        if (!isParents || !(byItems || (lastIsOpen && items.length > 0))) throw conflict();
        if (!byItems) this.warnSequence(tag, 'the Sequence Delimitation Item is missing');
        return { items, next: at };
      }
      const open = length === undefinedLength;
      const itemLimit = open ? limit : at + 8 + length;
      if (itemLimit > limit) {
        const cut = limit === this.bytes.length && !this.reader.pixelDataAfter(this.origin);
        throw cut ? truncated() : conflict();
      }
      const elements: Record<string, Element> = {};
      const written = this.itemEncoding(tag, at + 8, itemLimit, encoding, parent.depth);
      const level = {
        encoding: written,
        limit: itemLimit,
        open,
        sequence: tag,
        depth: parent.depth + 1,
        atFileEnd: itemLimit === this.bytes.length,
      };
      at = this.readElements(at + 8, level, elements);
      lastIsOpen = open;
      items.push({ bytes: this.bytes, little, elements });
    }
    return { items, next: at };
  }

  /** The encoding of an item: that of its sequence, or the other one where only that makes sense. */
  private itemEncoding(tag: number, at: number, limit: number, encoding: VrEncoding, depth: number): VrEncoding {
    const first = this.reader.tagAt(at, encoding.little);
    if (at + 8 > limit || first === undefined || isDelimiter(first)) return encoding;
    const makesSense = (candidate: VrEncoding) =>
      this.isElement(
        at,
        0,
        {
          encoding: candidate,
          limit,
          open: true,
          sequence: tag,
          depth,
          atFileEnd: this.partial && limit === this.bytes.length,
        },
        true,
        chain,
        false,
      );
    const other = { ...encoding, explicit: !encoding.explicit };
    if (makesSense(encoding) || !makesSense(other)) return encoding;
    this.warnSequence(
      tag,
      `items are written in ${other.explicit ? 'Explicit' : 'Implicit'} VR, unlike the elements around`,
    );
    return other;
  }

  /**
   * The fragments of encapsulated pixel data (PS3.5, A.4), the Basic Offset Table included.
   *
   * @param end where they end also without a Sequence Delimitation Item
   */
  readFragments(
    { tag, value }: Pick<Head, 'tag' | 'value'>,
    limit: number,
    little: boolean,
    end?: number,
  ): { fragments: readonly Fragment[]; next: number } {
    const name = tagName(tag);
    const fragments: Fragment[] = [];
    let at = value;
    while (true) {
      this.spend(3);
      if (at === end) return { fragments, next: at };
      if (at >= limit && tag === pixelDataTag && limit === this.bytes.length && fragments.length > 1) {
        if (at > limit) throw truncated('the file ends inside its pixel data');
        this.warnings.add({
          code: 'sequence_malformed',
          message: `The fragments of ${name} have no Sequence Delimitation Item; the last one ends with the file.`,
          attribute: name,
        });
        return { fragments, next: at };
      }
      const found = at + 8 > limit ? undefined : this.reader.tagAt(at, little);
      if (found === undefined) throw truncated('the file ends inside its pixel data');
      const length = this.reader.uint32(at + 4, little);
      if (found === sequenceEnd) return { fragments, next: at + 8 };
      const last = fragments.at(-1);
      if (found !== itemTag && last && last.length % 2 === 1 && this.itemAt(at + 1, little)) {
        this.warnings.add({
          code: 'odd_length',
          message: `A fragment of ${name} has an odd length that leaves out its padding byte; the byte was skipped.`,
          attribute: name,
          found: String(last.length),
        });
        at += 1;
        continue;
      }
      if (found !== itemTag || length === undefinedLength) throw unusable(`the fragments of ${name} do not join up`);
      if (at + 8 + length > limit && tag === pixelDataTag) throw truncated('the file ends inside its pixel data');
      if (at + 8 + length > limit) throw unusable(`the fragments of ${name} do not join up`);
      fragments.push({ value: at + 8, length });
      at += 8 + length;
    }
  }

  /** Run an attempt; undefined, and without its warnings, where it ends in a fault. */
  private attempt<Value>(run: () => Value): Value | undefined {
    const before = this.warnings.list.length;
    try {
      return run();
    } catch (error) {
      // Of a file that is not all there, a part that is cut off cannot be judged.
      const isJudged = error instanceof HeaderError && (error.fault.code === 'unusable_header' || !this.partial);
      if (!isJudged) throw error;
      this.warnings.list.length = before;
      this.failure = error;
      return undefined;
    }
  }

  /**
   * A length that is too large may lead to an element all the same: to a later one, or into an item of a sequence that it
   * swallows. So the value is searched for a run of elements that ends with the value, or reaches beyond it and leads to
   * another element there.
   */
  private checkSwallowed({ tag, vr, value, length }: Head, next: number, level: Level): void {
    const { encoding, limit } = level;
    if (next === this.bytes.length && this.swallowsPixelData(value, next, encoding))
      throw unusable(`the length of element ${tagName(tag)} reaches over Pixel Data (7FE0,0010)`);
    if (length < 8 || length > maxSearched) return;
    const following = next + 4 > limit ? undefined : this.reader.tagAt(next, encoding.little);
    const upper = following === undefined || isDelimiter(following) || following <= tag ? pixelDataTag : following;
    const end = value + length;
    // A private blob may hold a data set of its own, and binary values anything: there only attributes that are used count.
    const isText = encoding.explicit ? !/^(O.|UN)$/.test(vr ?? '') : !isBinary(tag);
    const onlyKnown = isPrivate(tag) || !isText;
    for (let start = value; start + 8 <= end; start++) {
      let at = start;
      let before = tag;
      let counts = !onlyKnown;
      let isBeyond = false;
      while (at + 8 <= end && !isBeyond) {
        this.steps -= 1;
        // So many bytes in small elements are a device's own data: their lengths are believed.
        if (this.steps < 0) return;
        const inner = this.reader.tagAt(at, encoding.little) ?? 0;
        // Two characters of text make a group of 2020 or more, which headers do not have.
        if (inner <= before || inner >= pixelDataTag || !isCommon(inner)) break;
        const head = this.standardHead(at, encoding);
        if (!head) break;
        counts ||= isKnown(inner);
        isBeyond = counts && this.reachesBeyond(head, end, level);
        if (!isBeyond && endOf(head) > end) break;
        before = inner;
        at = endOf(head);
      }
      const isRun = isBeyond || (at === end && at > start && before < upper);
      if (isRun && counts)
        throw unusable(`the length of element ${tagName(tag)} reaches over element ${tagName(before)}`);
    }
  }

  /** Whether an element that begins within a value goes on behind it, and leads to another element there. */
  private reachesBeyond(head: Head, end: number, level: Level): boolean {
    if (this.partial) return false;
    if (head.length === undefinedLength)
      return mayBeUndefined.has(head.vr) && this.itemAt(head.value, level.encoding.little);
    if (endOf(head) <= end || endOf(head) >= level.limit) return false;
    return this.leads(endOf(head), head.tag, { ...level, atFileEnd: false }, true, chain);
  }

  /** Whether Pixel Data lies at the end of a value that ends with the file. */
  private swallowsPixelData(value: number, end: number, encoding: VrEncoding): boolean {
    const at = this.reader.pixelDataAt();
    const head = at >= value && at + 12 <= end ? this.standardHead(at, encoding) : undefined;
    return head !== undefined && (endOf(head) === end || head.length === undefinedLength);
  }

  private spend(reads: number): void {
    this.left -= reads;
    if (this.left < 0) throw new TooManyElements('too many elements');
  }
}

/** Attributes of binary values, which Implicit VR does not mark: lookup tables, palettes, documents, curves, waveforms, overlays. */
const isBinary = (tag: number): boolean =>
  [0x0028_1408, 0x0028_3006, 0x0042_0011].includes(tag) ||
  (tag >= 0x0028_1200 && tag < 0x0028_1300) ||
  (tag >= 0x5000_0000 && tag < 0x6100_0000);

/** Whether an attribute is of a group that headers have. Text read as a tag gives a group above all of them but the last. */
const isCommon = (tag: number): boolean => tag < 0x2000_0000 || isKnown(tag);

/** In Implicit VR, only a value representation shows that an element is written in Explicit VR. */
const isForm = ({ vr }: Head, { explicit }: VrEncoding): boolean => explicit || vr !== undefined;

/** Whether a value is empty, or text that consists of padding. */
const isBlank = (value: Uint8Array, vr: string | undefined): boolean => unpadded(value, vr).length === 0;

/** Text without its padding (PS3.5, 6.2: spaces, of a UID a zero byte). Without a value representation, zero bytes may be a number. */
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

/** PS3.5, 6.2.2, note 2: what is inside an element of unknown value representation is in Implicit VR. */
const implicitIn = ({ little }: VrEncoding): VrEncoding => ({ little, explicit: false });
