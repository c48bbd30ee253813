/** Who asks where no key is needed: this machine itself on loopback, and the command line. */
export const localTenant = 'local';
