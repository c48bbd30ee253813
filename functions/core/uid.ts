/** Whether text is a UID (PS3.5 9.1). Leading zeros of a component are allowed: some files have them. */
export const isUid = (text: string): boolean => text.length <= 64 && /^[0-9]+(\.[0-9]+)+$/.test(text);

/**
 * Whether a value has only the characters of a UID, so that it is safe in the path of a URL. Unlike {@link isUid}, one
 * component alone is enough: an archive may list such a study.
 */
export const isUidText = (value: string | undefined): value is string =>
  value !== undefined && value.length <= uidTextSchema.maxLength && uidPattern.test(value);

const uidPattern = /^[0-9]+(\.[0-9]+)*$/;

/** The rule of {@link isUidText} as JSON Schema. */
export const uidTextSchema = { maxLength: 64, pattern: uidPattern.source } as const;
