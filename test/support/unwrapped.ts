/** The output of `alara doctor` with one line per result and one per fix: the command wraps both at 80 columns. */
export const unwrapped = (text: string): string => text.replaceAll(/\n {20}| *\n {6}(?!fix: )(?=\S)/g, ' ');
