/** Types of the part of dcmjs that writes files. The package has no types of its own. */
declare module 'dcmjs' {
  type Elements = Record<string, unknown>;
  export const log: { disableAll(): void };
  export const data: {
    DicomMetaDictionary: { denaturalizeDataset(dataset: object): Elements };
    DicomDict: new (
      meta: Elements,
    ) => {
      dict: Elements;
      write(options: { allowInvalidVRLength: boolean; fragmentMultiframe: boolean }): ArrayBuffer;
    };
  };
}
