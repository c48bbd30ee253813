/** A value or a fault. Faults that a caller can cause are values; exceptions are for bugs. */
export type Result<Value, Failure> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly fault: Failure };

export const ok = <Value>(value: Value) => ({ ok: true, value }) as const;
export const fail = <Failure>(fault: Failure) => ({ ok: false, fault }) as const;
