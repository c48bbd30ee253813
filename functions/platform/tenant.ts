/** Who asks where no key is needed: on loopback and on the command line. */
export const localTenant = 'local';
