/** What objects made here say in Manufacturer (0008,0070): the writer sets it, and no object that has it is read. */
export const manufacturer = 'Alara';
