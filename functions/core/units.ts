declare const unit: unique symbol;
type Unit<Name extends string> = number & { readonly [unit]: Name };

/** Pixels along one side. */
export type Px = Unit<'px'>;
/** Milliseconds. */
export type Ms = Unit<'ms'>;
/** Raw model output. It has no meaning before calibration. */
export type Logit = Unit<'logit'>;
/** A calibrated probability in [0, 1]. The API emits no other score. */
export type Probability = Unit<'probability'>;

export const px = (n: number): Px => n as Px;
export const ms = (n: number): Ms => n as Ms;
export const logit = (n: number): Logit => n as Logit;
export const probability = (n: number): Probability => n as Probability;
